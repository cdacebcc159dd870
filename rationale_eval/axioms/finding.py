"""What a check of a metric came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rationale_eval.axioms.estimate import Estimate

Verdict = Literal["holds", "fails", "open", "not tried"]
"""open: the interval does not tell."""


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


def above(difference: Estimate, zero: float = 0.0) -> Verdict:
    """Whether a difference lies above `zero`: by its interval, or by its value where it has none."""
    if difference.value != difference.value:  # NaN
        return "not tried"
    low = difference.value if difference.low != difference.low else difference.low
    high = difference.value if difference.high != difference.high else difference.high
    return "holds" if low > zero else "fails" if high < zero or (low == high == zero) else "open"
