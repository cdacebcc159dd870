"""Which metrics are computed where nobody names any."""

from __future__ import annotations

from typing import Final

DEFAULT_METRICS: Final = (
    "comprehensiveness_aopc",
    "sufficiency_aopc",
    "csd",
    "tau_loo",
    "decision_flip",
    "token_f1",
    "iou_f1",
    "auprc",
    "average_precision",
    "accuracy",
    "macro_f1",
    "ece",
)


TEXT_METRICS: Final = (
    "rouge_l",
    "chrf",
    "bertscore",
    "bertscore:correct",
    "bertscore:zero_if_wrong",
    "embedding_cosine",
)
"""The usual ones of free text."""
