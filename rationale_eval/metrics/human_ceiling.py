"""Human ceiling: how well do annotators agree with each other, measured with the same yardsticks as a method?

Each annotator is scored against the others of the same example, and the example's value is the mean over annotators:

- `token_f1`, `token_iou`: mean over the other annotators of the agreement with each;
- `average_precision`, `auprc`: the share of the others who marked a word is its score, the annotator is the truth;
- `token_f1_aggregate`, `token_iou_aggregate`: against the example's gold highlights. These contain the annotator's own
  marks, so they flatter.

Undefined where fewer than two annotators are known, or where no pair can be scored since an annotator marked nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from rationale_eval.data.words import gold_mask
from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import NO_GOLD, NO_WORDS, Bools
from rationale_eval.metrics.plausibility_ranking import auprc_of, average_precision_of
from rationale_eval.metrics.plausibility_tokens import f1_of, iou_of
from rationale_eval.metrics.record import Score, metric, undefined

if TYPE_CHECKING:
    from rationale_eval.engine.case import Case

Measure = Literal["token_f1", "token_iou", "auprc", "average_precision"]

_HARD: Final[dict[str, Callable[[Bools, Bools], float]]] = {"token_f1": f1_of, "token_iou": iou_of}
_RANKED: Final[dict[str, Callable[..., float]]] = {"auprc": auprc_of, "average_precision": average_precision_of}


def agreement(masks: Bools, measure: Measure, aggregate: Bools | None = None) -> float:
    """Mean agreement of each annotator with the others, or with an aggregate.

    Args:
        masks: Marked words, booleans `[annotators, words]`, at least two annotators unless `aggregate` is given.
        measure: The yardstick.
        aggregate: Aggregated gold words `[words]`; only for "token_f1" and "token_iou".

    Returns:
        0 to 1; NaN if every comparison has an annotator (or aggregate) who marked nothing as its truth.
    """
    if measure in _RANKED:
        others = (masks.sum(axis=0) - masks) / (len(masks) - 1)
        values = [_RANKED[measure](mask, other) for mask, other in zip(masks, others, strict=True) if mask.any()]
    elif aggregate is not None:
        values = [_HARD[measure](aggregate, mask) for mask in masks] if aggregate.any() else []
    else:
        pairs = [(i, j) for i in range(len(masks)) for j in range(len(masks)) if i != j and masks[i].any()]
        values = [_HARD[measure](masks[i], masks[j]) for i, j in pairs]
    return float(np.mean(values)) if values else float("nan")


@metric(
    "human_ceiling",
    family="plausibility",
    symbol="HUM",
    title="Human ceiling",
    direction="none",
    range=(0.0, 1.0),
    best=None,
    needs=("annotators",),
    variants={
        "token_f1": {},
        "token_iou": {"measure": "token_iou"},
        "auprc": {"measure": "auprc"},
        "average_precision": {"measure": "average_precision"},
        "token_f1_aggregate": {"against": "aggregate"},
        "token_iou_aggregate": {"measure": "token_iou", "against": "aggregate"},
    },
    cite="after DeYoung et al. 2020, section 3 (agreement of annotators); Zaidan, Eisner and Piatko 2007",
    formula="mean over annotators i of measure(g_i, g_j) over the others j",
    describe="What a person would score, so the level a plausibility number can sensibly reach.",
    avoid=(
        "Not a bound: a method may agree with the aggregate better than one person does, and annotators who share "
        "a mistake agree on it."
    ),
)
def human_ceiling(
    case: Case, *, measure: Measure = "token_f1", against: Literal["others", "aggregate"] = "others"
) -> Score:
    """Agreement among the annotators of one example, 0 to 1.

    Args:
        case: Needs several annotators.
        measure: The yardstick.
        against: The other annotators, or the example's gold highlights.
    """
    if measure not in _HARD and measure not in _RANKED:
        raise UsageError(f"there is no human ceiling for '{measure}'; choose one of {', '.join([*_HARD, *_RANKED])}")
    if against == "aggregate" and measure in _RANKED:
        raise UsageError(f"'{measure}' needs graded scores, which the aggregate has not; use against='others'")
    if not case.words:
        return undefined(NO_WORDS)
    annotators = case.example.annotators
    if len(annotators) < 2:
        return undefined("fewer than two annotators")
    if against == "aggregate" and case.gold is None:
        return undefined(NO_GOLD)
    masks = np.stack([gold_mask(case.words, evidence) for evidence in annotators])
    value = agreement(masks, measure, case.gold if against == "aggregate" else None)
    return undefined("no truth to compare with: nothing is marked") if np.isnan(value) else Score(value)
