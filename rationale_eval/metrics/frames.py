"""The per-example frame: one row for each example, method, metric and variant. Everything else derives from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rationale_eval.errors import UsageError
from rationale_eval.metrics.record import METRICS, Reduce
from rationale_eval.metrics.statistics import Sample, ratio, unit_sums

COLUMNS: Final = ("example_id", "cluster", "method", "metric", "variant", "value", "reason", "parts")
"""`cluster` is null where an example stands alone; `value` is float64, NaN where undefined, and then `reason` says
why; `parts` is a list of float64 or null."""

KEYS: Final = ("method", "metric", "variant")


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The examples of one method, metric and variant that count.

    Args:
        ids: Example ids `[examples]` of the defined ones.
        clusters: Their cluster keys `[examples]`, null where an example stands alone.
        parts: float64 `[examples, parts]`; (value, 1) where the corpus value is the mean.
        reduce: From summed parts to the corpus value.
        total: Number of examples, the undefined ones included.
        reasons: Why examples were left out, with counts, for people to read.
        problem: Why the group has no corpus value at all; empty otherwise.
    """

    ids: NDArray[Any]
    clusters: NDArray[Any]
    parts: NDArray[np.float64]
    reduce: Reduce
    total: int
    reasons: str
    problem: str = ""

    def sample(self) -> Sample:
        """The group as something to resample: clusters are the units where any are given."""
        known = not pd.isna(self.clusters).all() if len(self.clusters) else False
        return Sample(unit_sums(self.parts, self.clusters.tolist() if known else None), self.reduce)


def check_frame(frame: pd.DataFrame) -> None:
    """Raises UsageError unless the frame has every column of `COLUMNS`."""
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise UsageError(f"a table of example scores needs the columns {', '.join(COLUMNS)}; missing: {missing[0]}")


def read_group(rows: pd.DataFrame) -> Group:
    """Reads the rows of one method, metric and variant.

    An example counts if it has parts, or, for metrics without parts, if its value is a finite number. Where any row
    has parts the corpus value is the metric's `reduce` of their sum, otherwise the mean of the values.

    Raises:
        UsageError: If an example occurs twice, or parts come with a metric that cannot reduce them.
    """
    name = str(rows["metric"].iloc[0])
    _refuse_twice(rows, name)
    has_parts = np.array([part is not None and np.ndim(part) == 1 for part in rows["parts"]], dtype=bool)
    finite = np.isfinite(rows["value"].to_numpy(dtype=np.float64, na_value=np.nan))
    counts = has_parts if has_parts.any() else finite
    reasons = _reasons(rows.loc[~counts])
    kept = rows.loc[counts]
    problem = ""
    if has_parts.any():
        listed = [np.asarray(part, dtype=np.float64) for part in kept["parts"]]
        if len({len(part) for part in listed}) > 1:
            problem, parts = "the examples have different numbers of classes", np.empty((0, len(listed[0])))
        else:
            parts = np.stack(listed)
        reduce = _reduce_of(name)
    else:
        values = kept["value"].to_numpy(dtype=np.float64)
        parts, reduce = np.column_stack([values, np.ones(len(values))]), ratio
    ids, clusters = kept["example_id"].to_numpy(dtype=object), kept["cluster"].to_numpy(dtype=object)
    if problem:
        ids, clusters = ids[:0], clusters[:0]
    return Group(ids, clusters, parts, reduce, len(rows), reasons, problem)


def direction_of(name: str) -> str:
    """Which way is better for the metric `name`: "higher", "lower", or "none" for one that is not registered."""
    return METRICS[name].direction if name in METRICS else "none"


def _reduce_of(name: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    reduce = METRICS[name].reduce
    if reduce is None:
        raise UsageError(f"the scores of '{name}' carry sums, but this metric has no rule to join them")
    return reduce


def _refuse_twice(rows: pd.DataFrame, name: str) -> None:
    twice = rows["example_id"].duplicated()
    if twice.any():
        example = rows.loc[twice, "example_id"].iloc[0]
        raise UsageError(f"example '{example}' has two scores of '{name}' ({rows['variant'].iloc[0]}); keep one")


def _reasons(rows: pd.DataFrame) -> str:
    silent = np.where(rows["value"].isna(), "undefined", "not finite")
    reasons = rows["reason"].fillna("").astype(object)
    counted = reasons.where(reasons != "", silent).value_counts(sort=True)
    return "; ".join(f"{reason}: {count}" for reason, count in counted.items())
