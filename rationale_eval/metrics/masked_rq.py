"""RQ with the words of the choices hidden in the rationale: what it adds beside naming an answer.

Our own, as a candidate for the axioms of FRAME and the leakage check at once: a rationale that only restates the answer
becomes an empty frame, so that it adds nothing, while a reason keeps its reason.
"""

from __future__ import annotations

from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.simulatability import UNREAD, WEIGHTS, Weights
from rationale_eval.metrics.text_case import TextCase


@metric(
    "masked_rq",
    family="simulation",
    symbol="mRQ",
    title="Rationale quality, choices hidden",
    direction="higher",
    range=(-1.0, 1.0),
    best=None,
    needs=("text", "simulator"),
    views=("input", "masked"),
    variants=WEIGHTS,
    cite="own; RQ after Wiegreffe et al. 2021, leakage after Hase et al. 2020 and Jiang et al. 2024 (RORA)",
    formula="mean of s_xm - s_x, m the rationale with every word of a choice hidden",
    describe=(
        "How much more often the answer is guessed with the rationale than without it when the rationale may not "
        "name a choice."
    ),
    avoid=(
        "Not where choices are long texts: much of a good rationale is hidden with them, so prefer RORA there. It "
        "is a candidate of our own; that it meets all axioms is not shown."
    ),
)
def masked_rq(case: TextCase, *, weights: Weights = "pt") -> Score:
    """What the rationale adds for this example: -1, 0 or 1."""
    if case.answer is None:
        return undefined(UNREAD)
    return Score(float(case.guessed(weights, "masked")) - float(case.guessed(weights, "input")))
