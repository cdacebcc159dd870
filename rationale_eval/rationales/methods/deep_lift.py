"""DeepLIFT: differences from a baseline passed back through the network, with the rescale rule at activations."""

from __future__ import annotations

import warnings
from collections.abc import Container, Sequence
from functools import cache
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from transformers import activations

from rationale_eval.models.base import Batch, TaskModel
from rationale_eval.rationales.attribution import (
    BASELINES,
    Baseline,
    Point,
    Probe,
    Subject,
    TokenScores,
    matters,
    word_scores,
)
from rationale_eval.rationales.network import longest, looking_into
from rationale_eval.rationales.record import Found, Merge, method

_ELEMENTWISE: Final = (
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
    *(kind for kind in vars(activations).values() if isinstance(kind, type) and issubclass(kind, nn.Module)),
)
"""Activations that act on each number by itself. captum's table lacks them; its rescale rule holds for all such."""

SMALLEST_DIFFERENCE: Final = 1e-2
"""Below this difference of an activation's inputs its gradient stands in for the quotient. A smaller bound lets float32
rounding, and with it the padding of a batch, show in the scores; captum's own is 1e-10."""


@cache
def _activations() -> Container[type[nn.Module]]:
    """The table of activations of captum, and ours in it. Read when it is asked for: captum takes a second to load."""
    from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR, nonlinear

    for kind in _ELEMENTWISE:
        SUPPORTED_NON_LINEAR.setdefault(kind, nonlinear)
    return SUPPORTED_NON_LINEAR


def _reason(model: TaskModel) -> str | None:
    if any(type(module) in _activations() for module in model.network.modules()):
        return None
    return (
        f"DeepLIFT knows none of the activations of {model.name}, so it would be gradient x (input - baseline) under "
        "another name; use integrated_gradients"
    )


class _Scores(nn.Module):
    """The target choice's score as a function of embeddings, in the form captum wants."""

    def __init__(self, model: TaskModel):
        super().__init__()
        self.network = model.network
        self.model = model

    def forward(
        self,
        embeds: Tensor,
        ids: Tensor,
        attention: Tensor | None,
        types: Tensor,
        targets: Tensor | None,
        lengths: Tensor,
        columns: Tensor,
    ) -> Tensor:
        """Scores float32 `[rows]`."""
        scores = self.model.scores(Batch(ids, attention, types, targets, lengths, embeds))
        return scores.float().gather(1, columns[:, None])[:, 0]


@method(
    "deep_lift",
    title="DeepLIFT (rescale)",
    family="gradient",
    signed=True,
    deterministic=True,
    options={"baseline": BASELINES},
    cite="Shrikumar, Greenside and Kundaje 2017, section 3.5.1 (rescale rule), by captum",
    describe=(
        "Gradient x (input - baseline), where activation functions (ReLU, GELU, SiLU, tanh ...) pass on quotients"
        " of differences. The convergence delta is kept in the notes."
    ),
    avoid=(
        "Not where scores must add up to a difference of outputs: the attention's softmax and products and layer "
        "norm keep plain gradients, so look at the convergence delta first."
    ),
    is_compatible=_reason,
)
def deep_lift(
    probe: Probe, subjects: Sequence[Subject], *, baseline: Baseline = "pad", merge: Merge = "sum"
) -> list[Found]:
    """s_i = <e_i - b_i, m_i>, m the product of multipliers delta out / delta in; explains the score (logit)."""
    from captum.attr import DeepLift

    _activations()
    rows = [matters(subject, probe.model, "logit") for subject in subjects]
    scores = _Scores(probe.model)
    explainer = DeepLift(scores, eps=SMALLEST_DIFFERENCE)
    kind = probe.model.embedding().weight.dtype
    tokens: dict[int, TokenScores] = {}
    deltas: dict[int, float] = {}

    def run(chunk: Sequence[Point]) -> list[tuple[list, float]]:
        line, batch = probe.line(subjects, rows, chunk, baseline)
        columns = torch.tensor([subjects[point.subject].target % probe.model.outputs for point in chunk])
        rest = (batch.ids, batch.attention, batch.types, batch.targets, batch.lengths, columns.to(batch.ids.device))
        text, start = line.text.to(kind).requires_grad_(), line.baseline.to(kind)
        found = explainer.attribute(text, start, additional_forward_args=rest).float().sum(-1)
        with torch.no_grad():
            change = scores(text, *rest) - scores(start, *rest)
        values = found.detach().double().cpu().numpy()
        return [
            ([value[: len(rows[point.subject][0].ids)]], float(value.sum() - gap))
            for point, value, gap in zip(chunk, values, change.double().cpu().numpy(), strict=True)
        ]

    points = [Point(i) for i in range(len(subjects))]
    with looking_into(probe.model, longest(rows)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
        for chunk, found in probe.packed(points, lambda point: rows[point.subject], run):
            for point, (values, delta) in zip(chunk, found, strict=True):
                tokens[point.subject], deltas[point.subject] = values, delta
    ordered = [tokens[i] for i in range(len(subjects))]
    return [
        Found(np.asarray(found), {"convergence_delta": deltas[i]})
        for i, found in enumerate(word_scores(probe, subjects, ordered, "logit", merge))
    ]
