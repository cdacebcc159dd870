"""What people do to runs: cancel, resume, retry, delete, restore; and the last resort, taking a run over.

Signals go only to the process that the kernel names as the holder of the run's lease, through a pidfd, so that a reused
process id is never hit. Cancelling needs neither the index nor the run's turn: a stopped process may hold both.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.points import reached
from rationale_eval.workspace import cancelling, clock
from rationale_eval.workspace.after import require_possible
from rationale_eval.workspace.index import follow_in
from rationale_eval.workspace.queue import enqueue, waiting
from rationale_eval.workspace.quotas import Quotas
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import RUNS, TRASH, Workspace
from rationale_eval.workspace.schema import metrics, runs
from rationale_eval.workspace.status import LIVE, RESUMABLE, StateChanged, Status
from rationale_eval.workspace.turn import FolderGone, turn

GRACE: Final = 10.0
"""Seconds between asking a process to end and ending it."""

_AFTER_KILL: Final = 5.0
_LOOK: Final = 0.05


def cancel(
    run: Run, *, by: str | None = None, message: str | None = None, grace: float = GRACE, wait: bool = True
) -> Status:
    """Cancels a run at whatever moment; it keeps its last checkpoint and can be resumed.

    A run that ends by itself first keeps that end.

    Args:
        run: The run.
        by: Who asks.
        message: Why, in one sentence.
        grace: Seconds its process has to end by itself, also if it was stopped; then it is killed.
        wait: Stay until it has ended. Otherwise a worker (`serve`) ends it when the grace is over.

    Returns:
        Where the run stands then.

    Raises:
        RationaleEvalError: If the process is out of reach (in another container) or outlives even SIGKILL.
    """
    why = message or (f"cancelled by {by}" if by else "cancelled on request")
    while True:
        status = run.status
        if status.state == "queued":
            with suppress(StateChanged):
                return run.move("cancelled", when="queued", reason="cancelled", message=why)
            continue
        if status.state not in LIVE:
            return status
        cancelling.ask(run.folder, status.attempt, by, why)
        reached("cancel.asked")
        # Whoever takes the lease from now on sees the request; whoever holds it is told.
        ended = end_process(run, grace if wait else None)
        if not ended and wait and run.worker != os.getpid():
            raise RationaleEvalError(f"the process of run {run.id} did not end; it may hang in the kernel.")
        run.follow()
        if not ended or run.status.state not in LIVE:
            return run.status


def end_process(run: Run, grace: float | None) -> bool:
    """Has the process that works on a run end: SIGTERM, also for a stopped one, and SIGKILL after `grace` seconds.

    Args:
        run: The run.
        grace: Seconds; None only asks and does not wait.

    Returns:
        Whether nobody works on the run any more, as far as is known. This process itself gets no signal: its own work
        looks at `Run.cancel_requested`.
    """
    pid = run.worker
    if pid is None:
        return True
    if pid == 0:
        raise RationaleEvalError(f"run {run.id} is worked on in another container or machine; cancel it there.")
    if pid == os.getpid():
        return False
    try:
        handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        return run.worker != pid
    try:
        if run.worker != pid:  # it ended before we had hold of it, and the id may mean another process now
            return True
        _send(pid, handle, signal.SIGTERM)
        _send(pid, handle, signal.SIGCONT)
        if grace is None:
            return False
        if _freed(run, pid, grace):
            return True
        _kill(run, pid, handle)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise RationaleEvalError(f"the process of run {run.id} belongs to another user, who can cancel it.") from error
    finally:
        if handle is not None:
            os.close(handle)
    return _freed(run, pid, _AFTER_KILL)


def _send(pid: int, handle: int | None, number: signal.Signals) -> None:
    if handle is None:  # no such handles outside Linux: the lease was asked a moment ago, and that must do
        os.kill(pid, number)
    else:
        signal.pidfd_send_signal(handle, number)


def _kill(run: Run, pid: int, handle: int | None) -> None:
    if run.worker != pid:
        return
    # Children of a launched run are in its session; a run in somebody's terminal shares its group with others.
    if os.getsid(pid) == pid:
        os.killpg(pid, signal.SIGKILL)
    _send(pid, handle, signal.SIGKILL)


def _freed(run: Run, pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while run.worker == pid:
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK)
    return True


def resume(run: Run, *, priority: int | None = None) -> Run:
    """Puts a run that stopped before its end into the queue again; it goes on from its last checkpoint.

    Args:
        run: An interrupted, failed or cancelled run, or one that was made and never begun.
        priority: A new one; by default that which it had.

    Raises:
        UsageError: If the run is in another state, needs one that has stopped, or the queue is full.
    """
    status = run.status
    if status.state == "queued" and run.place is None:
        enqueue(run, priority=priority)
        run.follow()
        return run
    if status.state not in RESUMABLE:
        tip = {"finished": "; start a new one with retry", "queued": " already"}.get(status.state, "")
        raise UsageError(f"run {run.id} is {status.state}{tip}.")
    require_possible(run)
    workspace = Workspace(run.workspace)
    Quotas.of(workspace.path).require_room(workspace.path, len(waiting(workspace)))
    enqueue(run, priority=priority)
    run.move("queued", when=RESUMABLE, attempt=status.attempt, message="resumed")
    return run


def retry(run: Run, changes: Mapping[str, Any] | None = None, **options: Any) -> Run:
    """Puts a new run into the queue that asks for the same as an old one, with changes.

    Args:
        run: The old run, in any state.
        changes: Keys of its config, dotted for inner ones ("config.lr"), to new values.
        options: As for `Workspace.submit`; what is not given is as it was.

    Raises:
        UsageError: If a dotted key leads through something that has no keys, or the queue is full.
    """
    asked, origin, place = run.asked, run.provenance, run.place or {}
    config = deepcopy(asked["config"])
    for key, value in (changes or {}).items():
        _set(config, key, value)
    same_data = not any(key.split(".")[0] in ("data", "source", "split", "limit", "mapping") for key in changes or {})
    given: dict[str, Any] = {
        "data": origin.get("data") if same_data else config.get("data", origin.get("data")),
        "fingerprint": origin.get("data_fingerprint") if same_data else None,
        "seed": config.get("seed", origin.get("seed")),
        "device": place.get("device") or config.get("device") or "auto",
        "priority": place.get("priority") or 0,
        "owner": asked.get("owner"),
        "group": asked.get("group"),
        "title": asked.get("title"),
        "parent": run.id,
    }
    return Workspace(run.workspace).submit(run.kind, config, **(given | options))


def _set(config: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    place = config
    for part in path:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise UsageError(f"'{key}': '{part}' of that run is {inner!r} and has no keys.")
        place = inner
    place[last] = value


def delete(run: Run, *, by: str | None = None) -> None:
    """Moves a run to the trash, from which `restore` brings it back.

    Args:
        run: A run that nobody works on.
        by: Who deletes it.

    Raises:
        UsageError: If the run is live.
    """
    workspace = Workspace(run.workspace)
    workspace.prepare()
    with turn(run.folder):
        if run.status.state in LIVE or run.worker is not None:
            raise UsageError(f"run {run.id} is worked on; cancel it first: rationale-eval runs cancel {run.id}")
        durable.write_json(run.folder / "deleted.json", {"by": by, "at": clock.now().at})
        _rename(workspace, run.id, RUNS, TRASH)
    reached("run.deleted")
    _follow_there(workspace, run.id, deleted=True)


def restore(workspace: Workspace, id: str) -> Run:
    """Brings a deleted run back, in the state it had.

    Raises:
        UsageError: If it is not in the trash.
    """
    folder = _in_trash(workspace, id)
    try:
        with turn(folder):
            if (workspace.path / RUNS / id).exists():
                raise UsageError(f"there is a run {id} already; move one of the two folders away.")
            _rename(workspace, id, TRASH, RUNS)
    except FolderGone as error:
        raise UsageError(f"run {id} is not in the trash any more.") from error
    run = Run(workspace.path / RUNS / id)
    (run.folder / "deleted.json").unlink(missing_ok=True)
    _follow_there(workspace, id, deleted=False)
    return run


def purge(workspace: Workspace, id: str) -> None:
    """Removes a deleted run for good.

    Raises:
        UsageError: If it is not in the trash.
    """
    folder = _in_trash(workspace, id)
    # Without its status it is no run any more, so a removal cut short leaves rubbish and never half a run.
    (folder / "status.json").unlink(missing_ok=True)
    shutil.rmtree(folder)

    def forget(connection: Any) -> None:
        connection.execute(metrics.delete().where(metrics.c.run == id))
        connection.execute(runs.delete().where(runs.c.id == id))

    workspace.index.database.write(forget)


def take_over(run: Run, *, by: str | None = None) -> Status:
    """Takes a run away from a process that can be neither reached nor killed; it is then interrupted.

    Should that process wake, nothing it writes is accepted (`TakenOver`) and it ends. `cancel` is the normal way.

    Args:
        run: A live run.
        by: Who does it.

    Raises:
        UsageError: If nobody works on the run.
    """
    with turn(run.folder):
        if run.worker is None:
            raise UsageError(f"nobody works on run {run.id}; it can simply be resumed.")
        os.rename(run.lease_file, run.folder / f"lease.taken-{run.stored.attempt}-{time.time_ns()}")
        durable.sync_folder(run.folder)
        run.say(f"taken over{f' by {by}' if by else ''} from attempt {run.stored.attempt}")
    run.follow()
    return run.status


def _in_trash(workspace: Workspace, id: str) -> Any:
    folder = workspace.path / TRASH / id
    if os.sep in id or id in ("", ".", "..") or not folder.is_dir():
        raise UsageError(f"run '{id}' is not in the trash of {workspace.path}.")
    return folder


def _rename(workspace: Workspace, id: str, source: str, target: str) -> None:
    os.rename(workspace.path / source / id, workspace.path / target / id)
    for name in (target, source):
        durable.sync_folder(workspace.path / name)


def _follow_there(workspace: Workspace, id: str, *, deleted: bool) -> None:
    folder = workspace.path / (TRASH if deleted else RUNS) / id
    workspace.index.database.write(lambda connection: follow_in(connection, folder, deleted=deleted))
