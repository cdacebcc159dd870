"""Leave-one-out: how far the output falls when a word is removed."""

from __future__ import annotations

import numpy as np

from rationale_eval.engine.case import REMOVALS, Asks, Case, Removal
from rationale_eval.rationales.perturbation import VALUES, seen_words, spread_out, value
from rationale_eval.rationales.record import Found, method


@method(
    "leave_one_out",
    title="Leave one out",
    family="perturbation",
    signed=True,
    deterministic=True,
    options={"removal": REMOVALS, "output": tuple(VALUES)},
    cite="Li, Monroe and Jurafsky 2016, eq. 3; Robnik-Sikonja and Kononenko 2008",
    describe="The fall of the output when one word is removed and everything else stays. Exact and easy to read.",
    avoid=(
        "Not where words stand in for each other: removing either alone changes nothing, so both look "
        "unimportant. Occlusion or Shapley values see more there."
    ),
)
def leave_one_out(case: Case, *, removal: Removal = "delete", output: str = "probability") -> Asks[Found]:
    """s_i = f(x) - f(x without word i)."""
    places = seen_words(case)
    whole, *parts = yield [case.whole(), *(case.without([place], removal) for place in places)]
    start = value(whole, case.target, output)
    falls = np.array([start - value(part, case.target, output) for part in parts])
    return Found(spread_out(case, places, falls))
