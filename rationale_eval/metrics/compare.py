"""Compares systems on the examples they share: difference, interval, paired test, correction for many tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rationale_eval.errors import UsageError
from rationale_eval.metrics.frames import Group, check_frame, direction_of, read_group
from rationale_eval.metrics.significance import DRAWS, Outcome, holm, mcnemar_test, permutation_test
from rationale_eval.metrics.statistics import LEVEL, RESAMPLES, Floats, Sample, intervals, ratio, unit_sums

COMPARE_COLUMNS: Final = (
    "metric",
    "variant",
    "first",
    "second",
    "value_first",
    "value_second",
    "difference",
    "ci_low",
    "ci_high",
    "p",
    "p_holm",
    "n_pairs",
    "direction",
    "better",
    "test",
    "interval",
)


class NothingShared(UsageError):
    """There is nothing to compare: no scores, or no example that two systems share."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How differences are judged.

    Args:
        level: Confidence level of the intervals; 1 - level is what `better` demands of the corrected p.
        resamples: Bootstrap resamples.
        draws: Random swaps of the permutation test.
        seed: Seed of both.
    """

    level: float = LEVEL
    resamples: int = RESAMPLES
    draws: int = DRAWS
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Two systems on the examples that both define, summed by unit."""

    first: Floats
    second: Floats
    group: Group
    examples: int
    binary: bool

    def sample(self) -> Sample:
        width, reduce = self.first.shape[1], self.group.reduce
        return Sample(
            np.hstack([self.first, self.second]), lambda sums: reduce(sums[..., :width]) - reduce(sums[..., width:])
        )

    def test(self, settings: Settings) -> Outcome:
        if self.binary:
            return mcnemar_test(self.first[:, 0] > 0.5, self.second[:, 0] > 0.5)
        return permutation_test(self.first, self.second, self.group.reduce, draws=settings.draws, seed=settings.seed)


