"""What a check of a metric came to, and the one rule by which numbers become verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isnan
from typing import Any, Final, Literal

from rationale_eval.axioms.estimate import Estimate

Verdict = Literal["holds", "fails", "open", "not tried"]
"""open: the interval does not tell, there is none, the metric is constant, or no condition made the model worse."""

CONSTANT: Final = "the metric is constant"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one metric.

    Args:
        check: "reference", "perturbation", "robustness", "leakage" or "people".
        verdict: What it came to.
        why: One clause.
        numbers: The estimates behind it, by name.
        about: Further facts, JSON values.
    """

    check: str
    verdict: Verdict
    why: str
    numbers: Mapping[str, Estimate] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "check": self.check,
            "verdict": self.verdict,
            "why": self.why,
            "numbers": {name: each.record() for name, each in self.numbers.items()},
            **self.about,
        }


def judge(number: Estimate, *, least: float = -inf, most: float = inf) -> Verdict:
    """Whether a number lies strictly between two bounds, by its interval alone.

    Args:
        number: What is judged.
        least: What it must be above.
        most: What it must be below.

    Returns:
        "holds" if the whole interval lies between the bounds, "fails" if all of it lies outside on one side, "open" if
        it contains a bound (a tie does) or there is none, "not tried" without a value.
    """
    if isnan(number.value):
        return "not tried"
    if isnan(number.low) or isnan(number.high):
        return "open"
    if least < number.low and number.high < most:
        return "holds"
    return "fails" if number.high < least or number.low > most else "open"


def unsure(number: Estimate) -> str:
    """What to add to the reason of a verdict that is open for want of an interval; else empty."""
    return " (there is no interval)" if isnan(number.low) and not isnan(number.value) else ""


def constant(check: str, numbers: Mapping[str, Estimate], about: Mapping[str, Any] | None = None) -> Finding:
    """The finding about a metric that says the same of everything: no check can go by its ties."""
    return Finding(check, "open", CONSTANT, numbers, about or {})
