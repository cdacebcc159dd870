import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rationale_eval.errors import UsageError
from rationale_eval.metrics.statistics import (
    Sample,
    cluster_codes,
    interval,
    intervals,
    mean_sample,
    ratio,
    resampled_sums,
    unit_sums,
)


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_equals_scipy_on_means(method):
    values = np.random.default_rng(1).gamma(2.0, size=40)
    ours = interval(values, method=method, resamples=999, seed=7)
    theirs = stats.bootstrap(
        (values,), np.mean, method=method, n_resamples=999, rng=np.random.default_rng(7)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-10)
    assert ours.method == method and ours.units == 40 and ours.value == pytest.approx(values.mean())


def test_ratio_of_sums_equals_scipy():
    draw = np.random.default_rng(2)
    parts = np.column_stack([draw.poisson(3, 30), draw.poisson(6, 30) + 1]).astype(float)
    ours = interval(parts, reduce=ratio, resamples=500, seed=3)
    theirs = stats.bootstrap(
        (parts[:, 0], parts[:, 1]),
        lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=500,
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-10)


def test_covers_the_true_mean_about_as_often_as_promised():
    draw = np.random.default_rng(0)
    samples = [mean_sample(draw.exponential(size=50)) for _ in range(400)]
    found = intervals(samples, level=0.9, resamples=1000, seed=5)
    covered = np.mean([one.low <= 1.0 <= one.high for one in found])
    assert 0.84 < covered < 0.94


def test_clusters_widen_the_interval_and_restore_coverage():
    draw = np.random.default_rng(4)
    clusters = [key for key in range(30) for _ in range(10)]
    narrow = wide = 0
    for seed in range(60):
        values = np.repeat(draw.normal(size=30), 10) + 0.1 * draw.normal(size=300)
        single = interval(values, resamples=300, seed=seed)
        whole = interval(values, clusters=clusters, resamples=300, seed=seed)
        assert whole.value == pytest.approx(single.value) and whole.units == 30
        narrow += single.low <= 0 <= single.high
        wide += whole.low <= 0 <= whole.high
    assert narrow < 40 < 50 < wide


def test_cluster_value_stays_the_mean_over_examples():
    assert interval(np.array([1.0, 1.0, 1.0, 0.0]), clusters=["a", "a", "a", "b"]).value == 0.75


def test_examples_without_a_key_stand_alone():
    assert cluster_codes(["a", None, "a", float("nan"), "b"]).tolist() == [0, 1, 0, 2, 3]
    assert unit_sums(np.arange(4.0)[:, None], ["x", "y", "x", None]).ravel().tolist() == [2, 1, 3]


def test_undefined_examples_are_left_out():
    values = np.array([0.2, np.nan, 0.4, 0.9])
    assert interval(values) == interval(values[~np.isnan(values)])
    assert interval(values, clusters=["a", "a", "b", "c"]).units == 3


@pytest.mark.parametrize(
    ("values", "method", "low"),
    [([], "none", np.nan), ([0.5], "none", np.nan), ([0.5] * 9, "point", 0.5), ([np.nan] * 3, "none", np.nan)],
)
def test_degenerate_samples_say_so(values, method, low):
    found = interval(np.array(values, dtype=float))
    assert found.method == method and found.reason
    assert found.low == pytest.approx(low, nan_ok=True) and found.high == pytest.approx(low, nan_ok=True)


def test_falls_back_to_percentile_with_a_reason():
    # The whole sample is at the maximum, so every resample lies at or below it and BCa's bias is far off.
    parts = np.column_stack([np.sqrt(np.arange(1.0, 21.0)), np.ones(20)])

    def low(sums):
        return -np.abs(sums[..., 0] - parts[:, 0].sum())

    found = interval(parts, reduce=low, resamples=300)
    assert found.method == "percentile" and found.high <= 0.0 and found.reason.startswith("percentile, because")


def test_undefined_resamples_are_counted():
    parts = np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    found = interval(parts, reduce=ratio, resamples=200)
    assert found.value == 1.0 and found.reason


def test_chunks_do_not_change_the_draw(monkeypatch):
    parts = np.random.default_rng(0).normal(size=(17, 2))
    whole = resampled_sums(parts, 50, seed=1)
    monkeypatch.setattr("rationale_eval.metrics.statistics._CELLS", 40)
    np.testing.assert_allclose(resampled_sums(parts, 50, seed=1), whole, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12), st.integers(0, 3))
def test_many_at_once_equals_one_by_one(values, shift):
    first = mean_sample(np.array(values))
    second = Sample(first.parts + np.array([shift, 0]), ratio)
    together = intervals([first, second], resamples=60)
    alone = [intervals([one], resamples=60)[0] for one in (first, second)]
    for a, b in zip(together, alone, strict=True):
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=1e-9, nan_ok=True)
        assert a.low - 1e-9 <= a.high + 2e-9


def test_large_samples_stay_in_memory():
    values = np.random.default_rng(0).normal(size=100_000)
    found = interval(values, resamples=50)
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(100_000), rel=0.4)


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"resamples": 0}, {"method": "normal"}])
def test_refuses_meaningless_settings(wrong):
    with pytest.raises(UsageError):
        interval(np.array([1.0, 2.0]), **wrong)
