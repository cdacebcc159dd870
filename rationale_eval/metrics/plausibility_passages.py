"""Precision and recall of passages: by overlap (the two sides of IOU F1), and by exact match.

Spans and keys are those of `plausibility_spans`. Exact match is overlap with IOU 1. Edge cases as in IOU F1 for the
overlap forms, as in token F1 for the exact ones: no gold highlights or no gold span is undefined, no predicted span 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import (
    EMPTY_GOLD,
    Floats,
    Select,
    f1_of_sums,
    gold_of,
    guarded,
    ratio_of_sums,
    selection_of,
)
from rationale_eval.metrics.plausibility_spans import THRESHOLD, field_spans, span_sums
from rationale_eval.metrics.record import Score, metric, undefined

if TYPE_CHECKING:
    from rationale_eval.engine.case import Case

Side = Literal["precision", "recall", "f1"]

SIDES: Final[dict[Side, slice]] = {"precision": slice(0, 2), "recall": slice(2, 4), "f1": slice(0, 4)}
"""Where in `span_sums` the numerators and denominators stand."""


def value_of(sums: Floats, side: Side) -> float:
    """Precision, recall or F1 from `span_sums`, 0 where a denominator is 0."""
    part = sums[SIDES[side]]
    return float(f1_of_sums(sums)) if side == "f1" else float(guarded(part[..., 0], part[..., 1]))


def _refuse_unknown(average: str) -> None:
    if average not in ("macro", "micro"):
        raise UsageError(f"passages are averaged 'macro' or 'micro', not '{average}'")


def _sums(
    case: Case, average: Literal["macro", "micro"], threshold: float, select: Select, percent: float | None
) -> tuple[Floats | None, str]:
    """Span sums of a case; None and why where there are none; sums and why where gold marks no word."""
    gold, why = gold_of(case)
    if why:
        return None, why
    chosen, why = selection_of(case, gold, select, percent)
    if why:
        return None, why
    sums = span_sums(field_spans(case.words, chosen), field_spans(case.words, gold), average, threshold)
    return sums, "" if gold.any() else EMPTY_GOLD


FACTS: Final[dict[str, Any]] = {
    "family": "plausibility",
    "direction": "higher",
    "best": 1.0,
    "needs": ("gold", "scores"),
    "variants": {"macro": {}, "micro": {"average": "micro"}},
}


def _register_overlap(side: Literal["precision", "recall"]) -> None:
    def ask(
        case: Case,
        *,
        average: Literal["macro", "micro"] = "macro",
        threshold: float = THRESHOLD,
        select: Select = "auto",
        percent: float | None = None,
    ) -> Score:
        """Share of passages that overlap enough; arguments as for `plausibility_spans.iou_f1`."""
        _refuse_unknown(average)
        sums, why = _sums(case, average, threshold, select, percent)
        if sums is None:
            return undefined(why)
        value = float("nan") if why else value_of(sums, side)
        return Score(value, why, sums[SIDES[side]])

    metric(
        f"iou_{side}",
        **FACTS,
        range=(0.0, 1.0 if side == "precision" else 2.0),
        symbol=f"IOU-{side[0].upper()}",
        title=f"Span IOU {side}",
        cite="DeYoung et al. 2020, section 4.1",
        formula=f"|{{s in r: max_t IOU(s, t) >= 0.5}}| / |{'r' if side == 'precision' else 'g'}|",
        describe=(
            f"The {side} behind IOU F1: predicted passages that find a gold one, as a share of all "
            + ("predicted." if side == "precision" else "gold ones.")
        ),
        avoid=(
            "Not alone: predicting one sure passage gives 1."
            if side == "precision"
            else "Not alone: it counts predicted passages, so two halves of one gold passage give 2."
        ),
        reduce=ratio_of_sums,
    )(ask)


def _register_exact(side: Side) -> None:
    def ask(
        case: Case,
        *,
        average: Literal["macro", "micro"] = "macro",
        select: Select = "auto",
        percent: float | None = None,
    ) -> Score:
        """Share of passages that are found exactly, 0 to 1; arguments as for `plausibility_tokens.token_f1`."""
        _refuse_unknown(average)
        sums, why = _sums(case, "micro", 1.0, select, percent)
        if sums is None:
            return undefined(why)
        value = float("nan") if why else value_of(sums, side)
        return Score(value, why, sums[SIDES[side]] if average == "micro" else None)

    metric(
        f"span_{side}",
        **FACTS,
        range=(0.0, 1.0),
        symbol=f"span-{side[0].upper()}",
        title=f"Exact span {side}",
        cite="DeYoung et al. 2020, released scorer (hard rationale precision, recall and F1)",
        formula={"precision": "|r & g| / |r|", "recall": "|r & g| / |g|", "f1": "2 P R / (P + R)"}[side]
        + ", r and g sets of spans",
        describe=(f"The {side} of passages that are found to the word, from its first to its last."),
        avoid="Not for highlights with ragged edges: one word more or less is a full miss, so prefer IOU F1 there.",
        reduce=f1_of_sums if side == "f1" else ratio_of_sums,
    )(ask)


_register_overlap("precision")
_register_overlap("recall")
for _side in SIDES:
    _register_exact(_side)
