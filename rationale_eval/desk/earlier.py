"""How long a job may take, by earlier ones that were alike, scaled to its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a job may take.

    Args:
        low: Seconds by the quickest of the earlier ones, scaled to this size.
        middle: By the one in the middle.
        high: By the slowest.
        earlier: How many were looked at.
    """

    low: float
    middle: float
    high: float
    earlier: int


def of_earlier(scaled: Sequence[float]) -> Estimate | None:
    """The estimate of seconds that were scaled to a size; None where there are none."""
    return Estimate(min(scaled), median(scaled), max(scaled), len(scaled)) if scaled else None
