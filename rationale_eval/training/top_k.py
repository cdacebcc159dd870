"""Which tokens a rationale of k % keeps, for all k at once; and differentiable forms of that choice.

Unlike the selection rules of evaluation, these work on padded tensors, and always keep the tokens that are no unit of
choice: the first token, or with words as units all special tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from rationale_eval.models.base import NO_WORD
from rationale_eval.rationales.extractors import Reading

Unit = Literal["token", "word"]
"""`token`: every token but the first may be chosen, separators included (UNIREX, released code). `word`: words, as in
evaluation; a word's score is the mean of its tokens'."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What may be chosen in each row.

    Args:
        of: Unit of each token, int64 `[rows, tokens]`; -1 where the token is always kept or is padding.
        attended: Booleans `[rows, tokens]`.
        exist: Booleans `[rows, units]`.
    """

    of: Tensor
    attended: Tensor
    exist: Tensor


def units(reading: Reading, unit: Unit) -> Units:
    """The units of choice of some rows."""
    attended = reading.attended
    if unit == "token":
        of = torch.arange(attended.shape[1], device=attended.device).expand(attended.shape) - 1
        of = of.masked_fill(~attended, NO_WORD)
    else:
        of = reading.word
    exist = torch.zeros(len(of), max(int(of.max()) + 1, 1), dtype=torch.bool, device=of.device)
    rows, tokens = torch.nonzero(of >= 0, as_tuple=True)
    exist[rows, of[rows, tokens]] = True
    return Units(of, attended, exist)


def pooled(logits: Tensor, units: Units) -> Tensor:
    """Unit scores, the mean over a unit's tokens, `[rows, units]`; 0 where there is no such unit."""
    inside = units.of >= 0
    places = units.of.clamp(min=0)
    shape = units.exist.shape
    sums = logits.new_zeros(shape).scatter_add(1, places, logits * inside)
    counts = logits.new_zeros(shape).scatter_add(1, places, inside.to(logits))
    return sums / counts.clamp(min=1)


def counts(units: Units, bins: Sequence[float]) -> Tensor:
    """How many units are k %, for each bin: round half to even, at least 1; int64 `[bins, rows]`.

    Source: Chan et al. 2022 (UNIREX), released code.
    """
    shares = torch.tensor(bins, dtype=torch.float64, device=units.exist.device)[:, None] / 100
    return (units.exist.sum(dim=1).double() * shares).round().long().clamp(min=1)


def ranks(scores: Tensor, units: Units) -> Tensor:
    """Place of each unit from the highest score down, equal scores in reading order, int64 in the shape of the scores,
    `[..., rows, units]`; units that do not exist come last.
    """
    order = scores.detach().masked_fill(~units.exist, -torch.inf).argsort(dim=-1, descending=True, stable=True)
    places = torch.arange(order.shape[-1], device=order.device).expand(order.shape)
    return torch.empty_like(order).scatter_(-1, order, places)


def top_k(scores: Tensor, units: Units, sizes: Tensor) -> Tensor:
    """The chosen units, booleans `[..., bins, rows, units]`.

    Args:
        scores: Unit scores `[..., rows, units]`, of one or of many draws.
        units: The units.
        sizes: How many to choose, `[bins, rows]`.
    """
    return (ranks(scores, units).unsqueeze(-3) < sizes[:, :, None]) & units.exist


def straight_through(scores: Tensor, units: Units, sizes: Tensor, temperature: float) -> Tensor:
    """1 for chosen units and 0 for others, with the gradient of sigmoid((s - threshold_k) / temperature).

    threshold_k lies half-way between the last score that is chosen and the first that is not, and gets no gradient.

    Returns:
        Shares `[bins, rows, units]`.

    Source: straight-through estimator, Bengio et al. 2013.
    """
    hard = top_k(scores, units, sizes).to(scores)
    order = scores.detach().masked_fill(~units.exist, -torch.inf).sort(dim=1, descending=True).values
    last = order.gather(1, (sizes - 1).T).T
    there = sizes.T.clamp(max=order.shape[1] - 1)
    following = order.gather(1, there).T
    # Where everything is chosen there is no first that is not: the threshold is the last that is.
    following = torch.where(torch.isfinite(following), following, last)
    soft = torch.sigmoid((scores - ((last + following) / 2)[:, :, None]) / temperature)
    return hard + (soft - soft.detach()) * units.exist


def gumbel(scores: Tensor, units: Units, sizes: Tensor, temperature: float, noise: Tensor) -> Tensor:
    """`straight_through` of scores with Gumbel noise: a draw without replacement in proportion to exp(score).

    Args:
        scores: Unit scores `[rows, units]`.
        units: The units.
        sizes: How many to choose, `[bins, rows]`.
        temperature: Of the gradient.
        noise: Uniform in (0, 1), `[rows, units]`.

    Returns:
        Shares `[bins, rows, units]`.

    Source: Kool et al. 2019 (Gumbel-top-k), with the straight-through gradient above in place of a relaxed one.
    """
    drawn = scores - torch.log(-torch.log(noise.clamp(1e-12, 1 - 1e-7)))
    return straight_through(drawn, units, sizes, temperature)


def perturbed(scores: Tensor, units: Units, sizes: Tensor, spread: float, noise: Tensor) -> Tensor:
    """The mean of top-k over Gaussian perturbations, which is differentiable.

    y = E[topk(s + spread Z)], dy/ds = E[topk(s + spread Z) Z^T] / spread.

    Args:
        scores: Unit scores `[rows, units]`.
        units: The units.
        sizes: How many to choose, `[bins, rows]`.
        spread: Standard deviation of the noise.
        noise: Standard normal, `[draws, rows, units]`.

    Returns:
        Shares `[bins, rows, units]`, between 0 and 1.

    Source: Berthet et al. 2020 (perturbed optimizers), proposition 3.1.
    """
    found: Tensor = _Perturbed.apply(scores, units, sizes, spread, noise)
    return found


class _Perturbed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, units: Units, sizes: Tensor, spread: float, noise: Tensor) -> Tensor:
        chosen = top_k(scores + spread * noise, units, sizes).to(scores)
        ctx.save_for_backward(chosen, noise)
        ctx.spread = spread
        return chosen.mean(dim=0)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        chosen, noise = ctx.saved_tensors
        # [draws, rows]: how much the loss changes with what was chosen in a draw.
        felt = torch.einsum("bru,dbru->dr", upstream[0], chosen)
        gradient = torch.einsum("dr,dru->ru", felt, noise.to(felt)) / (len(noise) * ctx.spread)
        return gradient, None, None, None, None


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """How much of each token a rationale and its rest keep, `[bins, rows, tokens]`: booleans, or numbers in [0, 1]
    where the choice is differentiable. Padding is kept by neither.
    """

    rationale: Tensor
    rest: Tensor


def shares(chosen: Tensor, units: Units) -> Shares:
    """From units to tokens; tokens that are no unit are kept by both.

    Args:
        chosen: Booleans or numbers `[bins, rows, units]`.
        units: The units.
    """
    inside = (units.of >= 0).expand(len(chosen), *units.of.shape)
    spread = chosen.gather(2, units.of.clamp(min=0).expand(inside.shape))
    if chosen.dtype == torch.bool:
        return Shares(units.attended & (~inside | spread), units.attended & (~inside | ~spread))
    one, attended = torch.ones_like(spread), units.attended.to(spread)
    return Shares(torch.where(inside, spread, one) * attended, torch.where(inside, 1 - spread, one) * attended)
