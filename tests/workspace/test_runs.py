"""Run folders: states, ownership, and finding runs again."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.workspace.lease import Lease, holder
from rationale_eval.workspace.runs import Run, Workspace
from rationale_eval.workspace.status import NEXT, Status


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def test_a_new_run_is_queued_and_keeps_what_was_asked(workspace: Workspace) -> None:
    run = workspace.create_run(
        "evaluate", {"metrics": ["iou_f1"]}, data="esnli", fingerprint="ab", seed=3, command="x y"
    )
    again = workspace.find(run.id)
    assert (again.kind, again.config, again.status.state) == ("evaluate", {"metrics": ["iou_f1"]}, "queued")
    origin = again.provenance
    assert (origin["data"], origin["data_fingerprint"], origin["seed"], origin["command"]) == ("esnli", "ab", 3, "x y")
    assert origin["versions"]["torch"] and origin["python"]


def test_the_folder_is_private(workspace: Workspace) -> None:
    run = workspace.create_run("train", {})
    for folder in (workspace.path, run.folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_runs_are_listed_in_order_and_found_by_part(workspace: Workspace) -> None:
    made = [workspace.create_run("train" if i % 2 else "extract", {"i": i}) for i in range(4)]
    assert {run.id for run in workspace.runs()} == {run.id for run in made}
    assert [run.id for run in workspace.runs()] == sorted(run.id for run in made)
    assert workspace.find(made[2].id[-8:]).id == made[2].id
    assert workspace.find("run:" + made[1].id).id == made[1].id
    newest = workspace.latest("extract")
    assert newest is not None and newest.config == {"i": 2}
    with pytest.raises(UsageError, match="fits 4 runs"):
        workspace.find(made[0].id[:6])
    with pytest.raises(UsageError, match="there is no run 'nope'"):
        workspace.find("nope")


def test_a_folder_without_status_is_not_a_run(workspace: Workspace) -> None:
    run = workspace.create_run("train", {})
    (run.folder.parent / "20990101-000000-000-dead").mkdir()
    assert [found.id for found in workspace.runs()] == [run.id]


def test_unknown_kind_is_a_sentence(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no kind of run 'dance'"):
        workspace.create_run("dance", {})  # type: ignore[arg-type]


def test_working_ends_in_one_final_state(workspace: Workspace) -> None:
    run = workspace.create_run("evaluate", {})
    with run.working():
        assert run.status.state == "running"
    assert (run.status.state, run.status.sequence, run.status.attempt) == ("finished", 3, 1)
    with pytest.raises(RationaleEvalError, match="finished cannot become starting"), run.working():
        pass


def test_a_failure_is_recorded_and_may_start_again(workspace: Workspace) -> None:
    run = workspace.create_run("evaluate", {})
    with pytest.raises(OSError), run.working():
        raise OSError(28, "No space left on device")
    assert (run.status.state, run.status.reason) == ("failed", "disk full")
    with pytest.raises(KeyboardInterrupt), run.working():
        raise KeyboardInterrupt
    assert (run.status.state, run.status.attempt) == ("interrupted", 2)


def test_every_state_is_left_only_as_declared() -> None:
    for state, after in NEXT.items():
        for other in NEXT:
            if other in after:
                assert Status(state).then(other, at="").state == other
            else:
                with pytest.raises(RationaleEvalError):
                    Status(state).then(other, at="")


def test_one_process_cannot_own_a_run_twice(tmp_path: Path) -> None:
    with Lease(tmp_path / "lease"):
        assert holder(tmp_path / "lease") == os.getpid()
        with pytest.raises(RationaleEvalError, match="already worked on"), Lease(tmp_path / "lease"):
            pass
        assert holder(tmp_path / "lease") == os.getpid()
    assert holder(tmp_path / "lease") is None


def test_kill_frees_the_run_at_once(workspace: Workspace) -> None:
    """P1: after kill -9 the lease is free, the state reads interrupted, and the run may start again."""
    run = workspace.create_run("train", {})
    code = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from rationale_eval.workspace.runs import Run
        with Run(Path({str(run.folder)!r})).working():
            print("up", flush=True)
            time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        assert run.status.state == "running"
        with pytest.raises(RationaleEvalError, match="another process"), Run(run.folder).working():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert run.status.state == "interrupted"
    with run.working():
        pass
    assert (run.status.state, run.status.attempt) == ("finished", 2)


def test_reading_runs_needs_no_torch() -> None:
    code = "import sys, rationale_eval.workspace.runs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
