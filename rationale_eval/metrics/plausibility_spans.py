"""IOU F1: are the selected passages the highlighted passages?

A span is an unbroken run of selected (or gold) words within one input field; touching gold highlights are one span.
A key is one field of one example. A predicted span is right if its best IOU with a gold span of its key is at least
the threshold.

The ERASER definition (variants `macro`, `micro`) lets one gold span be credited to several predicted ones, so that
recall can exceed 1: gold (0, 4), predicted (0, 2) and (2, 4) gives IOUs of exactly 0.5 and recall 2. The variant
`one_to_one` pairs each gold span with at most one predicted span (as many pairs as possible) and stays within 0 to 1.

Edge cases: no gold highlights, undefined. Gold marks no word in any field: the example's own value is undefined, but
its predicted spans count as wrong in the corpus value. Fields without predicted spans are absent from macro
precision, fields without gold spans from macro recall (ERASER).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from rationale_eval.data.words import Word
from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import EMPTY_GOLD, Bools, Floats, Select, f1_of_sums, gold_of, selection_of
from rationale_eval.metrics.record import Score, metric, undefined

if TYPE_CHECKING:
    from rationale_eval.engine.case import Case

TokenSpan = tuple[int, int]
"""Word indices, start included, end excluded."""

THRESHOLD: Final = 0.5
"""DeYoung et al. 2020, section 4.1."""


def span_iou(first: TokenSpan, second: TokenSpan) -> float:
    """Intersection over union of two spans, 0 to 1."""
    both = max(0, min(first[1], second[1]) - max(first[0], second[0]))
    either = (first[1] - first[0]) + (second[1] - second[0]) - both
    return both / either if either else 0.0


def runs(mask: Bools) -> list[TokenSpan]:
    """Unbroken runs of True in a mask `[words]`, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], np.asarray(mask, dtype=bool), [False]))))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def matches(predicted: Sequence[TokenSpan], gold: Sequence[TokenSpan], threshold: float = THRESHOLD) -> int:
    """Number of predicted spans whose best IOU with a gold span is at least `threshold` (ERASER)."""
    return sum(max((span_iou(span, other) for other in gold), default=0.0) >= threshold for span in predicted)


def paired_matches(predicted: Sequence[TokenSpan], gold: Sequence[TokenSpan], threshold: float = THRESHOLD) -> int:
    """Greatest number of (predicted, gold) pairs with IOU at least `threshold`, each span in one pair at most."""
    if not predicted or not gold:
        return 0
    near = np.array([[span_iou(span, other) >= threshold for other in gold] for span in predicted], dtype=np.int8)
    return int((maximum_bipartite_matching(csr_array(near)) >= 0).sum())


def field_spans(words: Sequence[Word], mask: Bools) -> dict[str, list[TokenSpan]]:
    """Runs of selected words, for each input field that has any."""
    found = {}
    for name, places in groupby(range(len(words)), key=lambda i: words[i].field):
        indices = list(places)
        first, last = indices[0], indices[-1] + 1
        spans = [(start + first, end + first) for start, end in runs(mask[first:last])]
        if spans:
            found[name] = spans
    return found


def span_sums(
    predicted: dict[str, list[TokenSpan]],
    gold: dict[str, list[TokenSpan]],
    average: Literal["macro", "micro", "one_to_one"],
    threshold: float = THRESHOLD,
) -> Floats:
    """What one example adds to the corpus value.

    Returns:
        float64 `[4]`: numerator and denominator of precision, numerator and denominator of recall. For `macro` the
        denominators count keys, otherwise spans.
    """
    sums = np.zeros(4)
    for key in {**predicted, **gold}:
        spans, truth = predicted.get(key, []), gold.get(key, [])
        hits = (paired_matches if average == "one_to_one" else matches)(spans, truth, threshold)
        if average == "macro":
            sums += [
                hits / len(spans) if spans else 0,
                bool(spans),
                hits / len(truth) if truth else 0,
                bool(truth),
            ]
        else:
            sums += [hits, len(spans), hits, len(truth)]
    return sums


@metric(
    "iou_f1",
    family="plausibility",
    symbol="IOU-F1",
    title="Span IOU F1",
    direction="higher",
    range=(0.0, 4.0 / 3.0),
    best=1.0,
    needs=("gold", "scores"),
    variants={"macro": {}, "micro": {"average": "micro"}, "one_to_one": {"average": "one_to_one"}},
    cite="DeYoung et al. 2020, section 4.1 (after Everingham et al. 2010)",
    formula="F1 of P = |{s in r: max_t IOU(s, t) >= 0.5}| / |r| and R = the same count / |g|, s and t spans",
    describe="Whether whole highlighted passages are found, forgiving ragged edges.",
    avoid=(
        "Not for single-word highlights or for scores cut at a top k, which rarely form passages; in the ERASER "
        "form one gold passage may be credited twice."
    ),
    reduce=f1_of_sums,
)
def iou_f1(
    case: Case,
    *,
    average: Literal["macro", "micro", "one_to_one"] = "macro",
    threshold: float = THRESHOLD,
    select: Select = "auto",
    percent: float | None = None,
) -> Score:
    """F1 over spans that overlap enough, higher is better.

    Args:
        case: Needs gold and scores.
        average: `macro` takes the F1 of the mean precision over keys with predicted spans and the mean recall over
            keys with gold spans; `micro` pools counts; `one_to_one` pools counts of one-to-one pairs.
        threshold: Least IOU that counts, inclusive, above 0.
        select: How scores become words, see `plausibility.Select`.
        percent: Percentage of words, 0 to 100, for `percent` and `mean_length`.
    """
    if average not in ("macro", "micro", "one_to_one"):
        raise UsageError(f"iou_f1 averages 'macro', 'micro' or 'one_to_one', not '{average}'")
    if not 0 < threshold <= 1:
        raise UsageError(f"an IOU threshold lies above 0 and at most at 1, not {threshold}")
    gold, why = gold_of(case)
    if why:
        return undefined(why)
    chosen, why = selection_of(case, gold, select, percent)
    if why:
        return undefined(why)
    sums = span_sums(field_spans(case.words, chosen), field_spans(case.words, gold), average, threshold)
    if not gold.any():
        return Score(float("nan"), EMPTY_GOLD, sums)
    return Score(float(f1_of_sums(sums)), parts=sums)
