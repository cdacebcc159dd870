"""The queue: which run is next, and the claim that makes exactly one process start it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.points import reached
from rationale_eval.workspace.after import KEY as AFTER
from rationale_eval.workspace.after import needs
from rationale_eval.workspace.index import follow_in
from rationale_eval.workspace.quotas import Quotas
from rationale_eval.workspace.rows import RunRow
from rationale_eval.workspace.run import Run, RunKind
from rationale_eval.workspace.runs import RUNS, Workspace
from rationale_eval.workspace.schema import runs
from rationale_eval.workspace.standing import PLACE
from rationale_eval.workspace.status import LIVE
from rationale_eval.workspace.turn import turn

_WAITING = (runs.c.state == "queued") & runs.c.position.is_not(None) & ~runs.c.deleted & ~runs.c.missing
_ORDER = (runs.c.priority.desc(), runs.c.position, runs.c.id)


def submit(
    workspace: Workspace,
    kind: RunKind,
    config: Mapping[str, Any],
    origin: Mapping[str, Any],
    *,
    device: str = "auto",
    priority: int = 0,
    after: Sequence[str] = (),
    **about: Any,
) -> Run:
    """Makes a run that waits for a worker.

    Args:
        workspace: Where.
        kind: What it does.
        config: What is asked, resolved.
        origin: data, fingerprint, seed, command.
        device: "auto", "cpu", "cuda" or "cuda:N".
        priority: Higher goes first.
        after: Ids of runs that must be finished before it starts.
        about: owner, group, title, parent.

    Raises:
        UsageError: If there is no room, or no run of an id.
    """
    if unknown := set(about) - {"owner", "group", "title", "parent"}:
        raise UsageError(f"a run has no '{min(unknown)}'; there are owner, group, title and parent.")
    workspace.prepare()
    before = [workspace.get(id).id for id in after]
    with workspace.index.database.reading() as connection:
        waiting = connection.execute(select(func.count()).where(_WAITING)).scalar_one()
        position = _end(connection)
    Quotas.of(workspace.path).require_room(workspace.path, waiting)
    place: dict[str, Any] = {"device": device, "priority": int(priority), "position": position}
    if before:
        place[AFTER] = before
    return workspace.create_run(kind, config, **origin, about=about, place=place)


def waiting(workspace: Workspace) -> list[RunRow]:
    """Runs in the queue, the next one first."""
    with workspace.index.database.reading() as connection:
        return [RunRow.read(row) for row in connection.execute(select(runs).where(_WAITING).order_by(*_ORDER))]


def reorder(run: Run, *, priority: int | None = None, before: Run | None = None, last: bool = False) -> None:
    """Changes a run's place in the queue.

    Args:
        run: A queued run.
        priority: Its new priority; higher goes first.
        before: Put it right before this run, with the same priority.
        last: Put it at the end of its priority.

    Raises:
        UsageError: If a run is not in the queue.
    """
    workspace = Workspace(run.workspace)
    queue = waiting(workspace)
    ids = [row.id for row in queue]
    for one in (run, *([before] if before else [])):
        if one.id not in ids:
            raise UsageError(f"run {one.id} is not waiting in the queue.")
    place = dict(run.place or {})
    if before is not None:
        place |= {"priority": _row_of(queue, before).priority, "position": _before(workspace, queue, run, before)}
    if priority is not None:
        place["priority"] = int(priority)
    if last:
        with workspace.index.database.reading() as connection:
            place["position"] = _end(connection)
    _put(run, place)


def _row_of(queue: Sequence[RunRow], run: Run) -> RunRow:
    return next(row for row in queue if row.id == run.id)


def _before(workspace: Workspace, queue: Sequence[RunRow], run: Run, other: Run) -> float:
    """A position right before another run, between it and the one before that."""
    after = _row_of(queue, other)
    same = [row for row in queue if row.priority == after.priority and row.id != run.id]
    at = next(i for i, row in enumerate(same) if row.id == other.id)
    high = after.position or 0.0
    low = (same[at - 1].position or 0.0) if at else high - 2
    middle = (low + high) / 2
    if low < middle < high:
        return middle
    # No number is left between the two: number this priority anew, with room for the run.
    for number, row in enumerate(same):
        moved = workspace.get(row.id)
        _put(moved, dict(moved.place or {}) | {"position": float(2 * number)})
    return float(2 * at - 1)


def _put(run: Run, place: Mapping[str, Any]) -> None:
    with turn(run.folder):
        durable.write_json(run.folder / PLACE, dict(place))
    run.follow()


def enqueue(run: Run, *, priority: int | None = None) -> None:
    """Gives a run a place at the end of the queue; its state is the caller's business."""
    before = run.place or {"device": "auto", "priority": 0}
    with Workspace(run.workspace).index.database.reading() as connection:
        position = _end(connection)
    rank = before["priority"] if priority is None else int(priority)
    with turn(run.folder):
        durable.write_json(run.folder / PLACE, before | {"priority": rank, "position": position})


