"""An extractor without an encoder: attributions of the task model's own answer (UNIREX: AA)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from rationale_eval.errors import UsageError
from rationale_eval.models.base import NO_WORD, Encoding, TaskModel
from rationale_eval.rationales.attribution import Probe, Subject
from rationale_eval.rationales.extractors.heads import token_head
from rationale_eval.rationales.extractors.record import Extractor, Reading, extractor, hidden_size
from rationale_eval.rationales.network import eager_attention
from rationale_eval.rationales.record import METHODS

Pooling = Literal["sum", "mlp"]

STEPS: Final = 3
"""Points on the path of integrated gradients (UNIREX, released code)."""


@extractor
class Attributed(Extractor):
    """a_t = pool over d of s_td, s the attribution of dimension d of token t to the explained choice's score.

    Args:
        method: `integrated_gradients` or `input_x_gradient` by dimension; or any other method of gradients or
            attention, whose word scores every token of the word gets.
        params: Parameters of the method.
        pooling: `sum` over dimensions, or an `mlp` that is trained; the latter needs scores by dimension.
        width: Width of the embeddings.
        second_order: Whether gradients may flow through the attribution into the task model, which differentiates
            twice.

    Raises:
        UsageError: If the method cannot be used so.

    Source: Chan et al. 2022 (UNIREX), section 4.1 (attribution algorithms).
    """

    kind = "attributed"

    def __init__(
        self,
        method: str,
        params: Mapping[str, Any],
        pooling: Pooling = "sum",
        *,
        width: int = 0,
        second_order: bool = False,
    ):
        super().__init__()
        self.method, self.params, self.pooling, self.second_order = method, dict(params), pooling, second_order
        by_dimension = method in BY_DIMENSION
        if pooling == "mlp" and not by_dimension:
            raise UsageError(f"mlp pooling needs scores by dimension: choose one of {', '.join(BY_DIMENSION)}")
        if not by_dimension and METHODS[method].family not in ("gradient", "attention"):
            raise UsageError(f"'{method}' cannot be an extractor in training; choose one of gradients or attention")
        self.settings_of_method = {} if by_dimension else METHODS[method].settings(self.params)
        self.pool = token_head(width, "mlp") if pooling == "mlp" else None

    def logits(self, model: TaskModel, reading: Reading) -> Tensor:
        """Token scores `[rows, tokens]`, computed in eval mode; without a gradient unless `second_order`."""
        with torch.enable_grad(), _eval(model.network):
            if self.method not in BY_DIMENSION:
                return self._by_word(model, reading)
            scores = BY_DIMENSION[self.method](model, reading, self.params, self.second_order)
        if self.pool is None:
            return scores.sum(dim=-1)
        found: Tensor = self.pool(scores).squeeze(-1)
        return found.float()

    def _by_word(self, model: TaskModel, reading: Reading) -> Tensor:
        subjects = []
        for row, chosen in zip(reading.rows, reading.classes.tolist(), strict=True):
            words = int(row.word.max(initial=NO_WORD)) + 1
            seen = np.isin(np.arange(words), row.word)
            subjects.append(Subject(Encoding((row,), words, seen, truncated=False), chosen))
        found = METHODS[self.method].explain(Probe(model), subjects, **self.settings_of_method)
        scores = np.zeros(reading.word.shape)
        for place, (row, one) in enumerate(zip(reading.rows, found, strict=True)):
            inside = np.flatnonzero(row.word != NO_WORD)
            scores[place, inside] = one.scores[row.word[inside]]
        return torch.from_numpy(scores).float().to(reading.word.device)

    def settings(self) -> dict[str, Any]:
        """Method, its parameters and the pooling."""
        return {"method": self.method, "params": self.params, "pooling": self.pooling}

    @classmethod
    def build(cls, model: TaskModel, settings: dict[str, Any]) -> Attributed:
        """An extractor for a task model."""
        return cls(settings["method"], settings["params"], settings["pooling"], width=hidden_size(model))


def input_x_gradient(model: TaskModel, reading: Reading, params: Mapping[str, Any], second_order: bool) -> Tensor:
    """s_td = e_td df/de_td, float32 `[rows, tokens, hidden]`."""
    text = _embedded(model, reading, second_order)
    gradient = _gradient(model, reading, text, second_order)
    return _kept(text * gradient, second_order)


def integrated_gradients(model: TaskModel, reading: Reading, params: Mapping[str, Any], second_order: bool) -> Tensor:
    """s_td = (e_td - b_td) times the mean over points of df/de_td, b the padding embedding in place of each word."""
    # Only this extractor needs captum, and reading it takes a second of every training's start.
    from captum.attr._utils.approximation_methods import approximation_parameters

    text = _embedded(model, reading, second_order)
    inside = (reading.word != NO_WORD)[..., None]
    absent = model.embedding().weight[model.pad_id]
    baseline = torch.where(inside, absent if second_order else absent.detach(), text)
    sizes, places = (of(int(params.get("steps", STEPS))) for of in approximation_parameters("gausslegendre"))
    total = torch.zeros_like(text)
    for size, place in zip(sizes, places, strict=True):
        point = baseline + place * (text - baseline)
        total = total + size * _gradient(model, reading, point, second_order)
    return _kept((text - baseline) * total, second_order)


BY_DIMENSION: Final = {"integrated_gradients": integrated_gradients, "input_x_gradient": input_x_gradient}


def _embedded(model: TaskModel, reading: Reading, second_order: bool) -> Tensor:
    text: Tensor = model.embedding()(reading.batch.ids)
    return text if second_order and text.requires_grad else text.detach().requires_grad_()


def _gradient(model: TaskModel, reading: Reading, embeds: Tensor, second_order: bool) -> Tensor:
    if not embeds.requires_grad:
        embeds = embeds.detach().requires_grad_()
    # Fused attention cannot be differentiated twice.
    with eager_attention(model.network):
        scores = model.scores(replace(reading.batch, embeds=embeds)).gather(1, reading.classes[:, None])
    (found,) = torch.autograd.grad(scores.sum(), embeds, create_graph=second_order)
    return found


def _kept(scores: Tensor, second_order: bool) -> Tensor:
    return scores.float() if second_order else scores.detach().float()


class _eval:
    """Eval mode for the length of a block, so that attributions do not depend on dropout."""

    def __init__(self, network: nn.Module):
        self._training = [module for module in network.modules() if module.training]

    def __enter__(self) -> None:
        for module in self._training:
            module.training = False

    def __exit__(self, *_: object) -> None:
        for module in self._training:
            module.training = True
