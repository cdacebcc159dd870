"""Bringing the index to what the folders and the kernel say: at start-up, at every poll, and on request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection

from rationale_eval.workspace.index import follow_in, run_folders
from rationale_eval.workspace.rows import row_of, stamp_of
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import RUNS, TRASH, Workspace
from rationale_eval.workspace.schema import runs
from rationale_eval.workspace.status import LIVE

_CHANGING = (*sorted(LIVE), "queued")
_STATE = ("state", "sequence", "attempt", "at", "started", "ended", "seconds", "reason", "message", "assigned")


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
    # Mostly nothing is new: look first, without keeping writers out.
    with index.database.reading() as connection:
        if not _news(connection, workspace.path):
            return Reconciled()
    found: Reconciled = index.database.write(lambda connection: _reconcile(connection, workspace.path))
    return found


@dataclass(slots=True)
class _News:
    changed: list[tuple[Path, bool]]
    """Folders to read again, and whether they are in the trash."""
    dead: list[Path]
    """Folders whose files are known, but whose state is another one by the kernel's word."""
    missing: list[str]

    def __bool__(self) -> bool:
        return bool(self.changed or self.dead or self.missing)


def _news(connection: Connection, workspace: Path) -> _News:
    columns = (runs.c.id, runs.c.state, runs.c.sequence, runs.c.stamp, runs.c.deleted, runs.c.missing)
    known = {row.id: row for row in connection.execute(select(*columns))}
    news, seen = _News([], [], []), set[str]()
    for name, deleted in ((RUNS, False), (TRASH, True)):
        for folder in run_folders(workspace / name):
            if folder.name in seen:
                continue
            seen.add(folder.name)
            row = known.get(folder.name)
            if row is None or row.stamp != stamp_of(folder) or row.deleted != deleted or row.missing:
                news.changed.append((folder, deleted))
            elif row.state in _CHANGING and _other(folder, row.state, row.sequence):
                news.dead.append(folder)
    news.missing = [id for id, row in known.items() if id not in seen and not row.missing]
    return news


def _other(folder: Path, state: str, sequence: int) -> bool:
    status = Run(folder).status
    return (status.state, status.sequence) != (state, sequence)


def _reconcile(connection: Connection, workspace: Path) -> Reconciled:
    news = _news(connection, workspace)
    before = {row.id: row.state for row in connection.execute(select(runs.c.id, runs.c.state))}
    after = {folder.name: follow_in(connection, folder, deleted=deleted) for folder, deleted in news.changed}
    dead = {folder.name: row_of(folder) for folder in news.dead}
    if dead:
        statement = runs.update().where(runs.c.id == bindparam("which"))
        values = [{name: row[name] for name in _STATE} | {"which": id} for id, row in dead.items()]
        connection.execute(statement.values({name: bindparam(name) for name in _STATE}), values)
    if news.missing:
        gone = [{"which": id} for id in news.missing]
        connection.execute(runs.update().where(runs.c.id == bindparam("which")).values(missing=True), gone)
        lost = {"state": "failed", "reason": "folder missing", "message": "its folder was deleted or moved"}
        unfinished = [one for one in gone if before[one["which"]] in _CHANGING]
        if unfinished:
            connection.execute(runs.update().where(runs.c.id == bindparam("which")).values(lost), unfinished)
    states = {id: row["state"] for id, row in (after | dead).items()}
    ended = [
        id for id, state in states.items() if before.get(id) in LIVE and state not in (*LIVE, "queued", "finished")
    ]
    back = [id for id, state in states.items() if before.get(id) == "starting" and state == "queued"]
    return Reconciled(tuple(ended), tuple(back), tuple(after), tuple(news.missing))
