"""Real processes: launched, watched, cancelled at any moment, stopped, orphaned. P5, P6, P8, P12-P14, S22, S24."""

from __future__ import annotations

import os
import random
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.workspace import cancelling, clock, launch, quotas, runs, worker
from rationale_eval.workspace.control import cancel, resume
from rationale_eval.workspace.launch import LocalLauncher, environment
from rationale_eval.workspace.queue import claim
from rationale_eval.workspace.reconcile import reconcile
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.status import LIVE

PRETENDER = LocalLauncher("tests.helpers.queue_worker")
SOON = 60.0


@pytest.fixture
def space(quick: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(runs, "provenance", lambda **given: {"created": None, "data": given["data"]})
    space = Workspace(quick / "space")
    yield space
    for run in space.runs():
        if run.worker:
            os.kill(run.worker, signal.SIGKILL)


def until(what: Callable[[], object], seconds: float = SOON) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def started(space: Workspace, **config: object) -> Run:
    """A run that works in a process of its own."""
    run = space.submit("train", config)
    assert worker.start(run, PRETENDER, ["cpu"])
    until(lambda: run.stored.state != "starting")
    return run


def worked(run: Run) -> list[int]:
    """Ids of the processes that worked on it, in order."""
    path = run.folder / "worked"
    return [int(line.split()[1]) for line in path.read_text().splitlines()] if path.exists() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_run_is_performed_by_a_detached_process(space: Workspace) -> None:
    """P5, P6, S24: own session, no terminal, no pipe, private files, low priority, first to go, no core dumps."""
    run = started(space, seconds=30)
    pid = run.worker
    assert pid and pid != os.getpid()
    until(lambda: worked(run))
    assert os.getsid(pid) == pid == os.getpgid(pid)
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    for number in (1, 2):
        assert os.readlink(f"/proc/{pid}/fd/{number}") == str(run.log_file)
    status = Path(f"/proc/{pid}/status").read_text()
    assert "Umask:\t0077" in status
    assert os.getpriority(os.PRIO_PROCESS, pid) >= launch.NICENESS
    assert int(Path(f"/proc/{pid}/oom_score_adj").read_text()) >= launch.OOM_SCORE
    assert resource.prlimit(pid, resource.RLIMIT_CORE)[0] == 0
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert command[1:6] == [b"-m", b"tests.helpers.queue_worker", run.id.encode(), b"--workspace", bytes(space.path)]
    assert stat.S_IMODE((run.folder / "worked").stat().st_mode) == 0o600
    handles = {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    assert not any("index" in handle for handle in handles)
    assert cancel(run).state == "cancelled"


def test_it_ends_by_itself_and_leaves_no_zombie(space: Workspace) -> None:
    """P12."""
    run = started(space, seconds=0.1)
    until(lambda: run.status.state == "finished")
    (pid,) = worked(run)
    until(lambda: not Path(f"/proc/{pid}").exists())
    row = space.index.row(run.id)
    assert row is not None and (row.state, row.summary) == ("finished", {"pid": pid})
    assert run.progress is not None and run.progress.step == run.progress.total == 1000


def test_the_run_outlives_whoever_started_it(space: Workspace) -> None:
    """P5, P6: the starter is killed, with its whole process group, and its terminal hangs up."""
    run = space.submit("train", {"seconds": 3})
    code = textwrap.dedent(
        f"""
        import threading, time
        from pathlib import Path
        from rationale_eval.workspace import worker
        from rationale_eval.workspace.launch import LocalLauncher
        from rationale_eval.workspace.runs import Workspace
        run = Workspace(Path({str(space.path)!r})).get({run.id!r})
        thread = threading.Thread(target=worker.start, args=(run, LocalLauncher("tests.helpers.queue_worker"), ["cpu"]))
        thread.start()
        thread.join()
        print("started", flush=True)
        time.sleep(60)
        """
    )
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as starter:
        assert starter.stdout is not None and starter.stdout.readline() == "started\n"
        until(lambda: run.status.state == "running")
        os.killpg(starter.pid, signal.SIGHUP)
        os.killpg(starter.pid, signal.SIGINT)
        os.killpg(starter.pid, signal.SIGKILL)
        starter.wait()
    assert run.status.state == "running", "the new dashboard sees it at work"
    until(lambda: run.status.state == "finished")


def test_a_process_that_ends_before_it_begins_is_a_failure_at_once(space: Workspace) -> None:
    run = space.submit("train", {"early": 3})
    worker.start(run, PRETENDER, ["cpu"])
    until(lambda: run.status.state == "failed")
    assert (run.status.reason, worked(run)) == ("did not start", [])
    assert "exit status 3" in (run.status.message or "")
    until(lambda: [row.state for row in space.index.rows()] == ["failed"])


def test_a_failure_of_the_work_is_in_the_folder_the_row_and_the_log(space: Workspace) -> None:
    run = started(space, crash=True)
    until(lambda: run.status.state == "failed")
    assert (run.status.reason, run.status.message) == ("error", "this went wrong")
    until(lambda: "RuntimeError: this went wrong" in run.log_file.read_text())


def test_no_process_at_all_is_a_sentence(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    run = space.submit("train", {})
    with pytest.raises(RationaleEvalError, match="no process could be started"):
        worker.start(run, PRETENDER, ["cpu"])
    assert (run.status.state, run.status.reason) == ("failed", "launch")


def test_cancelling_asks_first(space: Workspace) -> None:
    run = started(space, seconds=60)
    until(lambda: worked(run))
    status = cancel(run, by="ann")
    assert (status.state, status.reason, status.message) == ("cancelled", "cancelled", "stopped by a signal")
    assert not alive(worked(run)[0]) or run.worker is None
    row = space.index.row(run.id)
    assert row is not None and row.state == "cancelled"
    assert cancel(run) == status, "cancelling again changes nothing"


def test_a_deaf_process_is_killed_after_the_grace_with_its_children(space: Workspace) -> None:
    """P8, P13, P14."""
    run = started(space, seconds=60, deaf=True, fork=True)
    until(lambda: worked(run))
    pid = worked(run)[0]
    children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    assert len(children) == 1
    began = time.monotonic()
    assert cancel(run, grace=0.3, message="enough").state == "cancelled"
    assert 0.3 <= time.monotonic() - began < 5
    assert run.status.message == "enough"
    until(lambda: not alive(pid) and not alive(children[0]))


def test_a_stopped_process_can_be_cancelled(space: Workspace) -> None:
    """P8: no heartbeat is missed into a requeue, the state stays, and cancel works."""
    run = started(space, seconds=60, deaf=True)
    until(lambda: worked(run))
    pid = worked(run)[0]
    os.kill(pid, signal.SIGSTOP)
    assert reconcile(space).ended == ()
    assert run.status.state == "running" and claim(space, ["cpu"]) is None
    assert cancel(run, grace=0.2).state == "cancelled"
    until(lambda: not alive(pid))


def test_a_stopped_process_that_listens_ends_by_itself(space: Workspace) -> None:
    run = started(space, seconds=60)
    until(lambda: worked(run))
    os.kill(worked(run)[0], signal.SIGSTOP)
    assert cancel(run).state == "cancelled"
    assert run.status.message == "stopped by a signal"


def test_a_killed_run_is_interrupted_and_goes_on(space: Workspace) -> None:
    """P1: and the wait of whoever launched it writes nothing."""
    run = started(space, seconds=60)
    until(lambda: worked(run))
    os.kill(worked(run)[0], signal.SIGKILL)
    until(lambda: run.status.state == "interrupted")
    assert reconcile(space).ended == (run.id,)
    resume(run)
    assert worker.start(run, PRETENDER, ["cpu"])
    until(lambda: len(worked(run)) == 2)
    assert run.status.attempt == 2
    cancel(run)


def test_cancel_at_any_moment_leaves_one_final_state_and_no_process(space: Workspace) -> None:
    """P14: from before the start of the process to after its end."""
    draw = random.Random(5)
    seen = set()
    for at in range(10):
        run = space.submit("train", {"seconds": 0.1})
        assert worker.start(run, PRETENDER, ["cpu"])
        if at < 4:  # before and while the process begins
            time.sleep(at * 0.1 + draw.uniform(0, 0.05))
        else:  # at work, and around the end
            until(lambda run=run: run.stored.state != "starting")
            time.sleep((at - 4) * 0.03)
        if at == 9:
            until(lambda run=run: run.stored.state == "finished")
        final = cancel(run).state
        assert final in ("cancelled", "finished")
        seen.add(final)
        time.sleep(0.05)
        assert run.status.state == final and run.worker is None
        row = space.index.row(run.id)
        assert row is not None and row.state == final
        assert len(worked(run)) <= 1
    time.sleep(0.5)
    assert seen == {"cancelled", "finished"}
    for run in space.runs():
        assert run.status.state in ("cancelled", "finished"), "a late process revived it"
        assert not any(alive(pid) for pid in worked(run))


def test_cancel_without_waiting_is_completed_by_a_worker(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(space, seconds=60, deaf=True)
    until(lambda: worked(run))
    assert cancel(run, wait=False).state == "running"
    monkeypatch.setattr(worker, "GRACE", 0.2)
    time.sleep(0.3)
    worker.look(space, PRETENDER, ["cpu"])
    until(lambda: run.status.state == "cancelled")


def test_our_own_work_is_asked_and_not_signalled(space: Workspace) -> None:
    run = space.create_run("evaluate", {})
    with pytest.raises(KeyboardInterrupt), run.working():
        thread = threading.Thread(target=cancel, args=(Run(run.folder),))
        thread.start()
        thread.join()
        assert run.cancel_requested and run.status.state == "running"
        raise KeyboardInterrupt
    assert run.status.state == "cancelled"


def test_a_process_out_of_reach_is_a_sentence(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = space.create_run("train", {})
    with run.working():
        monkeypatch.setattr("rationale_eval.workspace.run.holder", lambda path: 0)
        with pytest.raises(RationaleEvalError, match="another container"):
            cancel(run)
        monkeypatch.undo()


def test_a_reused_process_id_is_never_signalled(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """P11: the id belonged to the holder when asked, and to an innocent when the handle was opened."""
    run = space.submit("train", {})
    claim(space, ["cpu"])
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"]) as innocent:
        answers = iter([innocent.pid])
        monkeypatch.setattr("rationale_eval.workspace.run.holder", lambda path: next(answers, None))
        cancel(run, grace=0.1)
        time.sleep(0.2)
        assert innocent.poll() is None
        innocent.kill()
    assert run.status.state == "cancelled"


def test_a_worker_does_what_is_queued_and_returns(space: Workspace) -> None:
    made = [space.submit("train", {"seconds": 0.05}, priority=at) for at in range(3)]
    told: list[str] = []
    assert worker.serve(space, PRETENDER, ["cpu"], once=True, poll=0.02, tell=told.append) == 3
    assert [run.status.state for run in made] == ["finished"] * 3
    begun = [run.stored.started or "" for run in made]
    assert begun == sorted(begun, reverse=True), "the highest priority first"
    assert sum("started on cpu" in line for line in told) == 3


def test_several_workers_share_a_queue(space: Workspace) -> None:
    """P10: every run once, and never more than one a device."""
    made = [space.submit("train", {"seconds": 0.05}) for _ in range(4)]
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.is_set():
            most[0] = max(most[0], sum(run.stored.state == "running" for run in made))
            time.sleep(0.01)

    options = {"once": True, "poll": 0.02}
    threads = [
        threading.Thread(target=worker.serve, args=(space, PRETENDER, ["cpu"]), kwargs=options) for _ in range(3)
    ]
    watcher = threading.Thread(target=watch)
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join(60)
    over.set()
    watcher.join()
    assert [(run.status.state, run.status.attempt, len(worked(run))) for run in made] == [("finished", 1, 1)] * 4
    assert most == [1]


def test_ending_the_worker_ends_no_run(space: Workspace) -> None:
    run = space.submit("train", {"seconds": 2})
    rounds = iter([False, False, True])
    assert worker.serve(space, PRETENDER, ["cpu"], poll=0.01, stop=lambda: next(rounds)) == 1
    assert run.status.state in LIVE
    until(lambda: run.status.state == "finished")


def test_a_worker_tells_what_is_wrong_and_goes_on(space: Workspace) -> None:
    space.submit("train", {})
    (space.path / quotas.FILE).write_text("{")
    told: list[str] = []
    rounds = iter([False, False, True])
    worker.serve(space, PRETENDER, ["cpu"], poll=0.01, stop=lambda: next(rounds), tell=told.append)
    assert len(told) == 2 and "not readable as JSON" in told[0]
    with pytest.raises(RationaleEvalError):
        worker.serve(space, PRETENDER, ["cpu"], once=True)


def test_limits_of_time_and_disk_end_a_run(space: Workspace) -> None:
    """S20."""
    run = started(space, seconds=60)
    until(lambda: worked(run))
    (space.path / quotas.FILE).write_text('{"run_seconds": 0.05}')
    time.sleep(0.1)
    worker.look(space, PRETENDER, ["cpu"])
    until(lambda: run.status.state == "cancelled")
    (space.path / quotas.FILE).write_text('{"run_bytes": 100000}')
    resume(run)
    worker.start(run, PRETENDER, ["cpu"])
    until(lambda: len(worked(run)) == 2)
    told: list[str] = []
    worker.look(space, PRETENDER, ["cpu"], told.append)
    assert run.status.state == "running" and told == []
    (run.folder / "big").write_bytes(b"x" * 200_000)
    worker.look(space, PRETENDER, ["cpu"], told.append)
    until(lambda: run.status.state == "cancelled")
    assert "run_bytes" in told[0]


def test_start_says_whether_it_started(space: Workspace) -> None:
    first, second = space.submit("train", {"seconds": 30}), space.submit("train", {})
    assert worker.start(first, PRETENDER, ["cpu"]) is True
    assert worker.start(second, PRETENDER, ["cpu"]) is False
    assert second.status.state == "queued"
    with pytest.raises(UsageError, match="does not wait in the queue"):
        worker.start(first, PRETENDER, ["cpu"])
    cancel(first)


def test_paths_are_meant_from_where_the_run_was_asked_for(space: Workspace, quick: Path) -> None:
    here = Path.cwd()
    run = started(space, seconds=30)
    assert run.worker and os.readlink(f"/proc/{run.worker}/cwd") == str(here)
    cancel(run)


def test_the_environment_is_an_allow_list_without_secrets() -> None:
    """S22, S14."""
    given = {
        "PATH": "/bin",
        "HOME": "/h",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "0",
        "LC_ALL": "C",
        "RATIONALE_EVAL_WORKSPACE": "w",
        "HF_HOME": "/c",
        "HF_TOKEN": "hf_x",
        "HUGGING_FACE_HUB_TOKEN": "hf_x",
        "RATIONALE_EVAL_API_KEY": "k",
        "OPENAI_API_KEY": "sk",
        "AWS_SECRET_ACCESS_KEY": "a",
        "TORCH_TOKEN": "t",
        "LD_PRELOAD": "x.so",
        "PYTHONPATH": "/evil",
        "PYTHONSTARTUP": "/evil.py",
        "WHATEVER": "1",
    }
    kept = environment(given)
    wanted = {
        "PATH",
        "HOME",
        "OMP_NUM_THREADS",
        "CUDA_VISIBLE_DEVICES",
        "LC_ALL",
        "RATIONALE_EVAL_WORKSPACE",
        "HF_HOME",
    }
    assert kept.keys() == wanted | {"PYTHONPATH", "PYTHONSAFEPATH"}
    assert kept["PYTHONPATH"] == str(Path(launch.__file__).parents[2])


@pytest.mark.parametrize(
    ("visible", "devices"),
    [("", ("cpu",)), ("-1", ("cpu",)), ("0", ("cuda:0",)), ("2,5", ("cuda:0", "cuda:1"))],
)
def test_devices_are_counted_as_the_driver_shows_them(
    monkeypatch: pytest.MonkeyPatch, visible: str, devices: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert worker.local_devices() == devices


def test_the_first_request_to_cancel_counts(space: Workspace) -> None:
    run = space.create_run("train", {})
    cancelling.ask(run.folder, 1, by="ann")
    first = cancelling.since(run.folder, 1)
    cancelling.ask(run.folder, 1, by="ben")
    assert cancelling.since(run.folder, 1) == first
    assert cancelling.asked(run.folder, 1) == "cancelled by ann"
    assert cancelling.asked(run.folder, 2) is None
    assert first is not None and first.until(clock.now()) is not None
