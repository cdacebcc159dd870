"""P10 and the loss of rows: many processes at once, on one queue and one index.

The numbers here are small; `benchmarks/reliability` runs the same functions with the full ones
(`RATIONALE_EVAL_RACES` and `RATIONALE_EVAL_ROWS` raise them here too).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace import runs
from rationale_eval.workspace.control import cancel, delete, resume
from rationale_eval.workspace.index import rebuild
from rationale_eval.workspace.queue import claim
from rationale_eval.workspace.reconcile import Reconciled, reconcile
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.schema import runs as table
from rationale_eval.workspace.standing import Standing
from rationale_eval.workspace.status import Status
from tests.helpers.queue_kills import killed_at, named_points
from tests.helpers.queue_races import Tally, judge
from tests.helpers.queue_writers import snapshot

RACES = int(os.environ.get("RATIONALE_EVAL_RACES", "60"))
ROWS = int(os.environ.get("RATIONALE_EVAL_ROWS", "40"))


@pytest.fixture
def space(quick: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(runs, "provenance", lambda **given: {"created": None, "data": given["data"]})
    return Workspace(quick / "space")


def script(name: str, *words: object) -> dict[str, Any]:
    """Runs a helper in a process of its own, which has no threads when it forks; its tally."""
    command = [sys.executable, "-m", f"tests.helpers.{name}", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_exactly_one_process_gets_each_run(quick: Path) -> None:
    tally = script("queue_races", quick / "space", RACES, 3)
    assert tally["wrong"] == []
    assert (tally["races"], tally["winners"], tally["losers"]) == (RACES, RACES, 2 * RACES)


def test_the_judge_of_races_sees_two_winners_and_traces(space: Workspace) -> None:
    run = space.submit("train", {})
    for _ in range(2):
        with open(run.folder / "worked", "a") as file:
            file.write("once\n")
    with run.working():
        pass
    tally = Tally()
    judge(tally, run, ["won", "won", "lost"], "a")
    judge(tally, run, ["won", "lost", "lost"], "b")
    (run.folder / "worked").write_text("once\n")
    judge(tally, run, ["won", "lost", "lost"], "c")
    judge(tally, run, ["won", "lost", "ValueError"], "d")
    assert [problem[0] for problem in tally.wrong] == ["a", "b", "d"]


def test_no_row_is_lost_or_doubled_when_writers_are_killed(quick: Path) -> None:
    kills = 24
    tally = script("queue_writers", quick / "space", ROWS, kills, 7)
    assert tally["wrong"] == []
    assert (tally["lost"], tally["duplicate"]) == (0, 0)
    assert tally["rows"] == tally["acknowledged"] == 8 * ROWS
    assert tally["kills"] >= kills // 3, "it was over before it was struck"


def test_a_writer_killed_at_any_point_of_a_record_leaves_it_whole_or_absent(space: Workspace) -> None:
    def record(run: Run) -> None:
        with run.working():
            space.index.record(run, run.stored.attempt, 1, {"a": 1.0, "b": float("inf")})

    first = space.create_run("train", {})
    points = named_points(lambda: record(first))
    assert {"metrics.appended:1", "append.written:1", "run.leased:1", "run.running:1"} <= set(points)
    for point in points:
        run = space.create_run("train", {})
        killed_at(lambda run=run: record(run), point)
        reconcile(space)
        steps = [(row.step, row.name) for row in space.index.metrics(run.id)]
        assert steps in ([], [(1, "a"), (1, "b")]), point
        if run.status.state != "finished":
            assert run.status.state in ("interrupted", "queued"), point
            record(run)
        assert [(row.step, row.name) for row in space.index.metrics(run.id)] == [(1, "a"), (1, "b")], point
        assert len(run.metrics()) == 2, point
        before = snapshot(space)
        rebuild(space)
        assert snapshot(space) == before, point


def everything_of_a_run(space: Workspace, id: list[str]) -> None:
    """Submit, claim, work, stop, cancel, resume, work to the end, delete."""
    run = space.submit("train", {})
    id.append(run.id)
    (space.path / "id").write_text(run.id)
    assert claim(space, ["cpu"], run.id) == run
    with pytest.raises(KeyboardInterrupt), run.working(launched=True):
        space.index.record(run, 1, 1, {"a": 1.0})
        raise KeyboardInterrupt
    resume(run)
    cancel(run)
    resume(run)
    claim(space, ["cpu"], run.id)
    with run.working(launched=True):
        space.index.record(run, 2, 2, {"a": 2.0})
        run.write_summary({"a": 2.0})
    delete(run)


def test_a_kill_at_any_named_point_of_a_life_leaves_one_truth(space: Workspace) -> None:
    """Between any two writes to folder and index: afterwards both agree, nothing is stuck, and the run can go on."""
    ids: list[str] = []
    space.prepare()
    space.index.rows()
    points = named_points(lambda: everything_of_a_run(space, ids))
    mine = [point for point in points if point.split(".")[0] in ("run", "index", "queue", "metrics", "cancel")]
    assert {point.split(":")[0] for point in mine} >= {
        "run.described",
        "run.created",
        "run.moved",
        "run.leased",
        "run.running",
        "run.deleted",
        "queue.claimed",
        "queue.folder_claimed",
        "index.followed",
        "index.written",
        "index.committed",
        "metrics.appended",
    }
    chosen = mine if os.environ.get("RATIONALE_EVAL_RACES") else random.Random(3).sample(mine, min(25, len(mine)))
    for point in chosen:
        killed_at(lambda: everything_of_a_run(space, []), point)
        reconcile(space)
        assert reconcile(space) == Reconciled(), point
        before = snapshot(space)
        for row in before[0]:
            if not row.deleted:
                assert row.state == Run(space.path / "runs" / row.id).status.state, point
        rebuild(space)
        assert snapshot(space) == before, point
        for run in space.runs():
            finish(space, run, point)


def finish(space: Workspace, run: Run, point: str) -> None:
    """A run that was struck must come to its end by ordinary means."""
    if run.status.state == "starting":  # claimed; a process may still take it up
        with run.working(launched=True):
            pass
    elif run.status.state != "finished":
        if run.status.state != "queued":
            resume(run)
        assert claim(space, ["cpu"], run.id) == run, f"{point}: {run.status}"
        with run.working(launched=True):
            pass
    assert run.status.state == "finished", point


def test_a_thousand_stale_runs_are_reconciled_in_a_second(space: Workspace) -> None:
    """P15."""
    first = space.submit("train", {"text": "x" * 500})
    first.move("starting", claim="cpu")
    with open(first.metrics_file, "w") as file:
        file.write('{"step": 1, "name": "a", "value": 1.0}\n' * 1)
    stored = first.stored.to_json() | {"state": "running", "sequence": 2, "claimed": False}
    root = first.folder.parent
    for at in range(1000):
        folder = root / f"20300101-000000-{at % 1000:03d}-{at:04x}"
        folder.mkdir()
        for name in ("config.json", "provenance.json", "queue.json"):
            os.link(first.folder / name, folder / name)
        (folder / "status.json").write_text(json.dumps(stored))
    # All of them new to the index, then all of them stale: their processes held the lease when last seen.
    rebuild(space)
    space.index.database.write(
        lambda connection: connection.execute(table.update().values(state="running", sequence=2))
    )
    began = time.perf_counter()
    found = reconcile(space)
    seconds = time.perf_counter() - began
    assert len(found.ended) == 1000 and found.synced == ()
    assert space.index.counts() == {"interrupted": 1000, "starting": 1}
    assert seconds < 1.0 or os.getloadavg()[0] > 2 * (os.cpu_count() or 1), f"{seconds:.2f} s"
    busy = time.process_time()
    assert reconcile(space) == Reconciled()
    assert time.process_time() - busy < 1.0


def test_a_stale_run_is_read_once_while_others_are_kept_waiting(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every reading of a folder inside the transaction is time in which nobody else may write."""
    stale = [space.submit("train", {}) for _ in range(3)]
    for run in stale:
        run.move("starting", claim="cpu")
        status = run.stored.to_json() | {"state": "running", "claimed": False}
        (run.folder / "status.json").write_text(json.dumps(status))
    rebuild(space)
    space.index.database.write(lambda connection: connection.execute(table.update().values(state="running")))
    looks: list[Path] = []
    inner = Standing.of

    def of(self: Standing, stored: Status) -> Status:
        looks.append(self.folder)
        return inner(self, stored)

    monkeypatch.setattr(Standing, "of", of)
    assert sorted(reconcile(space).ended) == [run.id for run in stale]
    # One more, before the transaction, says that there is something to do.
    assert len(looks) == len(stale) + 1


