"""The worker: looks after the queue and starts runs. Any number of them may serve one workspace at the same time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.points import reached
from rationale_eval.workspace import cancelling, clock
from rationale_eval.workspace.after import give_up, needs
from rationale_eval.workspace.control import GRACE, cancel, end_process
from rationale_eval.workspace.launch import Launcher, LocalLauncher
from rationale_eval.workspace.lease import Lease, Taken
from rationale_eval.workspace.queue import claim, fits, waiting
from rationale_eval.workspace.quotas import Quotas, size_of
from rationale_eval.workspace.reconcile import reconcile
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import RUNS, Workspace
from rationale_eval.workspace.status import LIVE, StateChanged

POLL: Final = 1.0
ALONE: Final = "worker"
"""In a workspace: the lock of the one worker that looks after the queue for dashboards."""

_STUBBORN: Final = 30.0
"""Seconds beyond the grace that a worker stays for a run that was asked to end and does not."""

_GPUS: Final = Path("/proc/driver/nvidia/gpus")

Tell = Callable[[str], None]


def local_devices() -> tuple[str, ...]:
    """The devices of this machine: its GPUs, else the processor. Asks the driver, not a library."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        number = len([part for part in visible.split(",") if part.strip() and part.strip() != "-1"])
    else:
        number = len(list(_GPUS.iterdir())) if _GPUS.is_dir() else 0
    return tuple(f"cuda:{i}" for i in range(number)) or ("cpu",)


