"""The worker of a dashboard: no queued run is forgotten, whoever starts and ends at whatever moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rationale_eval.desk import workers
from rationale_eval.workspace import cancelling, runs, worker
from rationale_eval.workspace.lease import holder
from rationale_eval.workspace.runs import Workspace

PATIENCE = 60.0


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Workspace]:
    monkeypatch.setattr(runs, "provenance", lambda **given: {"created": None, **given})
    made = Workspace(tmp_path / "space")
    made.prepare()
    yield made


class AtOnce:
    """A launcher whose runs are over when it returns."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace

    def start(self, run_id: str, workspace: Path) -> None:
        run = self.workspace.get(run_id)
        with run.working(launched=True), open(run.folder / "worked", "a") as file:
            file.write("once\n")


def _serve(folder: Path) -> None:
    space = Workspace(folder)
    worker.serve_alone(space, AtOnce(space), ["cpu"], poll=0.01)


def _ensure(folder: Path, started: list[Any]) -> None:
    """What `Worker.ensure` does, with a quick process."""
    if holder(folder / worker.ALONE) is None:
        started.append(multiprocessing.get_context("fork").Process(target=_serve, args=(folder,), daemon=True))
        started[-1].start()


def test_a_run_queued_just_as_the_worker_ends_is_not_forgotten(space: Workspace) -> None:
    """Thirty runs are queued one by one, each as soon as the one before is over: when workers like to end."""
    started: list[Any] = []
    for number in range(30):
        run = space.submit("train", {"number": number})
        _ensure(space.path, started)
        end = time.monotonic() + PATIENCE
        while run.stored.state != "finished":
            assert time.monotonic() < end, f"run {number} of 30 was forgotten after {len(started)} workers"
            time.sleep(0.001)
    for process in started:
        process.join(PATIENCE)
    assert all((run.folder / "worked").read_text() == "once\n" for run in space.runs())


def test_the_moment_between_letting_go_and_ending(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is queued after the last look but before the lock is free relies on the look after it."""
    late: list[Any] = []

    def at(point: str) -> None:
        if point == "worker.let_go" and not late:
            late.append(space.submit("train", {"late": True}))

    monkeypatch.setattr(worker, "reached", at)
    space.submit("train", {})
    assert worker.serve_alone(space, AtOnce(space), ["cpu"], poll=0.01) == 2
    assert late[0].stored.state == "finished"


def test_two_workers_of_dashboards_share_the_queue_without_waiting(space: Workspace) -> None:
    from rationale_eval.workspace.lease import Lease

    space.submit("train", {})
    with Lease(space.path / worker.ALONE):
        assert worker.serve_alone(space, AtOnce(space), ["cpu"], poll=0.01) == 0


def test_a_worker_stays_for_a_run_that_was_asked_to_end_and_does_not(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its grace is over only later, and somebody must be there to end it then."""
    stubborn = subprocess.Popen(
        [sys.executable, "-c", _STUBBORN, str(space.submit("train", {}).folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert stubborn.stdout is not None and stubborn.stdout.readline() == b"working\n"
        run = space.runs()[0]
        cancelling.ask(run.folder, run.stored.attempt)
        os.kill(stubborn.pid, signal.SIGTERM)
        monkeypatch.setattr(worker, "GRACE", 0.5)
        assert worker.serve_alone(space, AtOnce(space), ["cpu"], poll=0.05) == 0
        assert stubborn.wait(10) == -signal.SIGKILL
        assert run.status.state == "cancelled"
    finally:
        stubborn.kill()
        stubborn.wait()


_STUBBORN = """
import signal, sys, time
from pathlib import Path
from rationale_eval.workspace.run import Run
with Run(Path(sys.argv[1])).working():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("working", flush=True)
    time.sleep(120)
"""


def test_the_real_process_serves_the_queue_and_a_second_dashboard_starts_none(space: Workspace) -> None:
    """The run itself cannot be done, which is its business: the worker has looked at it and ended."""
    run = space.submit("train", {"recipe": "none"}, after=[])
    one, other = workers.Worker(space.path), workers.Worker(space.path)
    one.ensure()
    end = time.monotonic() + PATIENCE
    while holder(space.path / worker.ALONE) is None and run.status.state == "queued":
        assert time.monotonic() < end
        time.sleep(0.01)
    other.ensure()
    assert one._process is not None and other._process is None
    while run.status.state not in ("failed", "interrupted"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert one._process.wait(PATIENCE) == 0
    assert one.look_after() is None


def test_why_the_queue_stands_still_is_told_and_no_worker_is_started_over_and_over(space: Workspace) -> None:
    (space.path / "quotas.json").write_text("{}")
    space.submit("train", {})
    (space.path / "quotas.json").write_text('{"free_bytes": 1e18}')
    found = workers.Worker(space.path)
    found.ensure()
    first = found._process
    assert first is not None and first.wait(PATIENCE) == 1
    told = found.look_after()
    assert told is not None and "MB are free" in told
    assert found.look_after() == told
    assert found._process is first
