"""What the plausibility metrics share: from scores to a selection of words, and precision, recall and F1 from counts.

Every plausibility metric holds word scores against gold highlights. Words that the method could not score (NaN: cut
off before the model saw them) are never selected and rank last, so that reading too little of a text costs recall.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rationale_eval.errors import UsageError
from rationale_eval.rationales.selection import count, top_n

if TYPE_CHECKING:
    from rationale_eval.engine.case import Case

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

Select = Literal["auto", "hard", "gold_length", "mean_length", "percent", "positive"]
"""How scores become selected words. `hard`: the selection the rationale came with; `gold_length`: as many of the top
words as gold marks; `mean_length`: the data set's mean rationale length ratio (gold words over words, ERASER), given
as `percent`; `percent`: a fixed percentage of the words; `positive`: score above 0 (UNIREX: logit threshold 0); `auto`:
`hard` where there is one, else `gold_length`."""

NO_GOLD: Final = "no gold highlights"
EMPTY_GOLD: Final = "gold marks no word"
NO_WORDS: Final = "the example has no words"
NO_SCORES: Final = "no word has a score"
NO_SELECTION: Final = "the rationale came without selected words"


def select_words(
    scores: Floats,
    select: Select,
    *,
    gold: Bools | None = None,
    hard: Bools | None = None,
    percent: float | None = None,
) -> Bools | None:
    """Turns word scores into selected words.

    Args:
        scores: float64 `[words]`, NaN where unknown.
        select: The rule, see `Select`.
        gold: Gold words `[words]`, for `gold_length`.
        hard: The rationale's own selection `[words]`, for `hard`.
        percent: Percentage of the words (0 to 100; half to even, at least 1), for `percent` and `mean_length`.

    Returns:
        Booleans `[words]`, or None if the rule needs a selection and the rationale has none.

    Raises:
        UsageError: On an unknown rule, or one without what it needs.
    """
    if select not in get_args(Select):
        raise UsageError(f"there is no selection rule '{select}'; choose one of {', '.join(get_args(Select))}")
    if select == "hard" or (select == "auto" and hard is not None):
        return None if hard is None else np.asarray(hard, dtype=bool)
    if select == "positive":
        return np.nan_to_num(scores, nan=-math.inf) > 0
    if select in ("auto", "gold_length"):
        if gold is None:
            raise UsageError("the selection rule 'gold_length' needs gold highlights")
        return top_n(scores, int(gold.sum()))
    if percent is None:
        raise UsageError(f"the selection rule '{select}' needs a percentage of words, for example percent=20")
    return top_n(scores, count(len(scores), percent))


def selection_of(case: Case, gold: Bools, select: Select, percent: float | None) -> tuple[Bools, str]:
    """The case's selected words `[words]` and an empty string, or an empty mask and why there is none."""
    if select != "hard" and not (select == "auto" and case.hard is not None) and np.isnan(case.scores).all():
        return np.zeros(0, dtype=bool), NO_SCORES
    chosen = select_words(case.scores, select, gold=gold, hard=case.hard, percent=percent)
    return (np.zeros(0, dtype=bool), NO_SELECTION) if chosen is None else (chosen, "")


def gold_of(case: Case) -> tuple[Bools, str]:
    """The case's gold words `[words]` and an empty string, or an empty mask and why there is none."""
    if case.gold is None:
        return np.zeros(0, dtype=bool), NO_GOLD
    return case.gold, NO_WORDS if not len(case.gold) else ""


def f1(precision: float, recall: float) -> float:
    """Harmonic mean, 0 where both are 0."""
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def f1_of_sums(sums: Floats) -> Floats:
    """F1 of pooled precision and recall.

    Args:
        sums: `[..., 4]`: numerator and denominator of precision, then of recall. A ratio with denominator 0 is 0.

    Returns:
        `[...]`; NaN where both denominators are 0 (nothing was predicted and nothing was there to find).
    """
    precision, recall = guarded(sums[..., 0], sums[..., 1]), guarded(sums[..., 2], sums[..., 3])
    value = guarded(2 * precision * recall, precision + recall)
    return np.where((sums[..., 1] == 0) & (sums[..., 3] == 0), np.nan, value)


def ratio_of_sums(sums: Floats) -> Floats:
    """First over second part `[..., 2]`; NaN where the second is 0."""
    return np.where(sums[..., 1] == 0, np.nan, guarded(sums[..., 0], sums[..., 1]))


def guarded(top: Floats, bottom: Floats) -> Floats:
    """Quotient, 0 where the denominator is 0."""
    return np.divide(top, bottom, out=np.zeros(np.broadcast(top, bottom).shape), where=np.asarray(bottom) != 0)
