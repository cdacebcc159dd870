"""Losses that make an extractor mark what people marked.

Source: Chan et al. 2022 (UNIREX), section 4.3; only the form "bce" is in the authors' released code.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

PlausibilityForm = Literal["bce", "kl", "mse"]


def plausibility_loss(logits: Tensor, gold: Tensor, inside: Tensor, form: PlausibilityForm) -> Tensor:
    """Distance of token logits from gold highlights.

    bce: binary cross-entropy over all tokens together, a gold token counting (other tokens) / (gold tokens) times, as
    counted in this batch. mse: mean of (sigmoid(a) - gold)^2 over all tokens. kl: KL(gold / |gold| || softmax(a)) of
    each row with a gold token, averaged over those rows.

    Args:
        logits: `[rows, tokens]`.
        gold: 1 for gold tokens, else 0, `[rows, tokens]`.
        inside: Booleans `[rows, tokens]`: tokens of rows that have highlights; all others are left out.
        form: The form.

    Returns:
        A scalar; 0 (with a gradient of 0) where no row has highlights.
    """
    if not bool(inside.any()):
        return logits.sum() * 0.0
    if form == "kl":
        return _kl(logits, gold, inside)
    a, truth = logits[inside], gold[inside].to(logits)
    if form == "mse":
        return (a.sigmoid() - truth).square().mean()
    positive = truth.sum()
    weight = (truth.numel() - positive) / positive if bool(positive > 0) else torch.ones_like(positive)
    return nn.functional.binary_cross_entropy_with_logits(a, truth, pos_weight=weight)


def _kl(logits: Tensor, gold: Tensor, inside: Tensor) -> Tensor:
    rows = (gold * inside).sum(dim=1) > 0
    if not bool(rows.any()):
        return logits.sum() * 0.0
    truth = (gold * inside)[rows].to(logits)
    truth = truth / truth.sum(dim=1, keepdim=True)
    log_q = torch.log_softmax(logits[rows].masked_fill(~inside[rows], -torch.inf), dim=1)
    terms = torch.where(truth > 0, truth * (truth.clamp(min=1e-12).log() - log_q), torch.zeros_like(truth))
    return terms.sum(dim=1).mean()
