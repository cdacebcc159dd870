"""Bringing the index to what the folders and the kernel say: at start-up, at every poll, and on request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection

from rationale_eval.workspace.index import follow_in, run_folders
from rationale_eval.workspace.rows import stamp_of, state_columns
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import RUNS, TRASH, Workspace
from rationale_eval.workspace.schema import runs
from rationale_eval.workspace.status import LIVE, Status

_CHANGING = (*sorted(LIVE), "queued")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was found to be otherwise than the index said.

    Args:
        ended: Runs whose process is gone: now interrupted or cancelled (or failed, having never started).
        requeued: Runs that were claimed, but that no process took up.
        synced: Runs whose folder was ahead of the index, or not in it.
        missing: Runs whose folder is gone.
    """

    ended: tuple[str, ...] = ()
    requeued: tuple[str, ...] = ()
    synced: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def reconcile(workspace: Workspace) -> Reconciled:
    """Makes the index say what the folders and the kernel say. Doing it again changes nothing.

    A run whose process is gone becomes interrupted (cancelled if that was asked for), one that was claimed but never
    taken up goes back into the queue, a row behind its folder is read again, a row without a folder is marked missing.
    Only the index is written: what a dead process left in a folder already reads that way (`Run.status`).

    Raises:
        RationaleEvalError: If the index cannot be used.
    """
    if not workspace.path.is_dir():
        return Reconciled()
    index = workspace.index
    # Mostly nothing is new: look first, without keeping writers out, and no further than to the first news.
    with index.database.reading() as connection:
        if next(_news(connection, workspace.path), None) is None:
            return Reconciled()
    found: Reconciled = index.database.write(lambda connection: _reconcile(connection, workspace.path))
    return found


@dataclass(frozen=True, slots=True)
class _Changed:
    """A folder to read again, and whether it is in the trash."""

    folder: Path
    deleted: bool


@dataclass(frozen=True, slots=True)
class _Dead:
    """A run whose files are known, but whose state is another one by the kernel's word."""

    id: str
    status: Status


@dataclass(frozen=True, slots=True)
class _Missing:
    """A run whose folder is gone."""

    id: str


def _news(connection: Connection, workspace: Path) -> Iterator[_Changed | _Dead | _Missing]:
    columns = (runs.c.id, runs.c.state, runs.c.sequence, runs.c.stamp, runs.c.deleted, runs.c.missing)
    known = {row.id: row for row in connection.execute(select(*columns))}
    seen = set[str]()
    for name, deleted in ((RUNS, False), (TRASH, True)):
        for folder in run_folders(workspace / name):
            if folder.name in seen:
                continue
            seen.add(folder.name)
            row = known.get(folder.name)
            if row is None or row.stamp != stamp_of(folder) or row.deleted != deleted or row.missing:
                yield _Changed(folder, deleted)
            elif row.state in _CHANGING:
                status = Run(folder).status
                if (status.state, status.sequence) != (row.state, row.sequence):
                    yield _Dead(folder.name, status)
    yield from (_Missing(id) for id, row in known.items() if id not in seen and not row.missing)


def _reconcile(connection: Connection, workspace: Path) -> Reconciled:
    news = list(_news(connection, workspace))  # all of it, before the first row changes
    before = {row.id: row.state for row in connection.execute(select(runs.c.id, runs.c.state))}
    after = {
        each.folder.name: follow_in(connection, each.folder, deleted=each.deleted)
        for each in news
        if isinstance(each, _Changed)
    }
    # Their files are known, so nothing but the state is read and written.
    dead = {each.id: state_columns(each.status) for each in news if isinstance(each, _Dead)}
    missing = [each.id for each in news if isinstance(each, _Missing)]
    _update(connection, dead)
    _update(connection, {id: {"missing": True} for id in missing})
    lost = {"state": "failed", "reason": "folder missing", "message": "its folder was deleted or moved"}
    _update(connection, {id: lost for id in missing if before[id] in _CHANGING})
    states = {id: row["state"] for id, row in (after | dead).items()}
    ended = [
        id for id, state in states.items() if before.get(id) in LIVE and state not in (*LIVE, "queued", "finished")
    ]
    back = [id for id, state in states.items() if before.get(id) == "starting" and state == "queued"]
    return Reconciled(tuple(ended), tuple(back), tuple(after), tuple(missing))


def _update(connection: Connection, rows: dict[str, dict[str, Any]]) -> None:
    """Sets the same columns of many runs, in one statement."""
    if rows:
        names = next(iter(rows.values()))
        statement = runs.update().where(runs.c.id == bindparam("which"))
        values = [row | {"which": id} for id, row in rows.items()]
        connection.execute(statement.values({name: bindparam(name) for name in names}), values)
