"""The index: one SQLite row for each run, and its metric lines, so that thousands can be listed, sorted and claimed.

Who arbitrates what. The run folder decides everything about a run: a row is a function of its folder (and of who holds
its lease), so `rebuild` makes the same rows again and a row that fell behind is simply read again. The database only
decides what needs a view of all runs at one moment: which queued run is next, and whether a device is free. A claim is
both: one conditional update of the row inside BEGIN IMMEDIATE, and inside that transaction the conditional change of
the folder. If the folder says no, the row is corrected and the claim is lost; if the process dies between the two
writes, the transaction rolls back and the row is behind the folder until the next `follow` or `reconcile`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection

from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.points import reached
from rationale_eval.workspace import measures
from rationale_eval.workspace.database import Database
from rationale_eval.workspace.rows import RunRow, read_lines, row_of
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import RUNS, TRASH, Workspace
from rationale_eval.workspace.schema import metrics, runs
from rationale_eval.workspace.status import State

SORTS: Final = (
    "id",
    "kind",
    "state",
    "title",
    "owner",
    "data",
    "model",
    "recipe",
    "seconds",
    "priority",
    "position",
)

_open: dict[str, Index] = {}
_opening = threading.Lock()


class Index:
    """The index of one workspace; made and filled from the run folders when it is missing or damaged.

    Args:
        workspace: Folder of the workspace.
        patience: Seconds to wait for other processes before giving up with a sentence.
    """

    def __init__(self, workspace: Path, patience: float | None = None):
        self.workspace = workspace
        extra = {} if patience is None else {"patience": patience}
        self.database = Database(workspace, self._fill, **extra)

    @classmethod
    def of(cls, workspace: Path) -> Index:
        """The index of a workspace, one object a process."""
        key = os.path.realpath(workspace)
        with _opening:
            if key not in _open:
                _open[key] = cls(Path(key))
            return _open[key]

    def rows(
        self,
        *,
        ids: Iterable[str] | None = None,
        kind: str | None = None,
        state: State | Sequence[State] | None = None,
        group: str | None = None,
        deleted: bool | None = False,
        sort: str = "id",
        descending: bool = False,
        limit: int | None = None,
    ) -> list[RunRow]:
        """Runs, oldest first unless asked otherwise.

        Args:
            ids: Only these.
            kind: Only of this kind.
            state: Only in this state, or one of these.
            group: Only of this group.
            deleted: False leaves out the trash, True shows only the trash, None shows both.
            sort: One of `SORTS`; equal values by id, absent values last.
            descending: Greatest first.
            limit: So many at most.

        Raises:
            UsageError: For an unknown sort.
        """
        if sort not in SORTS:
            raise UsageError(f"runs cannot be sorted by '{sort}'; choose one of {', '.join(SORTS)}.")
        wanted: list[ColumnElement[bool]] = []
        if ids is not None:
            wanted.append(runs.c.id.in_(list(ids)))
        if kind is not None:
            wanted.append(runs.c.kind == kind)
        if state is not None:
            wanted.append(runs.c.state.in_([state] if isinstance(state, str) else list(state)))
        if group is not None:
            wanted.append(runs.c.group_id == group)
        if deleted is not None:
            wanted.append(runs.c.deleted == deleted)
        column = runs.c[sort]
        order = (column.desc() if descending else column.asc()).nulls_last()
        query = select(runs).where(*wanted).order_by(order, runs.c.id.desc() if descending else runs.c.id).limit(limit)
        if not self.workspace.is_dir():
            return []
        with self.database.reading() as connection:
            return [RunRow.read(row) for row in connection.execute(query)]

    def row(self, id: str) -> RunRow | None:
        """One run, deleted or not, or None."""
        found = self.rows(ids=[id], deleted=None)
        return found[0] if found else None

    def counts(self) -> dict[str, int]:
        """How many runs are in each state; without the trash."""
        query = select(runs.c.state, func.count()).where(~runs.c.deleted).group_by(runs.c.state)
        with self.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def follow(self, run: Run) -> None:
        """Brings the row and the metric rows of a run up to date with its folder.

        Raises:
            IndexFailed: If the index cannot be written.
        """
        self.database.write(lambda connection: follow_in(connection, run.folder))

    def record(self, run: Run, attempt: int, step: int, values: Mapping[str, float]) -> list[measures.Difference]:
        """Keeps numbers of one step, in the folder and here, before it returns; see `measures.record`."""
        differences: list[measures.Difference] = self.database.write(
            lambda connection: measures.record(connection, run, attempt, step, values)
        )
        return differences

    def metrics(self, run: str, name: str | None = None, *, after: int | None = None) -> list[measures.Measure]:
        """Metric rows of a run in the order of steps; of one name, or after a step, if given."""
        with self.database.reading() as connection:
            return measures.read(connection, run, name, after)

    def best(
        self, name: str, direction: measures.Direction, ids: Iterable[str] | None = None
    ) -> measures.Measure | None:
        """The best finite value of a metric among runs (not deleted), the earliest if several; None without one."""
        with self.database.reading() as connection:
            return measures.best(connection, name, direction, ids)

    def last(self, name: str, ids: Iterable[str] | None = None) -> dict[str, measures.Measure]:
        """The last row of a metric for each run (not deleted), finite or not."""
        with self.database.reading() as connection:
            return measures.last(connection, name, ids)

    def mean(self, name: str, ids: Iterable[str] | None = None) -> tuple[float | None, int]:
        """Mean of the last values of a metric over runs, and of how many: those that are not finite are left out."""
        values = [row.value for row in self.last(name, ids).values() if row.value is not None]
        return (sum(values) / len(values) if values else None), len(values)

    def rebuild(self) -> int:
        """Makes all rows again from the run folders, in one transaction; returns how many runs there are."""
        number: int = self.database.write(self._refill)
        return number

    def _refill(self, connection: Connection) -> int:
        connection.execute(metrics.delete())
        connection.execute(runs.delete())
        return self._fill(connection)

    def _fill(self, connection: Connection) -> int:
        number = 0
        for name, deleted in ((RUNS, False), (TRASH, True)):
            for folder in run_folders(self.workspace / name):
                follow_in(connection, folder, deleted=deleted)
                number += 1
        return number


def run_folders(root: Path) -> list[Path]:
    """Folders of runs, oldest first."""
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    return [Path(entry.path) for entry in entries if os.path.isfile(os.path.join(entry.path, "status.json"))]


def follow_in(connection: Connection, folder: Path, *, deleted: bool = False) -> dict[str, Any]:
    """Inside a transaction: reads a folder into the index; returns the row.

    The folder is read after the transaction began, so of two processes the later one also saw the later folder.
    """
    row = row_of(folder, deleted=deleted)
    known = connection.execute(select(runs.c.metrics_at).where(runs.c.id == row["id"])).scalar()
    start = known or 0
    path = folder / "metrics.jsonl"
    with suppress(OSError):
        if start and path.stat().st_size < start:  # not our doing: read it anew
            start = 0
    if start == 0 and known:
        connection.execute(metrics.delete().where(metrics.c.run == row["id"]))
    lines, row["metrics_at"], problem = read_lines(path, start)
    row["problem"] = row["problem"] or problem
    measures.add(connection, row["id"], lines)
    statement = insert(runs).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=[runs.c.id], set_=row))
    reached("index.followed")
    return row


def follow(run: Run) -> None:
    """Brings a run's row up to date; what goes wrong is noted in the run's log and ends nothing."""
    try:
        Index.of(run.workspace).follow(run)
    except RationaleEvalError as error:
        with suppress(OSError):
            run.say(f"the index does not know of this yet: {error}")
    except OSError as error:
        with suppress(OSError):
            run.say(f"the index does not know of this yet: {error.strerror}")


def rebuild(workspace: Workspace) -> int:
    """Makes the index again from the run folders; returns how many runs it found."""
    return workspace.index.rebuild()
