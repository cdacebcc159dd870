"""Numbers of the Compare page, computed once: kept by the runs' ids and the times their scores were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import streamlit as st

from rationale_eval.desk import compare_pictures, compare_slices
from rationale_eval.desk.compare_pictures import Distribution
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.slate import known
from rationale_eval.desk.sources import Source
from rationale_eval.verbs import side_by_side
from rationale_eval.verbs.result import Result
from rationale_eval.verbs.systems import Evaluation, System, metrics_of, with_models

if TYPE_CHECKING:
    import pandas as pd

TABLES: Final = 256
"""Tables that are kept for all sessions; each has a few hundred rows at most."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the page shows.

    Args:
        desk: The desk.
        chosen: Evaluations, on one data set.
        roster: All their systems, which settles the colours.
        systems: Those that are shown.
        methods: Their methods.
        keys: Metrics, "name:variant".
        slice: Name of the part of the data, or None for all of it.
        ids: Examples of the part.
        part: The part of the data as a key of what was computed for it.
        link: The part as the page Examples filters by it, names and values of its address.
        baseline: The system that all are tested against, or None for all pairs.
    """

    desk: Desk
    chosen: Sequence[Evaluation]
    roster: Sequence[System]
    systems: Sequence[System]
    methods: Sequence[str]
    keys: Sequence[str]
    slice: str | None = None
    ids: tuple[str, ...] | None = None
    part: str = ""
    link: Mapping[str, Sequence[str]] = field(default_factory=dict)
    baseline: str | None = None

    @property
    def results(self) -> dict[str, Result]:
        """The results by run."""
        return {each.id: Result.load(self.desk.run(each.id).folder) for each in self.chosen}

    @property
    def stamp(self) -> tuple[str, ...]:
        """What the numbers depend on beside the selection."""
        return written(self.desk, self.chosen)


def written(desk: Desk, chosen: Sequence[Evaluation]) -> tuple[str, ...]:
    """The files of scores and when they were written.

    Raises:
        InputError: If one is gone.
    """
    paths = [Result.load(desk.run(each.id).folder).path for each in chosen]
    return tuple(f"{path.absolute()}:{path.stat().st_mtime_ns}" for path in paths)


def summary(view: View) -> pd.DataFrame:
    """Corpus values; see `side_by_side.stored`. Those of a part of the data are computed."""
    if view.ids is None:
        return side_by_side.stored(view.chosen, view.systems, view.keys)
    return _summary(view.stamp, view.part, tuple(each.key for each in view.systems), tuple(view.keys), view)


@st.cache_data(max_entries=TABLES, show_spinner="Computing the values of this part of the data")
def _summary(
    stamp: tuple[str, ...], part: str, systems: tuple[str, ...], keys: tuple[str, ...], _view: View
) -> pd.DataFrame:
    return side_by_side.computed(_view.results, _view.systems, keys, _view.ids or ())


def tests(view: View, key: str) -> pd.DataFrame:
    """Paired tests of one metric; see `side_by_side.tested`."""
    return _tests(view.stamp, view.part, tuple(view.methods), key, view.baseline, view)


@st.cache_data(max_entries=TABLES, show_spinner=False)
def _tests(
    stamp: tuple[str, ...],
    part: str,
    methods: tuple[str, ...],
    key: str,
    baseline: str | None,
    _view: View,
) -> pd.DataFrame:
    return side_by_side.tested(_view.results, methods, key, baseline, _view.ids)


def curves(view: View, key: str) -> pd.DataFrame:
    """Mean curves; see `compare_pictures.curves`."""
    return _curves(view.stamp, view.part, tuple(each.key for each in view.systems), key, view)


@st.cache_data(max_entries=TABLES, show_spinner="Averaging the curves")
def _curves(stamp: tuple[str, ...], part: str, systems: tuple[str, ...], key: str, _view: View) -> pd.DataFrame:
    return compare_pictures.curves(_view.results, _view.systems, key, _view.ids)


def distributions(view: View, key: str) -> list[Distribution]:
    """Spread of example values; see `compare_pictures.distributions`."""
    return _distributions(view.stamp, view.part, tuple(each.key for each in view.systems), key, view)


@st.cache_data(max_entries=TABLES, show_spinner="Reading the example values")
def _distributions(
    stamp: tuple[str, ...], part: str, systems: tuple[str, ...], key: str, _view: View
) -> list[Distribution]:
    return compare_pictures.distributions(_view.results, _view.systems, key, _view.ids)


def gains(view: View) -> tuple[pd.DataFrame, str]:
    """Normalized relative gain and what to know about it; see `side_by_side.gains`.

    Raises:
        UsageError: If a metric that it needs is missing, or there is only one system.
    """
    joined = side_by_side.gain_metrics(metrics_of(view.chosen))
    around = replace(view, systems=with_models(view.systems, view.chosen), keys=joined)
    return side_by_side.gains(summary(around))


def slices(desk: Desk, chosen: Sequence[Evaluation]) -> dict[str, list[str]]:
    """Parts of the data; see `compare_slices.slices`."""
    stamp = written(desk, chosen)
    there = known([Source(desk.run(each.id), desk) for each in chosen])
    return _slices(stamp, there, desk, chosen)


@st.cache_data(max_entries=32, show_spinner="Looking for parts of the data")
def _slices(stamp: tuple[str, ...], known: bool, _desk: Desk, _chosen: Sequence[Evaluation]) -> dict[str, list[str]]:
    return compare_slices.slices(compare_slices.facts(_desk, *(each.id for each in _chosen)))


def by_slice(view: View, key: str, parts: dict[str, list[str]]) -> pd.DataFrame:
    """Corpus values of one metric on each part of the data: as `summary`, with a column `slice`."""
    return _by_slice(view.stamp, tuple(parts), tuple(each.key for each in view.systems), key, view, parts)


@st.cache_data(max_entries=TABLES, show_spinner="Computing the values of each part of the data")
def _by_slice(
    stamp: tuple[str, ...],
    names: tuple[str, ...],
    systems: tuple[str, ...],
    key: str,
    _view: View,
    _parts: dict[str, list[str]],
) -> pd.DataFrame:
    import pandas as pd

    tables = [
        side_by_side.computed(_view.results, _view.systems, [key], ids).assign(slice=name)
        for name, ids in _parts.items()
    ]
    return pd.concat(tables, ignore_index=True)
