"""The view of the page Examples: all that shapes it stands in the URL, so that it can be shared.

Widgets take their values from here and write them back. Where the values change without a widget (a slice is opened, a
link is followed) `epoch` grows; it is part of the widgets' keys, so that they begin anew with the new values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import streamlit as st

from rationale_eval.desk.slate import Column, Slate
from rationale_eval.desk.slate_query import LENGTHS, Filter, Order, Range, Right, length_range, order_by
from rationale_eval.ui import address

WHICH: Final = ("label", "who", "answer", "right", "differ", "length", "range", "mark", "q")
"""Which examples are shown."""

HOW: Final = ("systems", "metric", "by", "order", "show")
"""How they are shown."""

NAMES: Final = ("run", "runs", *HOW, *WHICH, "slice", "example")
_STATE: Final = "examples view"
SPREAD: Final = "spread"
SURE: Final = "sure"
"""Names that stand for `metric` and are none: the disagreement of highlights, and how sure a model is."""


class View:
    """The values of the view, by their names in the URL."""

    def __init__(self, values: dict[str, list[str]] | None = None) -> None:
        self.values: dict[str, list[str]] = dict(values or {})
        self.epoch = 0
        self._base = self.values
        self._asked: object = None

    @property
    def base(self) -> View:
        """The values that the widgets began with: a widget whose first value changed would be another widget."""
        return View(self._base)

    def begin(self, values: dict[str, list[str]]) -> None:
        """Widgets begin anew, with these values."""
        self.values, self._base = dict(values), dict(values)
        self._asked = None
        self.epoch += 1

    def ask(self, question: object) -> None:
        """Begins with the first example where other examples, or another order, are asked for than before."""
        if self._asked is not None and self._asked != question:
            self.put("example")
        self._asked = question

    def one(self, name: str, default: str = "") -> str:
        """A single value."""
        found = self.values.get(name) or [default]
        return found[0]

    def many(self, name: str) -> list[str]:
        """All values of a name."""
        return list(self.values.get(name, []))

    def put(self, name: str, *values: str) -> None:
        """Sets a name; without values it is gone."""
        kept = [value for value in values if value != ""]
        self.values.pop(name, None)
        if kept:
            self.values[name] = kept

    def replace(self, **values: Sequence[str]) -> None:
        """Sets names without a widget; those begin anew."""
        for name, each in values.items():
            self.put(name, *each)
        self.begin(self.values)

    def clear(self) -> None:
        """Shows all examples again."""
        self.replace(**dict.fromkeys((*WHICH, "slice", "example"), ()))

    def part(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Some of the values, for a slice."""
        return {name: list(self.values[name]) for name in names if name in self.values}

    def to_url(self) -> None:
        """Writes all values into the address."""
        for name in NAMES:
            address.put(**{name: self.many(name) or None})


def view() -> View:
    """The view of this session: as the URL says where that is new, else as it was left."""
    found = st.session_state.setdefault(_STATE, View())
    assert isinstance(found, View)
    if address.is_new():
        found.begin(_of_url() or found.values)
    if not found.many("run") and not found.many("runs"):
        found.put("run", address.get("run") or "")
    return found


def open_part(seen: View) -> None:
    """A part of the data that the page Compare names, as the filters that it is."""
    kind, _, name = seen.one("slice").partition(": ")
    if kind == "label" and name:
        seen.replace(label=[name], slice=())
    elif kind in ("model is right", "model is wrong"):
        seen.replace(right=[kind.removeprefix("model is ")], slice=())
    elif kind in LENGTHS and name:
        seen.replace(length=[kind], slice=())


def _of_url() -> dict[str, list[str]]:
    return {name: address.get_all(name) for name in NAMES if name in st.query_params}


def range_text(column: Column, low: float, high: float) -> str:
    """A range as one value of the address."""
    return f"{column.key}|{column.system}|{low:.6g}|{high:.6g}"


def ranges(seen: View, slate: Slate) -> list[tuple[Column, float, float]]:
    """The ranges of the view that this slate knows; what is no range is passed over."""
    found = []
    for text in seen.many("range"):
        key, *middle = text.split("|")
        try:
            low, high = float(middle[-2]), float(middle[-1])
        except (ValueError, IndexError):
            continue
        column = slate.column("score", "|".join(middle[:-2]), key)
        if column is not None:
            found.append((column, low, high))
    return found


def filter_of(seen: View, slate: Slate, only: tuple[str, ...] | None) -> Filter:
    """The view's filter.

    Args:
        seen: The view.
        slate: What is looked at.
        only: Ids of examples that carry the wanted marks; None where none are wanted.
    """
    who = seen.one("who")
    if who not in slate.about.answering:
        who = next(iter(slate.about.answering), "")
    third = length_range(slate, seen.one("length"))
    right: Right = "right" if seen.one("right") == "right" else "wrong" if seen.one("right") == "wrong" else ""
    return Filter(
        gold=tuple(each for each in seen.many("label") if each in slate.about.gold),
        answers=tuple(seen.many("answer")) if who else (),
        who=who,
        right=right if who else "",
        differ=seen.one("differ") == "yes",
        ranges=(
            *(Range(column.name, low, high) for column, low, high in ranges(seen, slate)),
            *([third] if third else []),
        ),
        search=seen.one("q"),
        only=only,
    )


def order_of(seen: View, slate: Slate) -> Order:
    """The view's order; the data set's where it names nothing that there is."""
    metric, order = seen.one("metric"), seen.one("order")
    if order not in ("worst", "best"):
        return Order()
    way: Literal["worst", "best"] = "worst" if order == "worst" else "best"
    if metric == SPREAD:
        return Order("spread", way == "worst")
    if metric == SURE:
        column = next((each for each in slate.about.columns if each.role == SURE), None)
        return Order() if column is None else Order(column.name, way == "best")
    found = sorted_column(seen, slate)
    return Order() if found is None else order_by(found, way)


def sorted_column(seen: View, slate: Slate) -> Column | None:
    """The score that the view sorts by: of the system it names, else of the first that is shown and has one."""
    for system in (seen.one("by"), *systems_of(seen, slate), *slate.about.systems, "model"):
        found = slate.column("score", system, seen.one("metric")) if seen.one("metric") else None
        if found is not None:
            return found
    return None


MOST_SYSTEMS: Final = 6


def systems_of(seen: View, slate: Slate) -> list[str]:
    """The systems that are shown; by default those that are no controls."""
    there = [each for each in seen.many("systems") if each in slate.about.systems]
    return there or list(slate.real or slate.about.systems)[:MOST_SYSTEMS]


def metrics_of(seen: View, slate: Slate) -> list[str]:
    """The metrics of the table, as "name:variant"; by default the one that is sorted by and two more."""
    there = metrics_there(slate)
    chosen = [each for each in seen.many("show") if each in there]
    if chosen:
        return chosen
    first = sorted_column(seen, slate)
    usual = [key for key in there if key.partition(":")[0] in ("leakage", "rq")] or there
    return list(dict.fromkeys([*([first.key] if first else []), *usual]))[: 1 if len(slate.real) > 2 else 2]


def metrics_there(slate: Slate) -> list[str]:
    """Metrics of systems, as "name:variant", in the order of the evaluation."""
    return list(dict.fromkeys(each.key for each in slate.scores(slate.about.systems)))
