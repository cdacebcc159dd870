"""Means over seeds: textbook numbers, and nothing that was not finite."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.seeds import over_seeds, spread


def test_a_textbook_interval() -> None:
    # mean 0.8, sd 0.02, t(0.975, 2) = 4.3027: half-width 4.3027 * 0.02 / sqrt(3) = 0.04968
    found = spread([0.78, 0.80, 0.82])
    assert (found.n, found.interval) == (3, "t, 95 %")
    assert [found.mean, found.sd, found.low, found.high] == pytest.approx([0.8, 0.02, 0.75032, 0.84968], abs=1e-5)
    assert spread([0.78, 0.80, 0.82], level=0.9).interval == "t, 90 %"


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12).filter(lambda values: np.std(values) > 1e-3))
def test_it_is_the_interval_of_the_t_test(values: list[float]) -> None:
    found = spread(values)
    expected = ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    assert spread([0.5, math.nan, 0.7, math.inf]).n == 2
    alone = spread([math.nan, 0.5])
    assert (alone.n, alone.mean, alone.interval) == (1, 0.5, "a single seed has no interval")
    assert math.isnan(alone.sd) and math.isnan(alone.low)
    nothing = spread([math.nan])
    assert (nothing.n, nothing.interval) == (0, "no seed has a value") and math.isnan(nothing.mean)
    same = spread([0.5, 0.5])
    assert (same.sd, same.low, same.high) == (0.0, 0.5, 0.5)
    with pytest.raises(UsageError, match="level between 0 and 1"):
        spread([1.0], level=95)


def test_tables_of_seeds_become_one() -> None:
    load_all()

    def table(*values: float) -> pd.DataFrame:
        names = ("auprc", "sufficiency_aopc")[: len(values)]
        return pd.DataFrame({"method": "ours", "metric": names, "variant": "v", "value": values, "n": 9})

    found = over_seeds([table(0.6, 0.1), table(0.8, math.nan), table(0.7)])
    assert found["seeds"].tolist() == [3, 1]
    assert found["mean"].tolist() == pytest.approx([0.7, 0.1])
    assert found["direction"].tolist() == ["higher", "lower"]
    assert found["interval"].tolist() == ["t, 95 %", "a single seed has no interval"]
