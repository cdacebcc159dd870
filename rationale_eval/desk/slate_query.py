"""Questions to a slate: which examples, in which order, and the rows of a page; only the columns asked for are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rationale_eval.desk.slate import ROWS_IN_GROUP, Column, Slate
from rationale_eval.errors import UsageError

PAGE: Final = 20
"""Examples on a page."""

Places = NDArray[np.int64]
Right = Literal["", "right", "wrong"]


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of one column of numbers, both included.

    Args:
        column: Its name in the slate.
        low: None for no bound.
        high: None for no bound.
    """

    column: str
    low: float | None = None
    high: float | None = None


LENGTHS: Final = ("short", "middle", "long")


def length_range(slate: Slate, length: str) -> Range | None:
    """A third of the examples by their number of words, parted as `compare_slices` parts them; None for other names."""
    known = slate.read(["words"])["words"].drop_null().to_numpy()
    if length not in LENGTHS or len(known) < len(LENGTHS):
        return None
    low, high = (float(each) for each in np.quantile(known, [1 / 3, 2 / 3]))
    above = np.nextafter(low, np.inf), np.nextafter(high, np.inf)
    return {"short": Range("words", None, low), "middle": Range("words", float(above[0]), high)}.get(
        length, Range("words", float(above[1]), None)
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """Which examples are wanted; everything that is set must hold.

    Args:
        gold: Labels, any of which; empty for all.
        answers: Names of answers, any of which, of the system `who`.
        who: Whose answers and whose being right is meant.
        right: "right" or "wrong": whether its answer is the label.
        differ: Only examples that systems answer differently.
        ranges: Bounds of scores and other numbers.
        search: Text that stands in the input, the id or a free-text rationale, in any case.
        only: Ids of examples, any of which; None for all.
    """

    gold: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    who: str = ""
    right: Right = ""
    differ: bool = False
    ranges: tuple[Range, ...] = ()
    search: str = ""
    only: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """In which order.

    Args:
        column: Name in the slate; None for the data set's order.
        descending: Greatest first. What has no value stands last either way.
    """

    column: str | None = None
    descending: bool = False


def order_by(column: Column, order: Literal["worst", "best"]) -> Order:
    """The worst or the best first, by the metric's direction; of a metric without one, the greatest count as worst."""
    worst_first = column.direction != "higher"
    return Order(column.name, worst_first == (order == "worst"))


def select(slate: Slate, wanted: Filter, order: Order = Order()) -> Places:
    """Places of the wanted examples, in order; equal values stand in the data set's order.

    Raises:
        UsageError: If a column is named that the slate lacks.
    """
    expression = _expression(slate, wanted)
    columns = ["place", *([order.column] if order.column else [])]
    _require(slate, columns)
    table = pq.read_table(slate.path, columns=columns, filters=expression, memory_map=True)
    places = table["place"].to_numpy().astype(np.int64)
    if order.column is None:
        return places
    values = table[order.column].to_numpy().astype(np.float64)
    # A stable sort of rows in the data set's order: equal values keep it. NaN, no value, is last either way.
    return places[np.argsort(-values if order.descending else values, kind="stable")]


def rows(slate: Slate, places: Sequence[int] | Places, columns: Sequence[str]) -> pd.DataFrame:
    """Rows of a slate, in the order of `places`; only their groups of rows are read.

    Raises:
        UsageError: If a column is named that the slate lacks.
    """
    _require(slate, columns)
    wanted = np.asarray(places, dtype=np.int64)
    groups = np.unique(wanted // ROWS_IN_GROUP)
    with pq.ParquetFile(slate.path, memory_map=True) as file:
        table = file.read_row_groups([int(group) for group in groups], columns=list(columns))
    # The groups were read one after the other: a place's row is its place in its group plus the groups before it.
    starts = np.searchsorted(groups, wanted // ROWS_IN_GROUP) * ROWS_IN_GROUP
    return table.take(starts + wanted % ROWS_IN_GROUP).to_pandas()


def place_of(slate: Slate, example: str) -> int | None:
    """Where an example stands in the data set; None if it is not there."""
    found = pq.read_table(slate.path, columns=["place"], filters=pc.field("example_id") == example)
    return int(found["place"][0].as_py()) if len(found) else None


def bounds(slate: Slate, column: str) -> tuple[float, float] | None:
    """Least and greatest value of a column; None where it has none. Read from the file's statistics."""
    low, high = np.inf, -np.inf
    with pq.ParquetFile(slate.path) as file:
        at = file.schema_arrow.get_field_index(column)
        for group in range(file.metadata.num_row_groups):
            found = file.metadata.row_group(group).column(at).statistics
            if found is not None and found.has_min_max:
                low, high = min(low, found.min), max(high, found.max)
    return (float(low), float(high)) if low <= high else None


QUANTILES: Final = 401
"""Of a distribution, kept in place of all its values: ranks are then known to a quarter of a per cent."""


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How a metric's values lie over the data set.

    Args:
        counts: Examples in each bin, int64 `[bins]`.
        edges: float64 `[bins + 1]`.
        defined: Examples with a value.
        quantiles: float64 `[QUANTILES]`, evenly spaced from the least value to the greatest; empty without values.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    defined: int
    quantiles: NDArray[np.float64]

    def below(self, value: float) -> float:
        """The share of examples with a smaller value, 0 to 1."""
        return float(np.searchsorted(self.quantiles, value, side="left")) / max(1, len(self.quantiles))


def spread(slate: Slate, column: str, bins: int = 24) -> Spread:
    """The distribution of a column."""
    _require(slate, [column])
    values = slate.read([column])[column].drop_null().to_numpy()
    values = values[np.isfinite(values)]
    if not len(values):
        return Spread(np.zeros(bins, dtype=np.int64), np.linspace(0, 1, bins + 1), 0, np.zeros(0))
    counts, edges = np.histogram(values, bins=bins)
    quantiles = np.quantile(values, np.linspace(0, 1, QUANTILES), method="inverted_cdf")
    return Spread(counts, edges, len(values), quantiles)


def _expression(slate: Slate, wanted: Filter) -> pc.Expression | None:
    parts: list[pc.Expression] = []
    if wanted.gold:
        parts.append(pc.field("gold").isin(list(wanted.gold)))
    if wanted.answers or wanted.right:
        answer, right = slate.column("answer", wanted.who), slate.column("right", wanted.who)
        if answer is None or right is None:
            raise UsageError(
                f"no answers of '{wanted.who}' were kept; choose among {', '.join(slate.about.answering)}."
            )
        if wanted.answers:
            parts.append(pc.field(answer.name).isin(list(wanted.answers)))
        if wanted.right:
            parts.append(pc.field(right.name) == (wanted.right == "right"))
    if wanted.differ:
        parts.append(pc.field("differ") > 0)
    for each in wanted.ranges:
        _require(slate, [each.column])
        if each.low is not None:
            parts.append(pc.field(each.column) >= each.low)
        if each.high is not None:
            parts.append(pc.field(each.column) <= each.high)
    if wanted.only is not None:
        parts.append(pc.field("example_id").isin(pa.array(wanted.only, pa.string())))
    if wanted.search.strip():
        parts.append(pc.match_substring(pc.field("search"), wanted.search.strip().lower()))
    return reduce(lambda one, other: one & other, parts) if parts else None


_FIXED: Final = frozenset({"place", "example_id", "start", "search", "gold", "record", "differ", "spread", "words"})


def _require(slate: Slate, columns: Sequence[str]) -> None:
    there = _FIXED | {each.name for each in slate.about.columns}
    unknown = [name for name in columns if name not in there]
    if unknown:
        raise UsageError("this view names a number that this run does not have; choose another.")