def serve(
    workspace: Workspace,
    launcher: Launcher | None = None,
    devices: Sequence[str] | None = None,
    *,
    once: bool = False,
    poll: float = POLL,
    tell: Tell = lambda text: None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Starts queued runs whenever a device is free. Ending the worker ends none of them.

    Args:
        workspace: Whose queue.
        launcher: Starts the processes; local ones when None.
        devices: Devices it may use; those of this machine when None.
        once: Return when the queue holds nothing for these devices and the runs started here have ended.
        poll: Seconds between two looks.
        tell: Gets a sentence about each event.
        stop: Asked between two looks; true ends the worker.

    Returns:
        How many runs were started.

    Raises:
        RationaleEvalError: With `once`, if the index cannot be used or the disk is nearly full; otherwise that is told
            and tried again.
    """
    launcher, devices = launcher or LocalLauncher(), devices or local_devices()
    workspace.prepare()
    started: list[Run] = []
    while not stop():
        try:
            new = look(workspace, launcher, devices, tell)
        except RationaleEvalError as error:
            if once:
                raise
            tell(str(error))
            new = []
        started += new
        if once and not new and not _left(workspace, devices, started):
            return len(started)
        if not new:
            time.sleep(poll)
    return len(started)


def serve_alone(
    workspace: Workspace,
    launcher: Launcher | None = None,
    devices: Sequence[str] | None = None,
    *,
    poll: float = POLL,
    tell: Tell = lambda text: None,
) -> int:
    """Serves the queue until it is empty, unless another process does so already by this function.

    Nobody is forgotten: whoever queues a run and then finds the lock held can rely on its holder, which looks at the
    queue once more after it has let go; and whoever finds it free starts another process.

    Args:
        workspace: Whose queue.
        launcher: As for `serve`.
        devices: As for `serve`.
        poll: As for `serve`.
        tell: As for `serve`.

    Returns:
        How many runs were started.

    Raises:
        RationaleEvalError: If the index cannot be used or the disk is nearly full.
    """
    devices = devices or local_devices()
    workspace.prepare()
    started = 0
    while True:
        try:
            with Lease(workspace.path / ALONE):
                started += serve(workspace, launcher, devices, once=True, poll=poll, tell=tell)
        except Taken:
            return started
        reached("worker.let_go")
        if not _left(workspace, devices, ()):
            return started


def _left(workspace: Workspace, devices: Sequence[str], started: Sequence[Run]) -> bool:
    """Whether something still works, or waits for one of the devices, or for a run that works."""
    if any(run.status.state in LIVE for run in started) or _ending(workspace):
        return True
    fitting = [row.id for row in waiting(workspace) if any(fits(row.device, device) for device in devices)]
    return any(_coming(workspace, id) for id in fitting)


def _ending(workspace: Workspace) -> bool:
    """Whether a run was asked to end and has not: it is to be killed when its grace is over."""
    now = clock.now()
    for row in workspace.index.rows(state=("starting", "running")):
        run = Run(workspace.path / RUNS / row.id)
        asked = cancelling.since(run.folder, row.attempt)
        waited = None if asked is None else asked.until(now)
        if waited is not None and waited < GRACE + _STUBBORN and run.worker not in (None, 0):
            return True
    return False


def _coming(workspace: Workspace, id: str) -> bool:
    """Whether a queued run can begin by and by: what it waits for works already, or is in the queue by itself."""
    coming = needs(Run(workspace.path / RUNS / id)).coming
    return not coming or any(Run(workspace.path / RUNS / each).status.state in LIVE for each in coming)


def look(workspace: Workspace, launcher: Launcher, devices: Sequence[str], tell: Tell = lambda text: None) -> list[Run]:
    """One round of a worker: reconcile, enforce limits, start what fits.

    Returns:
        The runs it started.

    Raises:
        UsageError: If the disk is nearly full.
        RationaleEvalError: If the index or the limits cannot be used.
    """
    found = reconcile(workspace)
    for id in found.ended:
        tell(f"run {id}: its process is gone.")
    for id in found.requeued:
        tell(f"run {id}: no process took it up; it is in the queue again.")
    _enforce(workspace, tell)
    queue = waiting(workspace)
    for row in queue:
        if (why := give_up(Run(workspace.path / RUNS / row.id))) is not None:
            tell(f"run {row.id}: {why}.")
    if not queue:
        return []
    Quotas.of(workspace.path).require_free(workspace.path)
    started: list[Run] = []
    while (run := claim(workspace, devices)) is not None:
        if _launch(run, launcher, tell):
            started.append(run)
    return started


def start(run: Run, launcher: Launcher | None = None, devices: Sequence[str] | None = None) -> bool:
    """Starts one queued run now, before all others, if a device is free.

    Args:
        run: A queued run.
        launcher: As for `serve`.
        devices: As for `serve`.

    Returns:
        True if this call started it; False if it waits in the queue, for a device or for a run that it needs.

    Raises:
        UsageError: If it is not in the queue, or the disk is nearly full.
        RationaleEvalError: If no process could be started; the run is then failed.
    """
    workspace = Workspace(run.workspace)
    reconcile(workspace)
    Quotas.of(workspace.path).require_free(workspace.path)
    claimed = claim(workspace, devices or local_devices(), run.id)
    if claimed is None:
        status = run.status
        if status.state != "queued" or run.place is None:
            raise UsageError(f"run {run.id} is {status.state} and does not wait in the queue.")
        return False
    problems: list[str] = []
    if not _launch(claimed, launcher or LocalLauncher(), problems.append):
        raise RationaleEvalError(problems[0])
    return True


def _launch(run: Run, launcher: Launcher, tell: Tell) -> bool:
    attempt = run.stored.attempt
    try:
        launcher.start(run.id, run.workspace.absolute())
    except (RationaleEvalError, OSError) as error:
        try:
            run.move("failed", when="starting", attempt=attempt, reason="launch", message=str(error))
        except StateChanged:
            tell(f"run {run.id}: not started, and {run.status.state} by now.")
        else:
            tell(f"run {run.id}: {error}")
        return False
    reached("worker.launched")
    tell(f"run {run.id}: started on {run.stored.device}.")
    return True


def _enforce(workspace: Workspace, tell: Tell) -> None:
    """Ends runs that pass a limit, and those that outlived the grace after they were asked to end."""
    quotas, now = Quotas.of(workspace.path), clock.now()
    for row in workspace.index.rows(state=("starting", "running")):
        run = Run(workspace.path / "runs" / row.id)
        try:
            status = run.stored
            asked = cancelling.since(run.folder, status.attempt)
            if asked is not None:
                if (asked.until(now) or 0.0) > GRACE and run.worker not in (None, 0):
                    end_process(run, 0.0)
                continue
            ran = status.instant.until(now) if status.state == "running" else None
            if quotas.run_seconds is not None and ran is not None and ran > quotas.run_seconds:
                why = f"it ran for more than {quotas.run_seconds:g} seconds (run_seconds)"
            elif quotas.run_bytes is not None and size_of(run.folder) > quotas.run_bytes:
                why = f"it takes more than {quotas.run_bytes / 1e6:.0f} MB of the disk (run_bytes)"
            else:
                continue
            tell(f"run {run.id}: {why}; it is cancelled and can be resumed.")
            cancel(run, by="the worker", message=why, wait=False)
        except (RationaleEvalError, OSError) as error:
            tell(f"run {row.id}: {error}")
