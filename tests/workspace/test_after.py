"""A queued run that needs the result of another one: it waits for it, and says so when that will not come."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest

from rationale_eval.errors import UsageError
from rationale_eval.workspace import after, worker
from rationale_eval.workspace.control import cancel, delete, restore, resume
from rationale_eval.workspace.queue import claim, reorder
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace


class Here:
    """A launcher that does the work at once, in this process."""

    def __init__(self, workspace: Workspace, fail: tuple[str, ...] = ()):
        self.workspace, self.fail, self.started = workspace, fail, list[str]()

    def start(self, run_id: str, workspace: Path) -> None:
        self.started.append(run_id)
        run = self.workspace.get(run_id)
        try:
            with run.working(launched=True):
                if run.config["name"] in self.fail:
                    raise ValueError("the numbers were not finite")
        except ValueError:
            pass


def chain(space: Workspace, names: str = "abc") -> dict[str, Run]:
    made: dict[str, Run] = {}
    for name in names:
        before = [list(made.values())[-1].id] if made else []
        made[name] = space.submit("train", {"name": name}, after=before)
    return made


def test_a_run_begins_when_what_it_needs_is_finished(space: Workspace) -> None:
    made = chain(space)
    reorder(made["c"], priority=9)  # however important it is
    assert claim(space, ["cpu"]) == made["a"]
    assert claim(space, ["cpu", "cuda:0"]) is None
    with made["a"].working(launched=True):
        assert claim(space, ["cuda:0"]) is None
    assert claim(space, ["cpu"], made["c"].id) is None
    assert claim(space, ["cpu"]) == made["b"]


def test_what_was_put_elsewhere_in_the_queue_still_waits(space: Workspace) -> None:
    made = chain(space)
    reorder(made["b"], before=made["a"])
    assert (made["b"].place or {})["after"] == [made["a"].id]
    assert claim(space, ["cpu"]) == made["a"]


def test_a_worker_goes_down_the_chain_and_ends(space: Workspace) -> None:
    made = chain(space)
    here = Here(space)
    assert worker.serve(space, here, ["cpu"], once=True, poll=0.01) == 3
    assert here.started == [run.id for run in made.values()]


def test_if_one_fails_the_others_say_so_and_nobody_waits_in_vain(space: Workspace) -> None:
    made, said = chain(space), list[str]()
    other = space.submit("train", {"name": "other"})
    assert worker.serve(space, Here(space, fail=("a",)), ["cpu"], once=True, poll=0.01, tell=said.append) == 2
    assert [run.status.state for run in made.values()] == ["failed"] * 3
    assert other.status.state == "finished"
    b, c = made["b"].status, made["c"].status
    assert b.reason == c.reason == after.REASON
    assert b.message == f"it needs run {made['a'].id}, which failed; resume that one first, then this one"
    assert c.message == f"it needs run {made['b'].id}, which failed; resume that one first, then this one"
    assert sum(made["a"].id in line and "it needs" in line for line in said) == 1
    row = space.index.row(made["c"].id)
    assert row is not None and (row.state, row.message) == ("failed", c.message)


def test_the_chain_goes_on_once_the_failed_one_is_resumed(space: Workspace) -> None:
    made = chain(space)
    worker.serve(space, Here(space, fail=("a",)), ["cpu"], once=True, poll=0.01)
    with pytest.raises(UsageError, match=f"it needs run {made['a'].id}, which failed"):
        resume(made["b"])
    for name in "abc":
        resume(made[name])
    here = Here(space)
    worker.serve(space, here, ["cpu"], once=True, poll=0.01)
    assert here.started == [run.id for run in made.values()]
    assert {run.status.state for run in made.values()} == {"finished"}


@pytest.mark.parametrize("how", ["cancelled", "deleted", "interrupted"])
def test_a_run_that_stopped_in_another_way_is_not_waited_for_either(how: str, space: Workspace) -> None:
    made = chain(space, "ab")
    if how == "interrupted":
        with pytest.raises(KeyboardInterrupt), made["a"].working():
            raise KeyboardInterrupt
    else:
        cancel(made["a"])
        if how == "deleted":
            delete(made["a"])
    worker.look(space, Here(space), ["cpu"])
    assert made["b"].status.state == "failed"
    assert how in (made["b"].status.message or "")
    if how == "deleted":
        restore(space, made["a"].id)
        resume(made["a"])
        resume(made["b"])
        assert worker.serve(space, Here(space), ["cpu"], once=True, poll=0.01) == 2


def test_a_worker_does_not_wait_for_what_it_cannot_start(space: Workspace) -> None:
    """The training waits for a GPU that is not here; the evaluation behind it could run here, but not yet."""
    made = space.submit("train", {"name": "a"}, device="cuda")
    space.submit("evaluate", {"name": "b"}, after=[made.id])
    assert worker.serve(space, Here(space), ["cpu"], once=True, poll=0.01) == 0


def test_a_worker_waits_for_what_works_elsewhere(space: Workspace) -> None:
    first = space.create_run("train", {"name": "in the foreground"})
    needing = space.submit("evaluate", {"name": "b"}, after=[first.id])
    looks = 0

    def stop() -> bool:
        nonlocal looks
        looks += 1
        return looks > 5

    with first.working():
        assert worker.serve(space, Here(space), ["cpu"], once=True, poll=0.01, stop=stop) == 0
    assert looks == 6, "it would have waited on"
    assert worker.serve(space, Here(space), ["cpu"], once=True, poll=0.01) == 1
    assert needing.status.state == "finished"


def test_a_run_that_does_not_exist_cannot_be_waited_for(space: Workspace) -> None:
    with pytest.raises(UsageError, match="there is no run"):
        space.submit("train", {}, after=["20260101-000000-000-abcd"])
    assert space.runs() == []


def _claimer(folder: Path, needing: str, needed: str, gate: Any, answers: Any) -> None:
    space = Workspace(folder)
    space.index.rows(limit=1)
    gate.wait(30)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        run = claim(space, ["cpu", "cuda:0", "cuda:1"], needing)
        if run is not None:
            answers.put(space.get(needed).stored.state)
            return
        if space.get(needing).stored.state != "queued":
            answers.put("lost")
            return
    answers.put("never")


def test_no_race_lets_a_run_begin_before_what_it_needs(space: Workspace) -> None:
    """Three claim the second run over and over while the first one ends: one of them gets it, and only then."""
    context = multiprocessing.get_context("fork")
    for _ in range(4):
        first = space.submit("train", {})
        second = space.submit("evaluate", {}, after=[first.id])
        gate, answers = context.Barrier(4), context.Queue()
        started = [
            context.Process(target=_claimer, args=(space.path, second.id, first.id, gate, answers), daemon=True)
            for _ in range(3)
        ]
        for process in started:
            process.start()
        claimed = claim(space, ["cuda:3"], first.id)
        assert claimed == first
        with first.working(launched=True):
            gate.wait(30)
            time.sleep(0.02)
        said = sorted(answers.get(timeout=60) for _ in started)
        for process in started:
            process.join(10)
        assert said == ["finished", "lost", "lost"]
        with second.working(launched=True):
            pass


def test_a_run_is_told_apart_from_one_that_waits_for_nothing(space: Workspace) -> None:
    run = space.submit("train", {})
    assert "after" not in json.loads((run.folder / "queue.json").read_text())
    assert after.needs(run).met
