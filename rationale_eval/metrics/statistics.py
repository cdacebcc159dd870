"""Confidence intervals by bootstrap.

Every corpus value here is a function of sums over examples: a mean is (sum of values, count), micro-F1 is (true
positives, predicted, gold), macro-F1 a confusion matrix. So a resample is a vector of counts, one for each
resampled unit, and all resamples of all metrics are one matrix product.

A unit is an example or, where examples share a premise or a document, the whole cluster: examples of one cluster
are not independent, and resampling them singly gives intervals that are too narrow (Davison and Hinkley 1997,
section 3.8). Whole clusters are drawn with replacement; the corpus value stays the value over examples.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rationale_eval.errors import UsageError
from rationale_eval.metrics.record import Reduce

Floats = NDArray[np.float64]

RESAMPLES: Final = 2000
"""Enough for the ends of a 95 % interval to move by a few hundredths of its width from seed to seed (Efron and
Tibshirani 1993, section 14.3 asks for at least 1000)."""

LEVEL: Final = 0.95

_CELLS: Final = 4_000_000
"""Numbers held at once in one array (32 MB): bounds memory whatever the number of examples."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is resampled.

    Args:
        parts: Sums within each unit, float64 `[units, parts]`.
        reduce: From summed parts `[..., parts]` to the value `[...]`.
    """

    parts: Floats
    reduce: Reduce


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its confidence interval.

    Args:
        value: The value on all units.
        low: Lower end; NaN where there is no interval.
        high: Upper end; NaN where there is no interval.
        method: "bca", "percentile", "point" (nothing varies) or "none".
        reason: Why the interval is not of the kind that was asked for; empty otherwise.
        units: Number of units (clusters, or examples without clusters).
    """

    value: float
    low: float
    high: float
    method: Literal["bca", "percentile", "point", "none"]
    reason: str
    units: int


def ratio(sums: Floats) -> Floats:
    """First part over second part; NaN where the second is 0. The mean, where parts are (value, 1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[..., 1] == 0, np.nan, sums[..., 0] / sums[..., 1])


def mean_sample(values: Floats, clusters: Sequence[Hashable] | None = None) -> Sample:
    """The mean of the defined values as a sample: NaN and infinities are left out.

    Args:
        values: float64 `[examples]`.
        clusters: A key for each example; None, or a missing key, makes the example its own cluster.
    """
    values = np.asarray(values, dtype=np.float64)
    defined = np.isfinite(values)
    parts = np.column_stack([values[defined], np.ones(int(defined.sum()))])
    kept = None if clusters is None else [key for key, keep in zip(clusters, defined, strict=True) if keep]
    return Sample(unit_sums(parts, kept), ratio)


def unit_sums(parts: Floats, clusters: Sequence[Hashable] | None = None) -> Floats:
    """Sums of the examples' parts within each cluster, in order of first appearance.

    Args:
        parts: float64 `[examples, parts]`.
        clusters: A key for each example, None (or a missing value) where it stands alone.

    Returns:
        float64 `[units, parts]`.
    """
    if clusters is None:
        return parts
    codes = cluster_codes(clusters)
    sums = np.zeros((int(codes.max(initial=-1)) + 1, parts.shape[1]))
    np.add.at(sums, codes, parts)
    return sums


def cluster_codes(clusters: Sequence[Hashable]) -> NDArray[np.intp]:
    """Numbers the clusters from 0 in order of first appearance; an example without a key gets its own number."""
    codes, _ = pd.factorize(pd.Series(list(clusters), dtype=object), use_na_sentinel=True)
    alone = codes < 0
    codes = codes.astype(np.intp)
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    return np.asarray(pd.factorize(codes)[0], dtype=np.intp)


def interval(
    scores: Floats,
    *,
    reduce: Reduce | None = None,
    clusters: Sequence[Hashable] | None = None,
    method: Literal["bca", "percentile"] = "bca",
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Bootstrap interval of one corpus value.

    Args:
        scores: Example values float64 `[examples]` (NaN is left out), or, with `reduce`, parts `[examples, parts]`.
        reduce: From summed parts to the corpus value; None means the mean.
        clusters: A key for each example; whole clusters are resampled.
        method: "bca" (bias-corrected and accelerated, Efron 1987, with the jackknife acceleration over units) or
            "percentile". BCa falls back to percentile, with the reason, where it is not defined.
        level: Confidence level, between 0 and 1.
        resamples: Number of bootstrap resamples.
        seed: Seed of the draw. The same seed and number of units give the same resamples.

    Raises:
        UsageError: On a level outside (0, 1), fewer than 1 resample or an unknown method.
    """
    if reduce is None:
        sample = mean_sample(scores, clusters)
    else:
        sample = Sample(unit_sums(np.asarray(scores, dtype=np.float64), clusters), reduce)
    return intervals([sample], method=method, level=level, resamples=resamples, seed=seed)[0]


