"""Token precision, recall, F1 and IOU: do the selected words equal the highlighted ones?

Edge cases, the same in every metric of this file:

- no gold highlights: undefined. Gold marks no word: undefined too, since no selection could be right; the variant
  `eraser` counts it as 0, as the ERASER scorer does.
- nothing selected, gold marks words: precision, recall, F1 and IOU are 0.
- micro: examples whose gold marks no word do take part, their selected words are wrong ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import (
    EMPTY_GOLD,
    Bools,
    Select,
    f1,
    f1_of_sums,
    gold_of,
    ratio_of_sums,
    selection_of,
)
from rationale_eval.metrics.record import Score, metric, undefined

if TYPE_CHECKING:
    from rationale_eval.engine.case import Case

Empty = Literal["undefined", "zero"]
"""What an example whose gold marks no word counts as."""


def counts(truth: Bools, chosen: Bools) -> tuple[int, int, int]:
    """True positives, selected words, gold words; both masks are `[words]`."""
    truth, chosen = np.asarray(truth, dtype=bool), np.asarray(chosen, dtype=bool)
    return int((truth & chosen).sum()), int(chosen.sum()), int(truth.sum())


def precision_of(truth: Bools, chosen: Bools) -> float:
    """Share of the selected words that are gold, 0 to 1; 0 if none is selected."""
    hits, selected, _ = counts(truth, chosen)
    return hits / selected if selected else 0.0


def recall_of(truth: Bools, chosen: Bools) -> float:
    """Share of the gold words that are selected, 0 to 1; 0 if there is none."""
    hits, _, gold = counts(truth, chosen)
    return hits / gold if gold else 0.0


def f1_of(truth: Bools, chosen: Bools) -> float:
    """Harmonic mean of `precision_of` and `recall_of`, 0 to 1; 0 if either is 0."""
    return f1(precision_of(truth, chosen), recall_of(truth, chosen))


def iou_of(truth: Bools, chosen: Bools) -> float:
    """Words in both over words in either, 0 to 1; 0 if both are empty."""
    hits, selected, gold = counts(truth, chosen)
    union = selected + gold - hits
    return hits / union if union else 0.0


def two_class_f1_of(truth: Bools, chosen: Bools) -> float:
    """Mean of the F1 of class "gold" and the F1 of class "not gold", 0 to 1 (UNIREX, TF1).

    A class that neither mask contains is left out, as scikit-learn's macro average does.
    """
    truth, chosen = np.asarray(truth, dtype=bool), np.asarray(chosen, dtype=bool)
    sides = [(t, c) for t, c in ((truth, chosen), (~truth, ~chosen)) if t.any() or c.any()]
    return float(np.mean([f1_of(t, c) for t, c in sides])) if sides else float("nan")


def _masks(case: Case, select: Select, percent: float | None, empty: Empty) -> tuple[Bools, Bools, str]:
    if empty not in ("undefined", "zero"):
        raise UsageError(f"empty gold counts as 'undefined' or 'zero', not '{empty}'")
    gold, why = gold_of(case)
    if why:
        return gold, gold, why
    chosen, why = selection_of(case, gold, select, percent)
    if not why and not gold.any() and empty == "undefined":
        why = EMPTY_GOLD
    return gold, chosen, why


@metric(
    "token_f1",
    family="plausibility",
    symbol="TF1",
    title="Token F1",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("gold", "scores"),
    variants={
        "macro": {},
        "micro": {"average": "micro"},
        "two_class": {"average": "two_class", "select": "positive"},
        "eraser": {"empty": "zero"},
    },
    cite="DeYoung et al. 2020, section 4.1; two_class: Chan et al. 2022 (UNIREX), plausibility metric TF1",
    formula="F1 = 2 P R / (P + R); P = |r & g| / |r|, R = |r & g| / |g|",
    describe=("How well the selected words agree with the highlighted ones, misses and surplus weighing alike."),
    avoid=(
        "Not for comparing methods that choose how much to select with methods that are told (the rule gold_length"
        " tells them); and a plausible rationale need not be a faithful one."
    ),
    reduce=f1_of_sums,
)
def token_f1(
    case: Case,
    *,
    average: Literal["macro", "micro", "two_class"] = "macro",
    select: Select = "auto",
    percent: float | None = None,
    empty: Empty = "undefined",
) -> Score:
    """F1 over words, 0 to 1, higher is better.

    Args:
        case: Needs gold and scores.
        average: `macro` is the mean over examples of their F1, `micro` the F1 of pooled counts, `two_class` the mean
            over examples of the macro-F1 over the classes gold and not gold.
        select: How scores become words, see `plausibility.Select`.
        percent: Percentage of words, 0 to 100, for `percent` and `mean_length`.
        empty: What an example whose gold marks no word counts as (not for micro).
    """
    if average not in ("macro", "micro", "two_class"):
        raise UsageError(f"token_f1 averages 'macro', 'micro' or 'two_class', not '{average}'")
    gold, chosen, why = _masks(case, select, percent, empty)
    if average == "micro" and why in ("", EMPTY_GOLD):
        hits, selected, marked = counts(gold, chosen)
        value = f1_of(gold, chosen) if marked else float("nan")
        return Score(value, why, np.array([hits, selected, hits, marked], dtype=np.float64))
    if why:
        return undefined(why)
    return Score(two_class_f1_of(gold, chosen) if average == "two_class" else f1_of(gold, chosen))


@metric(
    "token_precision",
    family="plausibility",
    symbol="TP",
    title="Token precision",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("gold", "scores"),
    variants={"macro": {}, "micro": {"average": "micro"}, "eraser": {"empty": "zero"}},
    cite="DeYoung et al. 2020, section 4.1",
    formula="P = |r & g| / |r|",
    describe="How many of the selected words a person highlighted too.",
    avoid="Not alone: selecting one safe word gives 1, so read it beside recall.",
    reduce=ratio_of_sums,
)
def token_precision(
    case: Case,
    *,
    average: Literal["macro", "micro"] = "macro",
    select: Select = "auto",
    percent: float | None = None,
    empty: Empty = "undefined",
) -> Score:
    """Precision over words, 0 to 1, higher is better. Arguments as for `token_f1`."""
    gold, chosen, why = _masks(case, select, percent, empty)
    if average == "micro" and why in ("", EMPTY_GOLD):
        hits, selected, marked = counts(gold, chosen)
        value = precision_of(gold, chosen) if marked else float("nan")
        return Score(value, why, np.array([hits, selected], dtype=np.float64))
    return undefined(why) if why else Score(precision_of(gold, chosen))


@metric(
    "token_recall",
    family="plausibility",
    symbol="TR",
    title="Token recall",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("gold", "scores"),
    variants={"macro": {}, "micro": {"average": "micro"}, "eraser": {"empty": "zero"}},
    cite="DeYoung et al. 2020, section 4.1",
    formula="R = |r & g| / |g|",
    describe="How many of the highlighted words were selected.",
    avoid=(
        "Not alone: selecting everything gives 1; and not on data whose highlights are known to be incomplete, "
        "without saying so."
    ),
    reduce=ratio_of_sums,
)
def token_recall(
    case: Case,
    *,
    average: Literal["macro", "micro"] = "macro",
    select: Select = "auto",
    percent: float | None = None,
    empty: Empty = "undefined",
) -> Score:
    """Recall over words, 0 to 1, higher is better. Arguments as for `token_f1`."""
    gold, chosen, why = _masks(case, select, percent, empty)
    if average == "micro" and why in ("", EMPTY_GOLD):
        hits, _, marked = counts(gold, chosen)
        value = recall_of(gold, chosen) if marked else float("nan")
        return Score(value, why, np.array([hits, marked], dtype=np.float64))
    return undefined(why) if why else Score(recall_of(gold, chosen))


@metric(
    "token_iou",
    family="plausibility",
    symbol="IOU",
    title="Token intersection over union",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("gold", "scores"),
    variants={"macro": {}, "micro": {"average": "micro"}, "ferret": {"empty": "zero"}},
    cite="DeYoung et al. 2020, section 4.1; Attanasio et al. 2023 (ferret), token_iou_plau",
    formula="IOU = |r & g| / |r | g|",
    describe=(
        "Overlap of the selected and the highlighted words; ranks as token F1 does but punishes disagreement harder."
    ),
    avoid="Not in place of IOU-F1, which asks for whole passages.",
    reduce=ratio_of_sums,
)
def token_iou(
    case: Case,
    *,
    average: Literal["macro", "micro"] = "macro",
    select: Select = "auto",
    percent: float | None = None,
    empty: Empty = "undefined",
) -> Score:
    """Intersection over union of words, 0 to 1, higher is better. Arguments as for `token_f1`."""
    gold, chosen, why = _masks(case, select, percent, empty)
    if average == "micro" and why in ("", EMPTY_GOLD):
        hits, selected, marked = counts(gold, chosen)
        value = iou_of(gold, chosen) if marked else float("nan")
        return Score(value, why, np.array([hits, selected + marked - hits], dtype=np.float64))
    return undefined(why) if why else Score(iou_of(gold, chosen))
