"""Who may change a run: launched processes, late ones, stopped ones, and those whose folder is gone."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace import cancelling, filesystem
from rationale_eval.workspace.control import cancel, take_over
from rationale_eval.workspace.lease import Lease, Taken, holder
from rationale_eval.workspace.queue import claim
from rationale_eval.workspace.run import Run, TakenOver, reason_of
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.status import StateChanged
from rationale_eval.workspace.turn import FolderGone, turn


def test_a_launched_process_takes_up_its_claim(space: Workspace) -> None:
    run = space.submit("train", {})
    assert claim(space, ["cpu"]) == run
    with run.working(launched=True):
        assert (run.status.state, run.status.attempt, run.status.device) == ("running", 1, "cpu")
    assert (run.status.state, run.status.sequence) == ("finished", 3)


def test_a_launched_process_waits_for_the_one_before_it_to_put_its_things_away(space: Workspace) -> None:
    run = space.submit("train", {})
    claim(space, ["cpu"])
    code = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from rationale_eval.workspace.lease import Lease
        with Lease(Path({str(run.lease_file)!r})):
            print("held", flush=True)
            time.sleep(0.4)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as before:
        assert before.stdout is not None and before.stdout.readline() == "held\n"
        with run.working(launched=True):
            pass
    assert (run.status.state, run.status.attempt) == ("finished", 1)


def test_a_process_started_twice_does_not_wait_for_the_one_at_work(space: Workspace) -> None:
    run = space.submit("train", {})
    claim(space, ["cpu"])
    with run.working(launched=True):
        began = time.monotonic()
        with pytest.raises(Taken), Run(run.folder).working(launched=True):
            pass
        assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("end", ["cancelled", "failed", "interrupted", "finished"])
def test_a_late_process_revives_nothing(space: Workspace, end: str) -> None:
    run = space.submit("train", {})
    claim(space, ["cpu"])
    if end == "cancelled":
        assert cancel(run).state == "cancelled"
    else:
        with run.working(launched=True):
            run.move(end)  # type: ignore[arg-type]
    before = run.status
    assert before.state == end
    with pytest.raises(StateChanged, match=f"is {end}"), run.working(launched=True):
        raise AssertionError("must not begin")
    assert run.status == before
    assert run.worker is None


def test_a_late_process_takes_up_a_run_that_is_queued_again(space: Workspace) -> None:
    run = space.submit("train", {})
    with run.working(launched=True):
        pass
    assert (run.status.state, run.status.attempt) == ("finished", 1)


def test_the_state_changes_only_from_what_the_caller_believes(space: Workspace) -> None:
    run = space.submit("train", {})
    with pytest.raises(StateChanged, match="is queued by now"):
        run.move("cancelled", when="running")
    with pytest.raises(StateChanged, match="attempt 0 by now"):
        run.move("cancelled", attempt=1)
    assert run.stored.sequence == 0


def test_a_process_that_was_taken_over_writes_nothing_more(space: Workspace) -> None:
    """P9: here the old process is this one, and the new one is a child."""
    run = space.create_run("train", {})
    with pytest.raises(TakenOver, match="attempt 1 stood still"), run.working():
        assert space.index.record(run, 1, 1, {"loss": 1.0}) == []
        take_over(Run(run.folder), by="somebody")
        code = textwrap.dedent(
            f"""
            from pathlib import Path
            from rationale_eval.workspace.runs import Workspace
            space = Workspace(Path({str(space.path)!r}))
            run = space.get({run.id!r})
            with run.working():
                space.index.record(run, 2, 2, {{"loss": 2.0}})
            """
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
        after = run.stored
        assert (after.state, after.attempt) == ("finished", 2)
        with pytest.raises(StateChanged, match="attempt 1 do not count"):
            space.index.record(run, 1, 3, {"loss": 3.0})
        with pytest.raises(TakenOver):
            run.write_summary({"loss": 3.0})
        run.beat(1, 1)
    assert run.stored == after
    assert [(row.step, row.value) for row in space.index.metrics(run.id)] == [(1, 1.0), (2, 2.0)]
    assert [line["step"] for line in run.metrics()] == [1, 2]
    assert run.summary is None


def test_a_run_whose_folder_is_deleted_ends_with_a_sentence_and_leaves_nothing(space: Workspace) -> None:
    """D8."""
    run, other = space.create_run("train", {}), space.create_run("train", {})
    with other.working():
        with pytest.raises(FolderGone, match="deleted or moved"), run.working():
            shutil.rmtree(run.folder)
            run.beat(1, 1)
        assert not run.folder.exists()
    assert other.status.state == "finished"


def test_a_moved_folder_keeps_no_turn(space: Workspace) -> None:
    run = space.create_run("train", {})
    with turn(run.folder):
        run.folder.rename(space.path / "elsewhere")
        with pytest.raises(FolderGone), turn(run.folder):
            pass
    with pytest.raises(FolderGone):
        run.move("cancelled")
    with pytest.raises(FolderGone), run.working():
        pass


def test_a_folder_that_was_moved_while_waiting_for_the_turn_gives_none(space: Workspace) -> None:
    run = space.create_run("train", {})
    said: list[str] = []

    def wait() -> None:
        try:
            with turn(run.folder):
                said.append("got it")
        except FolderGone:
            said.append("gone")

    with turn(run.folder):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.1)
        run.folder.rename(space.path / "elsewhere")
        run.folder.mkdir()
    thread.join()
    assert said == ["gone"]


def test_turns_exclude_each_other_between_threads(space: Workspace) -> None:
    run = space.create_run("train", {})
    with turn(run.folder), pytest.raises(RationaleEvalError, match="kept busy"), turn(run.folder, patience=0.05):
        pass
    inside, most = [0], [0]

    def visit() -> None:
        for _ in range(20):
            with turn(run.folder):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_lease_that_was_put_aside_is_not_held(tmp_path: Path) -> None:
    with Lease(tmp_path / "lease") as lease:
        assert lease.holds()
        (tmp_path / "lease").rename(tmp_path / "old")
        assert not lease.holds()
        (tmp_path / "lease").touch()
        assert not lease.holds()


def test_a_forked_child_holds_nothing(tmp_path: Path) -> None:
    with Lease(tmp_path / "lease"):
        child = os.fork()
        if child == 0:
            os._exit(0 if holder(tmp_path / "lease") == os.getppid() else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert holder(tmp_path / "lease") == os.getpid()


@pytest.mark.parametrize(("asked", "state"), [(True, "cancelled"), (False, "interrupted")])
def test_sigterm_ends_the_work_like_ctrl_c(space: Workspace, asked: bool, state: str) -> None:
    run = space.create_run("evaluate", {})
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), run.working():
        if asked:
            cancelling.ask(run.folder, 1, by="ann")
            assert run.cancel_requested
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("must not get here")
    assert run.status.state == state
    assert run.status.message == "stopped by a signal"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_request_to_cancel_is_meant_for_one_attempt(space: Workspace) -> None:
    run = space.create_run("train", {})
    with pytest.raises(KeyboardInterrupt), run.working():
        cancelling.ask(run.folder, 1)
        raise KeyboardInterrupt
    assert run.status.state == "cancelled"
    with run.working():
        assert not run.cancel_requested
    assert (run.status.state, run.status.attempt) == ("finished", 2)


def test_a_full_disk_gives_up_the_ballast_to_record_the_failure(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = space.create_run("train", {})
    ballast = space.path / filesystem.BALLAST
    assert ballast.stat().st_blocks * 512 >= filesystem.BALLAST_BYTES
    real = durable.write_json

    def write_json(path: Path, value: object) -> None:
        if ballast.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, value)

    with pytest.raises(OSError), run.working():
        monkeypatch.setattr(durable, "write_json", write_json)
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (run.status.state, run.status.reason) == ("failed", "disk full")


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


def test_reasons_are_short_and_machine_readable() -> None:
    assert reason_of(OSError(errno.ENOSPC, "x")) == "disk full"
    assert reason_of(OSError(errno.EFBIG, "x")) == "file size limit"
    assert reason_of(OSError(errno.EIO, "x")) == "input/output error"
    assert reason_of(MemoryError()) == reason_of(OutOfMemoryError()) == "out of memory"
    assert reason_of(TakenOver("x")) == "taken over"
    assert reason_of(ValueError("x")) == "error"
