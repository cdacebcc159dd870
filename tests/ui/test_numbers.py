"""Numbers as pages show them."""

from __future__ import annotations

import math

import pytest

from rationale_eval.ui.numbers import count, duration, interval, number, size


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.4237, "0.424"),
        (-0.0042, "-0.00420"),
        (-0.00042, "-4.20e-04"),
        (12.345, "12.3"),
        (0.0, "0"),
        (1.0, "1.00"),
        (12345.6, "12,346"),
        (1.2e-9, "1.20e-09"),
        (math.nan, "not defined"),
        (math.inf, "not defined"),
        (None, "not defined"),
    ],
)
def test_three_digits(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_an_interval_is_whole_or_absent() -> None:
    assert interval(0.1, 0.25) == "[0.100, 0.250]"
    assert interval(math.nan, 0.2) == interval(None, None) == ""


def test_words() -> None:
    assert (count(1, "run"), count(1204, "run"), count(2, "entry", "entries")) == ("1 run", "1,204 runs", "2 entries")
    assert [duration(each) for each in (59.4, 200, 7380, None)] == ["59 s", "3 min 20 s", "2 h 3 min", "unknown"]
    assert [size(each) for each in (999, 1_400_000, 2.5e9)] == ["999 bytes", "1.4 MB", "2.5 GB"]
