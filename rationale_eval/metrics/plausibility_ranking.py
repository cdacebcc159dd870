"""AUPRC, average precision and ROC-AUC: do the highlighted words have the higher scores?

No selection is needed. Words with equal scores are one threshold, so their order does not matter; words without a
score are tied below all others. Edge cases, decided for each metric:

- no gold highlights, no words, or no word with a score: undefined.
- gold marks no word: undefined; `auprc` variant `eraser` gives 0.5, as precision_recall_curve of scikit-learn does
  (recall is set to 1 everywhere).
- gold marks every word: AUPRC and average precision are 1 for any scores, hence say nothing, yet are counted, as in
  ERASER; ROC-AUC is undefined.
- constant scores, prevalence q: average precision q, ROC-AUC 0.5, but AUPRC (1 + q) / 2, because the curve is drawn
  from the point (recall 0, precision 1). Read AUPRC beside average precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import EMPTY_GOLD, NO_SCORES, Bools, Floats, gold_of
from rationale_eval.metrics.record import Score, metric, undefined

if TYPE_CHECKING:
    from rationale_eval.engine.case import Case

FULL_GOLD: Final = "gold marks every word"

Negative = Literal["keep", "zero"]
"""What becomes of negative scores: kept, or set to 0 (ferret), which ties them."""


def threshold_counts(truth: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """True positives and selected words at each distinct score, from the highest down.

    Args:
        truth: Booleans `[words]`.
        scores: float64 `[words]`; NaN counts as lower than any other.

    Returns:
        Two float64 arrays `[distinct scores]`.
    """
    # NaN sorts last, and `unique` makes all of them one value: after the flip in sign they are the lowest.
    _, level = np.unique(-np.asarray(scores, dtype=np.float64), return_inverse=True)
    selected = np.bincount(level)
    hits = np.bincount(level, weights=np.asarray(truth, dtype=np.float64))
    return np.cumsum(hits), np.cumsum(selected).astype(np.float64)


def auprc_of(truth: Bools, scores: Floats) -> float:
    """Trapezoidal area under the precision-recall curve, 0 to 1; 0.5 if `truth` has no positive.

    Equals `auc(recall, precision)` on scikit-learn's `precision_recall_curve`.

    Args:
        truth: Booleans `[words]`, at least one word.
        scores: float64 `[words]`, NaN ranks last.
    """
    hits, selected = threshold_counts(truth, scores)
    recall = hits / hits[-1] if hits[-1] else np.ones_like(hits)
    return float(np.trapezoid(np.append(1.0, hits / selected), np.append(0.0, recall)))


def average_precision_of(truth: Bools, scores: Floats) -> float:
    """Step-wise area, sum of (R_i - R_{i-1}) P_i, 0 to 1; NaN if `truth` has no positive. Arguments as `auprc_of`."""
    hits, selected = threshold_counts(truth, scores)
    if not hits[-1]:
        return float("nan")
    return float(np.sum(np.diff(hits, prepend=0.0) / hits[-1] * hits / selected))


def roc_auc_of(truth: Bools, scores: Floats) -> float:
    """Chance that a gold word outranks another word, ties counting half, 0 to 1; NaN if one class is missing."""
    hits, selected = threshold_counts(truth, scores)
    misses = selected - hits
    if not hits[-1] or not misses[-1]:
        return float("nan")
    return float(np.trapezoid(np.append(0.0, hits), np.append(0.0, misses)) / (hits[-1] * misses[-1]))


def _ranked(case: Case, negative: Negative) -> tuple[Bools, Floats, str]:
    if negative not in ("keep", "zero"):
        raise UsageError(f"negative scores are 'keep' or 'zero', not '{negative}'")
    gold, why = gold_of(case)
    if why:
        return gold, np.zeros(0), why
    scores = np.maximum(case.scores, 0.0) if negative == "zero" else case.scores
    return gold, scores, NO_SCORES if np.isnan(scores).all() else ""


def _score(case: Case, negative: Negative, measure: Callable[[Bools, Floats], float]) -> Score:
    gold, scores, why = _ranked(case, negative)
    if why or not gold.any():
        return undefined(why or EMPTY_GOLD)
    value = measure(gold, scores)
    return undefined(FULL_GOLD) if np.isnan(value) else Score(value)


@metric(
    "auprc",
    family="plausibility",
    symbol="AUPRC",
    title="Area under the precision-recall curve",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("gold", "scores"),
    variants={"trapezoid": {}, "eraser": {"empty": "half"}, "ferret": {"negative": "zero"}},
    cite="DeYoung et al. 2020, section 4.1",
    formula="trapezoidal area of (R, P) over all score thresholds, from (0, 1)",
    describe="How well the scores put highlighted words on top, over every possible cut.",
    avoid=(
        "Not to be read as a probability: constant scores get (1 + prevalence) / 2, so compare with the random "
        "control and with average precision."
    ),
)
def auprc(case: Case, *, negative: Negative = "keep", empty: Literal["undefined", "half"] = "undefined") -> Score:
    """Area under the precision-recall curve of one example, 0 to 1, higher is better.

    Args:
        case: Needs gold and scores.
        negative: What becomes of negative scores.
        empty: An example whose gold marks no word is undefined, or gets 0.5 (ERASER: documents without annotation
            count as all negative).
    """
    if empty == "half":
        gold, scores, why = _ranked(case, negative)
        return undefined(why) if why else Score(auprc_of(gold, scores))
    return _score(case, negative, auprc_of)


@metric(
    "average_precision",
    family="plausibility",
    symbol="AP",
    title="Average precision",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("gold", "scores"),
    variants={"step": {}, "ferret": {"negative": "zero"}},
    cite="DeYoung et al. 2020, released scorer; Manning, Raghavan and Schütze 2008, section 8.4",
    formula="AP = sum_i (R_i - R_{i-1}) P_i",
    describe=(
        "As AUPRC without drawing lines between thresholds; constant scores get the prevalence, which makes it the"
        " honest one when scores tie."
    ),
    avoid="Not comparable between data sets with different shares of highlighted words.",
)
def average_precision(case: Case, *, negative: Negative = "keep") -> Score:
    """Average precision of one example, 0 to 1, higher is better. Arguments as for `auprc`."""
    return _score(case, negative, average_precision_of)


@metric(
    "roc_auc",
    family="plausibility",
    symbol="ROC-AUC",
    title="Area under the ROC curve",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("gold", "scores"),
    variants={"ties_half": {}, "ferret": {"negative": "zero"}},
    cite="DeYoung et al. 2020, released scorer; Fawcett 2006, section 7",
    formula="P(a_i > a_j) + P(a_i = a_j) / 2 for i highlighted, j not",
    describe=(
        "The chance that a highlighted word has a higher score than another; 0.5 for random scores whatever the "
        "share of highlighted words."
    ),
    avoid=(
        "Not for the very top of the ranking, which is what a reader looks at and what it hardly notices: use "
        "average precision there."
    ),
)
def roc_auc(case: Case, *, negative: Negative = "keep") -> Score:
    """ROC-AUC of one example, 0 to 1, higher is better. Arguments as for `auprc`."""
    return _score(case, negative, roc_auc_of)
