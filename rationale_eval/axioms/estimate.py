"""Values of a metric over examples and differences of two, with intervals: over seeds where there are several, else by
bootstrap over examples (or over clusters that share a premise).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rationale_eval.metrics.record import Metric
from rationale_eval.metrics.seeds import spread
from rationale_eval.metrics.statistics import Sample, intervals, ratio, unit_sums

Floats = NDArray[np.float64]
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    Args:
        value: The mean over seeds.
        low: Lower end, 95 %; NaN where there is none.
        high: Upper end.
        n: Examples it rests on, the mean over seeds.
        seeds: Seeds with a value.
        interval: "t over seeds", or the kind of bootstrap.
    """

    value: float
    low: float = NAN
    high: float = NAN
    n: float = 0
    seeds: int = 0
    interval: str = "none"

    def record(self) -> dict[str, Any]:
        """As JSON values; NaN is null."""
        found = {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "seeds": self.seeds}
        return {key: None if math.isnan(float(number)) else number for key, number in found.items()} | {
            "interval": self.interval
        }


NOTHING = Estimate(NAN)


class Table:
    """The scores of one metric under one variant.

    Args:
        frame: Rows of `scoring.score` of that metric and variant.
        metric: The metric.
    """

    def __init__(self, frame: pd.DataFrame, metric: Metric):
        self._metric = metric
        self.seeds: list[int] = sorted(frame["seed"].unique().tolist())
        self._groups = {key: rows.set_index("example_id") for key, rows in frame.groupby(["source", "seed"])}

    def has(self, source: str) -> bool:
        """Whether there are scores of a source."""
        return any((source, seed) in self._groups for seed in self.seeds)

    def defined(self, source: str, seed: int) -> list[str]:
        """Examples of a source that count."""
        rows = self._groups.get((source, seed))
        if rows is None:
            return []
        return [str(key) for key, value in rows["value"].items() if not math.isnan(value)]

    def sums(self, source: str, seed: int, ids: Sequence[str]) -> Floats:
        """Sufficient statistics of some examples, float64 `[examples, parts]`; 0 for those that do not count."""
        rows = self._groups[source, seed].loc[list(ids)]
        if self._metric.reduce is None:
            values = rows["value"].to_numpy(dtype=np.float64)
            return np.stack([np.nan_to_num(values), np.isfinite(values).astype(np.float64)], axis=1)
        known = [each for each in rows["parts"] if each is not None]
        none = np.zeros(len(known[0]) if known else 1)
        return np.stack([none if each is None else np.asarray(each, dtype=np.float64) for each in rows["parts"]])

    def reduce(self, sums: Floats) -> Floats:
        """The corpus value of sums."""
        return (self._metric.reduce or ratio)(sums)

    def clusters(self, source: str, seed: int, ids: Sequence[str]) -> list[Any] | None:
        """Cluster keys of some examples; None where all are independent."""
        found = self._groups[source, seed].loc[list(ids), "cluster"].tolist()
        return None if all(pd.isna(each) for each in found) else found

    def example(self, source: str, seed: int, key: str) -> float:
        """The value of one example."""
        return float(self._groups[source, seed].at[key, "value"])

    def value(self, source: str) -> Estimate:
        """The value of a source."""
        return self._estimate([self._sample(seed, [source]) for seed in self.seeds])

    def difference(self, source: str, other: str) -> Estimate:
        """The value of `source` minus that of `other`, on the examples that count in both."""
        return self._estimate([self._sample(seed, [source, other]) for seed in self.seeds])

    def per_seed(self, source: str) -> list[float]:
        """The value of a source for every seed."""
        found = [self._sample(seed, [source]) for seed in self.seeds]
        return [NAN if one is None else float(one.reduce(one.parts.sum(axis=0))) for one in found]

    def _sample(self, seed: int, sources: list[str]) -> Sample | None:
        shared = self.defined(sources[0], seed)
        for other in sources[1:]:
            both = set(self.defined(other, seed))
            shared = [key for key in shared if key in both]
        if not shared:
            return None
        parts = np.concatenate([self.sums(source, seed, shared) for source in sources], axis=1)
        width = parts.shape[1] // len(sources)

        def reduce(sums: Floats) -> Floats:
            first = self.reduce(sums[..., :width])
            return first if len(sources) == 1 else first - self.reduce(sums[..., width:])

        return Sample(unit_sums(parts, self.clusters(sources[0], seed, shared)), reduce)

    def _estimate(self, samples: Sequence[Sample | None]) -> Estimate:
        known = [one for one in samples if one is not None]
        if not known:
            return NOTHING
        count = float(np.mean([len(one.parts) for one in known]))
        if len(known) == 1:
            (found,) = intervals(known, resamples=1000)
            return Estimate(found.value, found.low, found.high, count, 1, found.method)
        return over_seeds([float(one.reduce(one.parts.sum(axis=0))) for one in known], count)


def over_seeds(values: Sequence[float], n: float = 0) -> Estimate:
    """Mean and t-interval over seeds; a single seed has no interval."""
    found = spread(values)
    return Estimate(found.mean, found.low, found.high, n, found.n, "t over seeds" if found.n > 1 else "none")


def combined(parts: Sequence[Sequence[float]], join: Callable[..., float]) -> Estimate:
    """A function of several values, seed by seed, then over seeds.

    Args:
        parts: Values of each, for every seed.
        join: Called with the values of one seed.
    """
    return over_seeds([join(*each) for each in zip(*parts, strict=True)])
