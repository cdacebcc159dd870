"""Attention maps of a network, averaged over heads; eager attention is switched on for as long as they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel

from rationale_eval.models.base import Row, TaskModel
from rationale_eval.rationales.attribution import Point, Probe, Subject, TokenScores, matters
from rationale_eval.rationales.network import eager_attention, longest, looking_into

Query = Literal["auto", "first", "last", "mean"]
QUERIES: Final = ("auto", "first", "last", "mean")
"""From which positions attention is read. `first`: the first token ([CLS]); `last`: the positions that predict the
choice, or the last token where there is no choice text; `mean`: all tokens; `auto`: `last` for causal networks, else
`first`."""

Maps = NDArray[np.float64]
"""Attention averaged over heads, float64 `[layers, tokens, tokens]`; rows are queries and add up to 1."""


def no_maps(model: TaskModel) -> str | None:
    """Why attention cannot be read, or None."""
    if not isinstance(model.network, PreTrainedModel):
        return f"{model.name} is not a transformers network, so its attention cannot be read; use another method"
    if model.network.config.is_encoder_decoder:
        return (
            f"{model.name} scores choices in its decoder, and its encoder's attention does not depend on the choice; "
            "use a gradient method"
        )
    return None


def attention_scores(
    probe: Probe, subjects: Sequence[Subject], summarise: Callable[[Maps], NDArray[np.float64]], query: Query
) -> list[TokenScores]:
    """Attention from the query positions to each token.

    Args:
        probe: Into the model.
        subjects: The examples; of a scorer of choices the target choice's row is read.
        summarise: From all layers' maps to one, float64 `[tokens, tokens]`.
        query: A name in `QUERIES`.

    Returns:
        For each subject one float64 `[tokens]`.
    """
    rows = [matters(subject, probe.model, "logit") for subject in subjects]
    kind = probe.model.embedding().weight.dtype
    found: list[TokenScores] = [[] for _ in subjects]

    def run(chunk: Sequence[Point]) -> list[NDArray[np.float64]]:
        # With gradients on, a model reads by the network itself and not by a quicker equal of it.
        with _recorded(probe.model.network) as layers:
            line, batch = probe.line(subjects, rows, chunk, "zero")
            probe.model.scores(replace(batch, embeds=line.text.to(kind)))
            maps = torch.stack([layer.detach().float().mean(dim=1) for layer in layers], dim=1).double().cpu().numpy()
        scores = []
        for point, each in zip(chunk, maps, strict=True):
            (row,) = rows[point.subject]
            each = each[:, : len(row.ids), : len(row.ids)]
            scores.append(summarise(each)[_asking(row, each, query)].mean(axis=0))
        return scores

    points = [Point(i) for i in range(len(subjects))]
    with looking_into(probe.model, longest(rows)):
        for chunk, results in probe.packed(points, lambda point: rows[point.subject], run):
            for point, scores in zip(chunk, results, strict=True):
                found[point.subject] = [scores]
    return found


def _asking(row: Row, maps: Maps, query: Query) -> slice:
    size = len(row.ids)
    if query == "auto":
        causal = size > 1 and not np.triu(maps[-1], 1).any()
        query = "last" if causal else "first"
    if query == "mean":
        return slice(0, size)
    if query == "first":
        return slice(0, 1)
    return slice(size - len(row.target) - 1, size - 1) if len(row.target) else slice(size - 1, size)


@contextmanager
def _recorded(network: nn.Module) -> Iterator[list[Tensor]]:
    """Fills the list with each layer's attention, `[rows, heads, tokens, tokens]`, when the network runs."""
    layers: list[Tensor] = []

    def keep(module: nn.Module, arguments: Any, outputs: Any) -> None:
        # The outermost network that reports attention comes last; inner ones report the same.
        layers[:] = getattr(outputs, "attentions", None) or layers

    config: Any = network.config
    wanted = config.output_attentions
    with eager_attention(network):
        config.output_attentions = True
        hooks = [part.register_forward_hook(keep) for part in network.modules() if isinstance(part, PreTrainedModel)]
        try:
            yield layers
        finally:
            for hook in hooks:
                hook.remove()
            config.output_attentions = wanted
