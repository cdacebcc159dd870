"""P16: nothing that matters depends on the time of day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from rationale_eval.workspace import clock, standing
from rationale_eval.workspace.queue import claim, waiting
from rationale_eval.workspace.reconcile import reconcile
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.status import Status

YEAR = timedelta(days=365)


class Clocks:
    """Both clocks, under control."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.day, self.seconds, self.boot = datetime(2026, 6, 1, tzinfo=UTC), 1000.0, "boot-1"
        monkeypatch.setattr(clock, "wall", lambda: self.day)
        monkeypatch.setattr(clock, "monotonic", lambda: self.seconds)
        monkeypatch.setattr(clock, "boot_id", lambda: self.boot)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


JUMPS: list[Callable[[datetime], datetime]] = [
    lambda day: day - YEAR,
    lambda day: day + YEAR,
    lambda day: day - timedelta(hours=1),
    lambda day: day,
]


def test_ids_and_lists_keep_the_order_of_making_whatever_the_clock_does(space: Workspace, clocks: Clocks) -> None:
    made = []
    for at in range(12):
        clocks.day = JUMPS[at % 4](clocks.day)
        made.append(space.submit("train", {"at": at}).id)
    assert made == sorted(made) and len(set(made)) == 12
    assert [one.id for one in space.runs()] == made
    assert [row.id for row in space.index.rows()] == made
    assert [row.id for row in waiting(space)] == made
    latest = space.latest()
    assert latest is not None and latest.id == made[-1]


@pytest.mark.parametrize("jump", JUMPS)
def test_durations_are_of_the_monotonic_clock(
    space: Workspace, clocks: Clocks, jump: Callable[[datetime], datetime]
) -> None:
    one = space.create_run("train", {})
    with one.working():
        clocks.day, clocks.seconds = jump(clocks.day), clocks.seconds + 12.5
    assert one.status.seconds == 12.5
    row = space.index.row(one.id)
    assert row is not None and row.seconds == 12.5


def test_time_spent_adds_up_over_attempts_and_boots(space: Workspace, clocks: Clocks) -> None:
    one = space.create_run("train", {})
    for seconds in (5.0, 7.0):
        with pytest.raises(KeyboardInterrupt), one.working():
            clocks.seconds += seconds
            raise KeyboardInterrupt
        clocks.boot, clocks.seconds = "boot-2", 3.0
    assert one.status.seconds == 12.0


@pytest.mark.parametrize("jump", JUMPS)
def test_a_claim_expires_by_the_monotonic_clock_alone(
    space: Workspace, clocks: Clocks, jump: Callable[[datetime], datetime]
) -> None:
    one = space.submit("train", {})
    assert claim(space, ["cpu"]) == one
    clocks.day, clocks.seconds = jump(clocks.day), clocks.seconds + standing.CLAIM_SECONDS - 1
    assert one.status.state == "starting" and not reconcile(space).requeued
    clocks.seconds += 2
    assert one.status.state == "queued"
    assert reconcile(space).requeued == (one.id,)
    assert reconcile(space).requeued == ()
    row = space.index.row(one.id)
    assert row is not None and row.state == "queued"


def test_a_restart_of_the_machine_ends_a_claim_at_once(space: Workspace, clocks: Clocks) -> None:
    one = space.submit("train", {})
    claim(space, ["cpu"])
    clocks.boot = "boot-2"
    assert one.status.state == "queued"
    assert claim(space, ["cpu"]) is None, "the index does not know yet"
    reconcile(space)
    assert claim(space, ["cpu"]) == one
    assert (one.status.attempt, one.status.misses) == (2, 1)


def test_claims_that_nobody_takes_up_end_in_failure(space: Workspace, clocks: Clocks) -> None:
    one = space.submit("train", {})
    for _ in range(standing.MAX_MISSES):
        assert claim(space, ["cpu"]) == one
        clocks.seconds += standing.CLAIM_SECONDS + 1
        reconcile(space)
    assert (one.status.state, one.status.reason) == ("failed", "never started")
    assert claim(space, ["cpu"]) is None


def test_work_taken_up_clears_the_count_of_misses() -> None:
    status = Status("queued")
    for state in ("starting", "queued", "starting"):
        status = status.then(state, at="", claim="cpu" if state == "starting" else None)  # type: ignore[arg-type]
    assert status.misses == 1
    assert status.then("running", at="").misses == 0


def test_a_run_made_but_never_begun_is_left_behind_after_an_hour(space: Workspace, clocks: Clocks) -> None:
    one, queued = space.create_run("train", {}), space.submit("train", {})
    clocks.seconds += standing.UNBEGUN_SECONDS - 1
    assert one.status.state == "queued"
    clocks.seconds += 2
    assert (one.status.state, queued.status.state) == ("interrupted", "queued")


def test_stalled_is_told_by_the_monotonic_clock_and_the_pace(space: Workspace, clocks: Clocks) -> None:
    one = space.create_run("train", {})
    with one.working():
        for step in range(1, 6):
            clocks.seconds += 10
            one.beat(step, 100, "on it")
        progress = one.progress
        assert progress is not None and (progress.step, progress.pace, progress.attempt) == (5, 10.0, 1)
        assert progress.seconds_left == 950
        clocks.day += YEAR
        clocks.seconds += 199
        assert not one.stalled
        clocks.seconds += 2
        assert one.stalled and one.status.state == "running"
    assert not one.stalled


def test_beats_are_written_at_most_twice_a_second_and_at_the_end(space: Workspace, clocks: Clocks) -> None:
    one = space.create_run("train", {})
    with one.working():
        written = []
        for step in range(1, 101):
            clocks.seconds += 0.05
            one.beat(step, 100)
            now = one.progress
            assert now is not None
            written.append(now.step)
    assert len(set(written)) <= 12
    assert written[-1] == 100