def intervals(
    samples: Sequence[Sample],
    *,
    method: Literal["bca", "percentile"] = "bca",
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Interval]:
    """Bootstrap intervals of many values; samples with the same number of units share their resamples.

    Each interval equals what `interval` gives for it alone. Arguments as there.
    """
    if method not in ("bca", "percentile"):
        raise UsageError(f"there is no interval method '{method}'; choose bca or percentile")
    if not 0 < level < 1 or resamples < 1:
        raise UsageError("an interval needs a level between 0 and 1 and at least one resample")
    found: dict[int, Interval] = {}
    for places in _together(samples):
        stacked = np.hstack([samples[i].parts for i in places])
        sums = resampled_sums(stacked, resamples, seed) if len(stacked) > 1 else np.empty((0, stacked.shape[1]))
        ends = np.cumsum([samples[i].parts.shape[1] for i in places])
        for i, own in zip(places, np.split(sums, ends[:-1], axis=1), strict=True):
            found[i] = _one(samples[i], own, method, level)
    return [found[i] for i in range(len(samples))]


def resampled_sums(parts: Floats, resamples: int, seed: int) -> Floats:
    """Sums of parts over each bootstrap resample of the units.

    Args:
        parts: float64 `[units, parts]`, at least one unit.
        resamples: Number of resamples.
        seed: Seed of the draw.

    Returns:
        float64 `[resamples, parts]`.
    """
    draw = np.random.default_rng(seed)
    units = len(parts)
    sums = np.empty((resamples, parts.shape[1]))
    for start, stop in chunks(resamples, units):
        picks = draw.integers(0, units, size=(stop - start, units))
        picks += np.arange(stop - start)[:, None] * units
        counts = np.bincount(picks.ravel(), minlength=(stop - start) * units).reshape(stop - start, units)
        sums[start:stop] = counts.astype(np.float64) @ parts
    return sums


def chunks(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """Cuts `rows` so that a chunk times `columns` stays within the memory bound."""
    step = max(1, _CELLS // max(1, columns))
    for start in range(0, rows, step):
        yield start, min(start + step, rows)


def _together(samples: Sequence[Sample]) -> Iterator[list[int]]:
    """Groups of samples with the same number of units, each group small enough to stack."""
    places: dict[int, list[int]] = {}
    for i, sample in enumerate(samples):
        places.setdefault(len(sample.parts), []).append(i)
    for units, group in places.items():
        stack: list[int] = []
        held = 0
        for i in group:
            size = units * samples[i].parts.shape[1]
            if stack and held + size > _CELLS:
                yield stack
                stack, held = [], 0
            stack.append(i)
            held += size
        yield stack


def _one(sample: Sample, sums: Floats, method: str, level: float) -> Interval:
    nan, units = float("nan"), len(sample.parts)
    value = float(sample.reduce(sample.parts.sum(axis=0))) if units else nan
    if np.isnan(value):
        return Interval(nan, nan, nan, "none", "no example has a value" if not units else "undefined", units)
    if units < 2:
        return Interval(value, nan, nan, "none", "a single unit has no interval", units)
    replicates = sample.reduce(sums)
    lost = int(np.isnan(replicates).sum())
    replicates = replicates[~np.isnan(replicates)]
    if not len(replicates):
        return Interval(value, nan, nan, "none", "undefined in every resample", units)
    note = f"undefined in {lost} resamples, which were left out" if lost else ""
    if np.ptp(replicates) <= 1e-12 * max(1.0, abs(value)):
        return Interval(value, value, value, "point", "all units agree", units)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        adjusted, why = _bca_tails(sample, value, replicates, tails)
        if adjusted is not None:
            low, high = np.quantile(replicates, adjusted)
            return Interval(value, float(low), float(high), "bca", note, units)
        note = "; ".join(filter(None, [f"percentile, because {why}", note]))
    low, high = np.quantile(replicates, tails)
    return Interval(value, float(low), float(high), "percentile", note, units)


def _bca_tails(sample: Sample, value: float, replicates: Floats, tails: Floats) -> tuple[Floats | None, str]:
    """The percentiles BCa reads off the replicates (Efron 1987, equations 2.3 and 6.6), or None and why not."""
    # Equal up to rounding counts half, as a tie: the matrix product and the plain sum may differ in the last bit.
    slack = 1e-12 * max(1.0, abs(value))
    below = np.mean(replicates < value - slack) + 0.5 * np.mean(np.abs(replicates - value) <= slack)
    if not 0 < below < 1:
        return None, "every resample lies on one side of the value"
    left_out = sample.reduce(sample.parts.sum(axis=0) - sample.parts)
    if np.isnan(left_out).any():
        return None, "the value is undefined when one unit is left out"
    away = left_out.mean() - left_out
    spread = float((away**2).sum())
    if spread <= 1e-24 * max(1.0, value**2):
        return None, "leaving one unit out changes nothing"
    acceleration = float((away**3).sum()) / (6 * spread**1.5)
    bias = ndtri(below)
    shifted = bias + ndtri(tails)
    scale = 1 - acceleration * shifted
    if (scale <= 0).any():
        return None, "the acceleration is too large"
    adjusted = ndtr(bias + shifted / scale)
    return np.asarray(adjusted, dtype=np.float64), ""
