"""Values of a metric over examples and what is made from several of them, with intervals: over seeds where there are
several, else by bootstrap over examples (or over clusters that share a premise).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rationale_eval.axioms.sources import CEILING
from rationale_eval.metrics.record import Metric
from rationale_eval.metrics.seeds import spread
from rationale_eval.metrics.statistics import Sample, intervals, ratio, unit_sums

Floats = NDArray[np.float64]
NAN = float("nan")

Join = Callable[[Floats, Floats], Floats]
"""From values of groups of sources `[..., groups, sources]`, and how many examples each counts `[..., groups]`, to one
number `[...]`."""


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

    def over(self, scale: float) -> Estimate:
        """The number and its interval as a share of a fixed scale; without a value where the scale is not above 0."""
        if not scale > 0:
            return NOTHING
        return replace(self, value=self.value / scale, low=self.low / scale, high=self.high / scale)

    def record(self) -> dict[str, Any]:
        """As JSON values; NaN is null."""
        found = {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "seeds": self.seeds}
        return {key: None if math.isnan(float(number)) else number for key, number in found.items()} | {
            "interval": self.interval
        }

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Estimate:
        """Reads what `record` made."""
        known: dict[str, Any] = {name: NAN if value is None else value for name, value in record.items()}
        return cls(**known)


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
        self._order = {key: place for place, key in enumerate(dict.fromkeys(frame["example_id"]))}
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

    def clusters(self, source: str, seed: int, ids: Sequence[str]) -> list[Any]:
        """Cluster keys of some examples; None where one stands alone."""
        return list(self._groups[source, seed].loc[list(ids), "cluster"])

    @cached_property
    def constant(self) -> bool:
        """Whether the metric says the same of every example of every source, so that it can tell nothing apart."""
        told = [rows["value"].dropna() for (source, _), rows in self._groups.items() if source != CEILING]
        values = np.concatenate([np.zeros(0), *told])
        reached = np.array([self.per_seed(source) for source in {source for source, _ in self._groups} - {CEILING}])
        return bool(len(values)) and not (_varies(values) or _varies(reached[np.isfinite(reached)]))

    def example(self, source: str, seed: int, key: str) -> float:
        """The value of one example."""
        return float(self._groups[source, seed].at[key, "value"])

    def value(self, source: str) -> Estimate:
        """The value of a source."""
        return self.joint([[source]], _first)

    def difference(self, source: str, other: str) -> Estimate:
        """The value of `source` minus that of `other`, on the examples that count in both."""
        return self.joint([[source, other]], lambda values, _: values[..., 0, 0] - values[..., 0, 1])

    def joint(self, groups: Sequence[Sequence[str]], join: Join) -> Estimate:
        """A number made from the values of several sources.

        A resample draws examples, each with its scores in all sources, so that what sources have in common cancels out.

        Args:
            groups: Sources, equally many in each group; those of a group are valued on the examples that count in all.
            join: Makes the number.
        """
        samples = [self._sample(seed, groups, join) for seed in self.seeds]
        values = [NAN if one is None else float(one[0].reduce(one[0].parts.sum(axis=0))) for one in samples]
        known = [one for one, value in zip(samples, values, strict=True) if one is not None and math.isfinite(value)]
        if not known:
            return NOTHING
        count = float(np.mean([examples for _, examples in known]))
        if len(known) == 1:
            (found,) = intervals([known[0][0]], resamples=1000)
            return Estimate(found.value, found.low, found.high, count, 1, found.method)
        return over_seeds(values, count)

    def per_seed(self, source: str) -> list[float]:
        """The value of a source for every seed."""
        found = [self._sample(seed, [[source]], _first) for seed in self.seeds]
        return [NAN if one is None else float(one[0].reduce(one[0].parts.sum(axis=0))) for one in found]

    def _sample(self, seed: int, groups: Sequence[Sequence[str]], join: Join) -> tuple[Sample, int] | None:
        """What is resampled, one row an example: the sums of each source of each group and whether the group counts it.

        With it goes the number of examples; None without any.
        """
        shared = [self._shared(seed, group) for group in groups]
        ids = sorted({key for keys in shared for key in keys}, key=self._order.__getitem__)
        if not ids:
            return None
        place = {key: row for row, key in enumerate(ids)}
        rows = [[place[key] for key in keys] for keys in shared]
        clusters: list[Any] = [None] * len(ids)
        blocks: dict[int, Floats] = {}
        for at, (group, keys) in enumerate(zip(groups, shared, strict=True)):
            if keys:
                blocks[at] = np.stack([self.sums(source, seed, keys) for source in group], axis=1)
                for row, cluster in zip(rows[at], self.clusters(group[0], seed, keys), strict=True):
                    clusters[row] = cluster
        _, sources, width = next(iter(blocks.values())).shape
        parts = np.zeros((len(ids), len(groups), sources * width + 1))
        for at, block in blocks.items():
            parts[rows[at], at, :-1], parts[rows[at], at, -1] = block.reshape(len(block), -1), 1.0

        def reduce(sums: Floats) -> Floats:
            grouped = sums.reshape(*sums.shape[:-1], len(groups), -1)
            values = self.reduce(grouped[..., :-1].reshape(*grouped.shape[:-1], sources, width))
            return join(values, grouped[..., -1])

        alone = all(pd.isna(each) for each in clusters)
        return Sample(unit_sums(parts.reshape(len(ids), -1), None if alone else clusters), reduce), len(ids)

    def _shared(self, seed: int, sources: Sequence[str]) -> list[str]:
        """Examples that count in all sources, in the order of the first."""
        others = [set(self.defined(other, seed)) for other in sources[1:]]
        return [key for key in self.defined(sources[0], seed) if all(key in other for other in others)]


def _first(values: Floats, _: Floats) -> Floats:
    return values[..., 0, 0]


def _varies(values: Floats) -> bool:
    return bool(len(values)) and bool(np.ptp(values) > 1e-12 * max(1.0, float(np.abs(values).max())))


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
