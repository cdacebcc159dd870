"""REV: what a rationale says about the answer beyond restating it.

The vacuous rationale b merges the input and the answer y that the system gave ("{premise} implies {hypothesis}"). Two
evaluators were trained on gold rationales and gold answers: g reads rationale and b, g' reads b alone.

    REV_i = log g(y_i | r_i, b_i) - log g'(y_i | b_i)        in nats

This is the classifier form: evaluators are simulators over the choices, so the logarithm is that of the choice's
probability. The published evaluators are language models, and their logarithm is the mean over the tokens of the label
and of the end of text; that form is not there.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.simulatability import UNREAD, Weights
from rationale_eval.metrics.text_case import Answered, TextCase, counted

VARIANTS: Final[dict[str, dict[str, Any]]] = {
    f"{weights}{'' if count == 'all' else '_' + count}": {"weights": weights, "count": count}
    for weights in ("pt", "np")
    for count in ("all", "correct", "incorrect")
}
"""Weights of the evaluators, and whose answers count: all, right ones, wrong ones."""

LEAST: Final = float(np.finfo(np.float64).tiny)
"""A probability of 0 is read as the least one that can be written down, so that its logarithm is finite."""


def log_probability(case: TextCase, weights: Weights, seen: str) -> float:
    """What a simulator gives the system's answer: log p(y), nats, at most 0."""
    return float(np.log(max(case.probability(weights, seen), LEAST)))


@metric(
    "rev",
    family="simulation",
    symbol="REV",
    title="Rationale evaluation with conditional V-information",
    direction="higher",
    range=(-float("inf"), float("inf")),
    best=None,
    needs=("text", "simulator"),
    views=("vacuous", "vacuous_rationale"),
    variants=VARIANTS,
    cite="Chen et al. 2023 (REV), section 3; classifier form, see above the code",
    formula="mean of log g(y | r, b) - log g'(y | b), b the vacuous rationale",
    describe=(
        "How many nats the rationale adds to a vacuous one that merges input and answer; at or below 0 it says "
        "nothing new, and an empty rationale or the vacuous one has exactly 0."
    ),
    avoid=(
        "Not where evaluators read the answer off the vacuous rationale, which leaves nothing to add: look at how "
        "well they guess first. Not from one seed, since it is a difference of two separate trainings."
    ),
)
def rev(case: TextCase, *, weights: Weights = "pt", count: Answered = "all") -> Score:
    """What the rationale adds for this example, in nats."""
    if case.answer is None:
        return undefined(UNREAD)
    left_out = counted(case, count)
    if left_out is not None:
        return undefined(left_out)
    return Score(log_probability(case, weights, "vacuous_rationale") - log_probability(case, weights, "vacuous"))