def leave_alone(run: Run) -> None:
    """Works until it is killed."""
    with run.working():
        time.sleep(60)


def end_by_signal(run: Run) -> str:
    child = os.fork()
    if child == 0:
        leave_alone(run)
        os._exit(0)
    while run.stored.state != "running":
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    # Not waited for yet: a zombie still has its id, and kill(pid, 0) succeeds.
    while run.worker is not None:
        time.sleep(0.005)
    os.kill(child, 0)
    state = run.status.state
    os.waitpid(child, 0)
    return state


def test_a_zombie_is_not_taken_for_a_worker(space: Workspace) -> None:
    """P12."""
    assert end_by_signal(space.create_run("train", {})) == "interrupted"


def test_an_orphaned_child_does_not_keep_the_lease(space: Workspace) -> None:
    """P13, M10."""
    run = space.create_run("train", {})
    child = os.fork()
    if child == 0:
        with run.working():
            orphan = os.fork()
            if orphan == 0:
                time.sleep(60)
                os._exit(0)
            (run.folder / "orphan").write_text(str(orphan))
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    orphan = int((run.folder / "orphan").read_text())
    try:
        os.kill(orphan, 0)
        assert run.worker is None
        assert run.status.state == "interrupted"
        with run.working():
            pass
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_a_process_id_is_never_evidence(space: Workspace) -> None:
    """P11: another process has the id of the one that died."""
    run = space.create_run("train", {})
    end_by_signal(run)
    (run.folder / "pid").write_text(str(os.getpid()))
    assert run.worker is None
    assert (run.status.state, cancel(run).state) == ("interrupted", "interrupted")


CONTEST: list[Callable[[Workspace, Run], object]] = [
    lambda space, run: cancel(run),
    lambda space, run: claim(space, ["cpu"], run.id),
    lambda space, run: delete(run),
    lambda space, run: reconcile(space),
]


def test_contradicting_wishes_at_the_same_moment_end_in_one_state(space: Workspace) -> None:
    for _ in range(8):
        run = space.submit("train", {})
        children = []
        for wish in CONTEST:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    wish(space, run)
                    code = 0
                except RationaleEvalError:
                    code = 0
                finally:
                    os._exit(code)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(CONTEST)
        reconcile(space)
        row = space.index.row(run.id)
        assert row is not None and not row.missing
        folder = space.path / ("trash" if row.deleted else "runs") / run.id
        assert folder.is_dir() and Run(folder).status.state == row.state
        assert row.state in ("cancelled", "queued", "starting")
        if row.state == "starting":
            assert not row.deleted, "a claimed run was thrown away"
            cancel(run)
