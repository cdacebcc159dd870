"""Numbers as pages and reports show them: three significant digits, small intervals, a word where nothing is."""

from __future__ import annotations

import math
from typing import Final

ARROWS: Final = {"higher": "↑", "lower": "↓", "none": ""}
"""Beside a metric's name: where the better values lie."""


def number(value: float | None) -> str:
    """Three significant digits; "not defined" for what is absent, not finite or not a number."""
    if value is None or not math.isfinite(value):
        return "not defined"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}" if digits <= 5 else f"{value:.2e}"


def interval(low: float | None, high: float | None) -> str:
    """An interval in brackets, empty where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{number(low)}, {number(high)}]"


def count(value: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun: "1 run", "1,204 runs"."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def duration(seconds: float | None) -> str:
    """Time in the two greatest units: "3 min 20 s"."""
    if seconds is None or not math.isfinite(seconds):
        return "unknown"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(bytes_: float) -> str:
    """Bytes as people say them: "1.4 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if bytes_ < 1000 or unit == "GB":
            return f"{bytes_:.0f} {unit}" if unit == "bytes" else f"{bytes_:.3g} {unit}"
        bytes_ /= 1000
    raise AssertionError