def compare_frames(
    systems: Mapping[str, pd.DataFrame],
    *,
    baseline: str | None = None,
    metrics: Sequence[str] | None = None,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Compares systems pairwise on every metric and variant that both have.

    Only examples that both systems define take part. Where examples carry clusters, clusters are resampled and
    swapped as a whole. Right-or-wrong metrics (every value 0 or 1, no clusters) get McNemar's exact test, all others
    a paired permutation test. Holm's correction runs over all tests of the returned table.

    Args:
        systems: Name to that system's example scores (columns `frames.COLUMNS`, one method).
        baseline: Compare every other system with this one; None compares all pairs, in the order given.
        metrics: Only these: "auprc" means all its variants that are there, "token_f1:micro" one of them.
        settings: How differences are judged.

    Returns:
        One row for each metric, variant and pair, columns `COMPARE_COLUMNS`. `difference` is first minus second
        on the shared examples, with a bootstrap interval; `better` names the system that is ahead in the metric's
        direction with p_holm below 1 - level, or is empty.

    Raises:
        UsageError: On fewer than two systems, an unknown baseline, several methods in one system, or systems that
            share no example in any metric.
    """
    settings = settings or Settings()
    groups = {name: _groups(name, frame, metrics) for name, frame in systems.items()}
    lines: list[dict[str, Any]] = []
    pairs: list[_Pair] = []
    for first, second in _pairs(list(systems), baseline):
        for key, group in groups[first].items():
            other = groups[second].get(key)
            pair = None if other is None else _align(group, other)
            if pair is not None:
                lines.append({"metric": key[0], "variant": key[1], "first": first, "second": second})
                pairs.append(pair)
    if not pairs:
        raise NothingShared(
            "these systems share no scored example; evaluate them on the same data with the same metrics"
        )
    _judge(lines, pairs, settings)
    return corrected(pd.DataFrame(lines, columns=list(COMPARE_COLUMNS)), settings.level)


def corrected(table: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Holm's correction over all tests of a table, and what follows from it: which system is better.

    Tables of tests made one metric at a time become, joined and corrected, the table of all metrics.

    Args:
        table: Rows with the columns `COMPARE_COLUMNS`; `p_holm` and `better` are made anew.
        level: Confidence level.
    """
    p_holm = holm(table["p"].to_numpy(dtype=np.float64))
    ahead = table["difference"].to_numpy(dtype=np.float64) * np.where(table["direction"] == "higher", 1, -1)
    significant = (p_holm < 1 - level) & (table["direction"] != "none").to_numpy() & (ahead != 0)
    better = np.where(ahead > 0, table["first"], table["second"])
    return table.assign(p_holm=p_holm, better=np.where(significant, better, ""))


def by_method(frame: pd.DataFrame, prefix: str = "") -> dict[str, pd.DataFrame]:
    """Splits example scores into one system for each method, in order of appearance, names prefixed by `prefix`."""
    check_frame(frame)
    return {f"{prefix}{name}": rows for name, rows in frame.groupby("method", sort=False)}


def wanted_rows(frame: pd.DataFrame, metrics: Sequence[str]) -> pd.Series:
    """Which rows belong to one of `metrics`, given as "name", "name:*" or "name:variant"."""
    wanted = pd.Series(False, index=frame.index)
    for each in metrics:
        name, _, variant = each.partition(":")
        wanted |= (frame["metric"] == name) & (True if variant in ("", "*") else frame["variant"] == variant)
    return wanted


def _judge(lines: list[dict[str, Any]], pairs: Sequence[_Pair], settings: Settings) -> None:
    """Fills the lines in place."""
    found = intervals(
        [pair.sample() for pair in pairs], level=settings.level, resamples=settings.resamples, seed=settings.seed
    )
    outcomes = [pair.test(settings) for pair in pairs]
    for line, pair, interval, outcome in zip(lines, pairs, found, outcomes, strict=True):
        line |= {
            "value_first": float(pair.group.reduce(pair.first.sum(axis=0))),
            "value_second": float(pair.group.reduce(pair.second.sum(axis=0))),
            "difference": interval.value,
            "ci_low": interval.low,
            "ci_high": interval.high,
            "p": outcome.p,
            "n_pairs": pair.examples,
            "direction": direction_of(line["metric"]),
            "test": outcome.name,
            "interval": "; ".join(filter(None, [interval.method, interval.reason])),
        }


def _groups(name: str, frame: pd.DataFrame, metrics: Sequence[str] | None) -> dict[tuple[str, str], Group]:
    check_frame(frame)
    if frame["method"].nunique() > 1:
        raise UsageError(f"'{name}' holds several methods; split it, one system for each method")
    if metrics is not None:
        frame = frame[wanted_rows(frame, metrics)]
    return {
        (str(key[0]), str(key[1])): read_group(rows) for key, rows in frame.groupby(["metric", "variant"], sort=False)
    }


def _pairs(names: list[str], baseline: str | None) -> list[tuple[str, str]]:
    if len(names) < 2:
        raise NothingShared("a comparison needs at least two systems")
    if baseline is None:
        return list(combinations(names, 2))
    if baseline not in names:
        raise UsageError(f"there is no system '{baseline}' to compare with; there are: {', '.join(names)}")
    return [(name, baseline) for name in names if name != baseline]


def _align(first: Group, second: Group) -> _Pair | None:
    if first.parts.shape[1] != second.parts.shape[1]:
        return None
    found = pd.Index(second.ids).get_indexer(pd.Index(first.ids))
    here = np.flatnonzero(found >= 0)
    if not len(here):
        return None
    other = found[here]
    clusters = _clusters(first.clusters[here], second.clusters[other])
    one, two = first.parts[here], second.parts[other]
    units = unit_sums(one, clusters)
    means = first.reduce is ratio and second.reduce is ratio
    single = clusters is None or len(units) == len(one)
    binary = bool(means and single and np.isin(one[:, 0], (0, 1)).all() and np.isin(two[:, 0], (0, 1)).all())
    return _Pair(units, unit_sums(two, clusters), first, len(here), binary)


def _clusters(first: NDArray[Any], second: NDArray[Any]) -> list[Any] | None:
    """The pairs' cluster keys: the first system's, or the second's where the first has none."""
    keys = np.where(pd.isna(first), second, first)
    return None if pd.isna(keys).all() else keys.tolist()
