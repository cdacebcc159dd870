"""Metric rows, keyed (run, step, name). Numbers that are not finite carry a flag and are never ranked or averaged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError
from rationale_eval.points import reached
from rationale_eval.workspace.rows import FLAGS, flagged, read_lines
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.schema import metrics, runs
from rationale_eval.workspace.status import LIVE, StateChanged

Direction = Literal["higher", "lower"]
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Measure:
    """One stored number.

    Args:
        run: Id of the run.
        step: Step.
        name: Metric.
        value: The number, or None where it is not finite.
        flag: "nan", "inf" or "-inf" then.
    """

    run: str
    step: int
    name: str
    value: float | None
    flag: str | None

    @property
    def number(self) -> float:
        """The number as it came, finite or not."""
        return self.value if self.value is not None else FLAGS[self.flag or "nan"]

    def __str__(self) -> str:
        return f"{self.value:g}" if self.value is not None else {"nan": "NaN"}.get(self.flag or "nan", str(self.flag))


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that came out differently when its step was done again; the stored one stays."""

    step: int
    name: str
    stored: float
    again: float


def record(connection: Connection, run: Run, attempt: int, step: int, values: Mapping[str, float]) -> list[Difference]:
    """Inside a transaction: keeps numbers of one step in the folder and in the index.

    Once it is committed they survive anything. A step done again is compared with what stands there, not stored twice.

    Args:
        connection: A writing transaction.
        run: The run.
        attempt: The attempt that computed them.
        step: Step.
        values: Metric names to numbers; numbers that are not finite are kept as flags.

    Returns:
        Numbers that differ from those stored before.

    Raises:
        StateChanged: If the attempt is over: none of the numbers is accepted.
        RationaleEvalError: If the run's metric lines cannot be read.
    """
    known = connection.execute(select(runs).where(runs.c.id == run.id)).one_or_none()
    stored = run.stored
    if stored.attempt != attempt or stored.state not in LIVE:
        raise StateChanged(
            f"run {run.id} is {stored.state} in attempt {stored.attempt}; numbers of attempt {attempt} do not count."
        )
    if known is None:
        raise RationaleEvalError(f"run {run.id} is not in the index; reconcile first.")
    _catch_up(connection, run, known)
    there = select(metrics).where(metrics.c.run == run.id, metrics.c.step == step)
    before = {row.name: _measure(row) for row in connection.execute(there)}
    differences, lines, rows = list[Difference](), b"", list[dict[str, Any]]()
    for name, value in values.items():
        number, flag = flagged(float(value))
        if name not in before:
            line = {"step": step, "name": name, "value": number} | ({"flag": flag} if flag else {})
            lines += json.dumps(line, allow_nan=False).encode() + b"\n"
            rows.append({"run": run.id, "step": step, "name": name, "value": number, "flag": flag})
        elif (before[name].value, before[name].flag) != (number, flag):
            differences.append(Difference(step, name, before[name].number, float(value)))
    if rows:
        with durable.AppendFile(run.metrics_file) as file:
            file.append(lines)
            file.sync()
        reached("metrics.appended")
        connection.execute(metrics.insert(), rows)
        size = run.metrics_file.stat().st_size
        connection.execute(runs.update().where(runs.c.id == run.id).values(metrics_at=size))
    return differences


def _catch_up(connection: Connection, run: Run, known: Row[Any]) -> None:
    """Takes in lines that a killed writer left in the folder, and cuts off its half-written last one."""
    try:
        size = run.metrics_file.stat().st_size
    except FileNotFoundError:
        return
    if size == known.metrics_at:
        return
    lines, end, problem = read_lines(run.metrics_file, known.metrics_at)
    if problem:
        raise RationaleEvalError(f"run {run.id}: {problem}.")
    if end < size:
        with durable.AppendFile(run.metrics_file) as file:
            file.cut(end)
    add(connection, run.id, lines)
    connection.execute(runs.update().where(runs.c.id == run.id).values(metrics_at=end))


def add(connection: Connection, run: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Adds metric rows; what stands there already stays as it is."""
    statement = insert(metrics).on_conflict_do_nothing()
    for start in range(0, len(lines), _BATCH):
        connection.execute(statement, [{"run": run, **line} for line in lines[start : start + _BATCH]])


def read(connection: Connection, run: str, name: str | None, after: int | None) -> list[Measure]:
    """Rows of a run in the order of steps."""
    wanted: list[ColumnElement[bool]] = [metrics.c.run == run]
    if name is not None:
        wanted.append(metrics.c.name == name)
    if after is not None:
        wanted.append(metrics.c.step > after)
    query = select(metrics).where(*wanted).order_by(metrics.c.step, metrics.c.name)
    return [_measure(row) for row in connection.execute(query)]


def best(connection: Connection, name: str, direction: Direction, ids: Iterable[str] | None) -> Measure | None:
    """The best finite value; the earliest of equal ones."""
    value = metrics.c.value
    query = (
        select(metrics)
        .join(runs, runs.c.id == metrics.c.run)
        .where(metrics.c.name == name, value.is_not(None), *_among(ids))
        .order_by(value.desc() if direction == "higher" else value.asc(), metrics.c.run, metrics.c.step)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _measure(row)


def last(connection: Connection, name: str, ids: Iterable[str] | None) -> dict[str, Measure]:
    """The last row of each run, finite or not."""
    newest = (
        select(metrics.c.run, func.max(metrics.c.step).label("step"))
        .join(runs, runs.c.id == metrics.c.run)
        .where(metrics.c.name == name, *_among(ids))
        .group_by(metrics.c.run)
        .subquery()
    )
    query = (
        select(metrics)
        .join(newest, (newest.c.run == metrics.c.run) & (newest.c.step == metrics.c.step))
        .where(metrics.c.name == name)
        .order_by(metrics.c.run)
    )
    return {row.run: _measure(row) for row in connection.execute(query)}


def _among(ids: Iterable[str] | None) -> list[ColumnElement[bool]]:
    return [~runs.c.deleted, *([] if ids is None else [runs.c.id.in_(list(ids))])]


def _measure(row: Row[Any]) -> Measure:
    return Measure(row.run, row.step, row.name, row.value, row.flag)
