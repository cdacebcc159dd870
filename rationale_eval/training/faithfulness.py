"""Losses that make a rationale matter: without it the answer should fail, with it alone the answer should hold.

All take cross-entropies against the right label, float32: `full` `[examples]` of the whole input, `part`
`[bins, examples]` of the parts. All return one loss for each example, the mean over bins.

Source: Chan et al. 2022 (UNIREX), section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import torch
from torch import Tensor

ComprehensivenessForm = Literal["margin", "diff"]
SufficiencyForm = Literal["margin", "diff", "abs", "square", "kl"]


def comprehensiveness_loss(full: Tensor, without: Tensor, form: ComprehensivenessForm, margin: float) -> Tensor:
    """How little worse the answer gets without the rationale.

    margin: max(-m, CE(x) - CE(x without r)) + m, at least 0. diff: CE(x) - CE(x without r).

    Args:
        full: Cross-entropy of the whole input, `[examples]`.
        without: Cross-entropy without the rationale, `[bins, examples]`.
        form: The form.
        margin: m; a margin of 1 is the authors'.

    Returns:
        `[examples]`.
    """
    return _COMPREHENSIVENESS[form](full - without, margin).mean(dim=0)


def sufficiency_loss(full: Tensor, only: Tensor, form: SufficiencyForm, margin: float) -> Tensor:
    """How much worse the answer gets with the rationale alone.

    margin: max(-m, CE(r) - CE(x)) + m, at least 0. diff, abs and square: of CE(r) - CE(x). For "kl" see
    `sufficiency_kl`.

    Args:
        full: Cross-entropy of the whole input, `[examples]`.
        only: Cross-entropy of the rationale alone, `[bins, examples]`.
        form: The form.
        margin: m; a margin of 0.1 is the authors'.

    Returns:
        `[examples]`.
    """
    return _SUFFICIENCY[form](only - full, margin).mean(dim=0)


def sufficiency_kl(full: Tensor, only: Tensor) -> Tensor:
    """KL(p(. | r) || p(. | x)) divided by the number of choices, the authors' loss for SGT.

    Args:
        full: Scores of the choices for the whole input, `[examples, choices]`; -inf where there is no such choice.
        only: Scores for the rationale alone, `[bins, examples, choices]`.

    Returns:
        `[examples]`.
    """
    there = torch.isfinite(full)
    log_p = torch.log_softmax(only, dim=-1).masked_fill(~there, 0.0)
    log_q = torch.log_softmax(full, dim=-1).masked_fill(~there, 0.0)
    terms = (log_p.exp() * (log_p - log_q)).masked_fill(~there, 0.0)
    return (terms.sum(dim=-1) / there.sum(dim=-1)).mean(dim=0)


def _hinge(difference: Tensor, margin: float) -> Tensor:
    return difference.clamp(min=-margin) + margin


_Form = Callable[[Tensor, float], Tensor]
_COMPREHENSIVENESS: Final[dict[str, _Form]] = {"margin": _hinge, "diff": lambda difference, _: difference}
_SUFFICIENCY: Final[dict[str, _Form]] = {
    **_COMPREHENSIVENESS,
    "abs": lambda difference, _: difference.abs(),
    "square": lambda difference, _: difference.square(),
}