def claim(workspace: Workspace, devices: Sequence[str], id: str | None = None) -> Run | None:
    """Takes the next run that fits a free device; no other process gets the same one.

    Args:
        workspace: Where.
        devices: Devices this caller may start runs on.
        id: Only this run.

    Returns:
        The run, now "starting" with its device in `status.device`; None if there is nothing to start.

    Raises:
        RationaleEvalError: If the index cannot be written.
    """
    per_device = Quotas.of(workspace.path).per_device
    while True:
        take = _Claim(workspace.path, devices, per_device, id)
        run = workspace.index.database.write(take)
        if run is not None:
            reached("queue.claimed")
        if run is not None or not take.refused:
            return run


@dataclass(slots=True)
class _Claim:
    """One attempt to claim, inside a transaction."""

    workspace: Path
    devices: Sequence[str]
    per_device: int
    id: str | None
    refused: bool = False

    def __call__(self, connection: Connection) -> Run | None:
        free = self._free(connection)
        wanted = _WAITING if self.id is None else _WAITING & (runs.c.id == self.id)
        columns = select(runs.c.id, runs.c.attempt, runs.c.device)
        for row in connection.execute(columns.where(wanted).order_by(*_ORDER)) if free else ():
            device = next((device for device in free if fits(row.device, device)), None)
            if device is not None and self._may_begin(row.id):
                return self._take(connection, row.id, row.attempt, device)
        return None

    def _may_begin(self, id: str) -> bool:
        try:
            return needs(Run(self.workspace / RUNS / id)).met
        except RationaleEvalError:
            return True  # a folder that is gone or damaged is found out when it is taken

    def _free(self, connection: Connection) -> list[str]:
        """Devices with room, the emptiest first, so that two devices share two runs."""
        mine = runs.c.state.in_(LIVE) & runs.c.assigned.is_not(None) & ~runs.c.deleted & ~runs.c.missing
        taken = select(runs.c.assigned, func.count()).where(mine).group_by(runs.c.assigned)
        busy: dict[str | None, int] = {row[0]: row[1] for row in connection.execute(taken)}
        free = [device for device in self.devices if busy.get(device, 0) < self.per_device]
        return sorted(free, key=lambda device: busy.get(device, 0))

    def _take(self, connection: Connection, id: str, attempt: int, device: str) -> Run | None:
        run = Run(self.workspace / RUNS / id)
        expected = (runs.c.id == id) & (runs.c.state == "queued") & (runs.c.attempt == attempt)
        claimed = runs.update().where(expected).values(state="starting", attempt=attempt + 1, assigned=device)
        self.refused = connection.execute(claimed).rowcount != 1
        if self.refused:
            return None
        try:
            run.move("starting", when="queued", attempt=attempt, claim=device, follow=False)
        except RationaleEvalError:
            # The folder knows better: correct the row, and look again.
            self.refused = True
            _correct(connection, run)
            return None
        reached("queue.folder_claimed")
        follow_in(connection, run.folder)
        return run


def _correct(connection: Connection, run: Run) -> None:
    if (run.folder / "status.json").is_file():
        follow_in(connection, run.folder)
    else:
        connection.execute(runs.update().where(runs.c.id == run.id).values(missing=True))


def fits(wanted: str | None, device: str) -> bool:
    """Whether a run that wants one device may run on another: "cuda" and "auto" leave the choice open."""
    return wanted in (None, "auto", device) or device.startswith(f"{wanted}:")


def _end(connection: Connection) -> float:
    return float(connection.execute(select(func.coalesce(func.max(runs.c.position), 0.0))).scalar_one()) + 1.0
