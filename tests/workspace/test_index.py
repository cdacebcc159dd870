"""The index: rows as the folders say, numbers that are never ranked wrongly, and rebuilding."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rationale_eval.errors import UsageError
from rationale_eval.workspace.control import delete
from rationale_eval.workspace.index import SORTS, Index, rebuild
from rationale_eval.workspace.reconcile import reconcile
from rationale_eval.workspace.rows import flagged
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.status import StateChanged
from tests.helpers.queue_writers import snapshot


def row(space: Workspace, run: Run) -> Any:
    found = space.index.row(run.id)
    assert found is not None
    return found


def test_a_row_says_what_the_folder_says(space: Workspace) -> None:
    run = space.submit(
        "train",
        {"recipe": "unirex", "model": "embedded/minilm", "config": {"lr": 0.1}},
        data="sst2",
        fingerprint="ab",
        seed=7,
        device="cuda",
        priority=3,
        owner="ann",
        group="g1",
        title="a title",
        parent="20260101-000000-000-abcd",
    )
    found = row(space, run)
    assert (found.kind, found.state, found.recipe, found.model) == ("train", "queued", "unirex", "embedded/minilm")
    assert (found.data, found.fingerprint, found.seed, found.device) == ("sst2", "ab", 7, "cuda")
    assert (found.priority, found.position, found.owner, found.group_id) == (3, 1.0, "ann", "g1")
    assert (found.title, found.parent, found.config["config"]) == ("a title", "20260101-000000-000-abcd", {"lr": 0.1})
    assert (found.deleted, found.missing, found.problem, found.summary) == (False, False, None, None)


def test_work_in_the_foreground_is_followed(space: Workspace) -> None:
    run = space.create_run("evaluate", {"model": "m"})
    assert (row(space, run).state, row(space, run).priority) == ("queued", None)
    with run.working():
        assert (row(space, run).state, row(space, run).attempt) == ("running", 1)
        run.write_summary({"accuracy": 0.5})
    found = row(space, run)
    assert (found.state, found.summary, found.sequence) == ("finished", {"accuracy": 0.5}, run.status.sequence)
    assert found.started is not None and found.ended is not None


def test_a_failure_is_in_the_row(space: Workspace) -> None:
    run = space.create_run("evaluate", {})
    with pytest.raises(ValueError), run.working():
        raise ValueError("went wrong")
    assert (row(space, run).state, row(space, run).reason, row(space, run).message) == ("failed", "error", "went wrong")


def populated(space: Workspace) -> list[Run]:
    made = []
    for at in range(4):
        run = space.submit("train", {"at": at, "recipe": f"r{at % 2}"}, group="g" if at else None, seed=at)
        made.append(run)
        if at:
            with run.working():
                for step in range(3):
                    space.index.record(run, 1, step, {"loss": at - step / 10, "odd": math.nan, "up": math.inf})
                run.write_summary({"at": at})
    delete(made[3])
    return made


def test_a_rebuilt_index_is_equal_and_one_filled_from_scratch_too(space: Workspace) -> None:
    populated(space)
    before = snapshot(space)
    assert len(before[0]) == 4 and len(before[1]) == 27
    assert rebuild(space) == 4
    assert snapshot(space) == before
    (space.path / "index.sqlite").unlink()
    assert snapshot(space) == before
    assert before[0][3].deleted


def test_rows_can_be_chosen_and_sorted(space: Workspace) -> None:
    made = populated(space)
    ids = [run.id for run in made]
    index = space.index
    assert [one.id for one in index.rows()] == ids[:3]
    assert [one.id for one in index.rows(descending=True, limit=2)] == [ids[2], ids[1]]
    assert [one.id for one in index.rows(deleted=True)] == ids[3:]
    assert [one.id for one in index.rows(deleted=None, group="g")] == ids[1:]
    assert [one.id for one in index.rows(state="queued")] == ids[:1]
    assert [one.id for one in index.rows(state=("queued", "finished"))] == ids[:3]
    assert [one.id for one in index.rows(kind="extract")] == []
    assert [one.id for one in index.rows(sort="recipe", descending=True)] == [ids[1], ids[2], ids[0]]
    assert index.counts() == {"queued": 1, "finished": 2}
    for sort in SORTS:
        assert len(index.rows(sort=sort)) == 3


def test_only_known_columns_sort(space: Workspace) -> None:
    with pytest.raises(UsageError, match="cannot be sorted by 'id; drop"):
        space.index.rows(sort="id; drop table runs")


def test_reading_a_workspace_that_is_not_there_makes_nothing(space: Workspace) -> None:
    assert space.index.rows() == []
    reconcile(space)
    assert not space.path.exists()


numbers = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(values=[math.nan, 1.0, math.inf, -math.inf])
@example(values=[math.nan, -math.inf])
@given(values=st.lists(numbers, min_size=1, max_size=4))
def test_numbers_that_are_not_finite_are_kept_but_never_ranked(space: Workspace, values: list[float]) -> None:
    """N1: best, last, mean and the flags, against plain Python."""
    made = []
    for value in values:
        run = space.create_run("train", {})
        made.append(run.id)
        with run.working():
            space.index.record(run, 1, 1, {"score": value})
    index = space.index
    finite = [value for value in values if math.isfinite(value)]
    for direction, pick in (("higher", max), ("lower", min)):
        best = index.best("score", direction, made)  # type: ignore[arg-type]
        assert (best is None) == (not finite)
        assert best is None or best.value == pick(finite)
    mean, count = index.mean("score", made)
    assert count == len(finite)
    assert mean is None if not finite else mean == pytest.approx(sum(finite) / len(finite), nan_ok=True)
    last = index.last("score", made)
    for id, value in zip(made, values, strict=True):
        assert (last[id].value, last[id].flag) == flagged(value)
        assert last[id].number == value or (math.isnan(value) and math.isnan(last[id].number))
    rebuild(space)
    assert index.last("score", made) == last


def test_nan_is_shown_as_nan(space: Workspace) -> None:
    run = space.create_run("train", {})
    with run.working():
        space.index.record(run, 1, 1, {"a": math.nan, "b": -math.inf, "c": 0.25})
    assert [str(one) for one in space.index.metrics(run.id)] == ["NaN", "-inf", "0.25"]
    lines = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    assert lines[0] == {"step": 1, "name": "a", "value": None, "flag": "nan"}


def test_a_step_done_again_is_compared_and_never_overwritten(space: Workspace) -> None:
    run = space.create_run("train", {})
    with run.working():
        assert space.index.record(run, 1, 1, {"a": 1.0, "b": math.nan}) == []
        assert space.index.record(run, 1, 1, {"a": 1.0, "b": math.nan}) == []
        (difference,) = space.index.record(run, 1, 1, {"a": 1.0000001, "b": math.nan, "c": 3.0})
    assert (difference.name, difference.stored, difference.again) == ("a", 1.0, 1.0000001)
    assert [(one.name, one.value) for one in space.index.metrics(run.id)] == [("a", 1.0), ("b", None), ("c", 3.0)]
    assert len(run.metrics()) == 3


def test_rows_of_another_attempt_are_not_accepted(space: Workspace) -> None:
    run = space.create_run("train", {})
    with pytest.raises(StateChanged):
        space.index.record(run, 0, 1, {"a": 1.0})
    with run.working():
        for attempt in (0, 2):
            with pytest.raises(StateChanged, match=f"attempt {attempt} do not count"):
                space.index.record(run, attempt, 1, {"a": 1.0})
    with pytest.raises(StateChanged, match="is finished"):
        space.index.record(run, 1, 1, {"a": 1.0})
    assert space.index.metrics(run.id) == [] and run.metrics() == []


def test_lines_written_by_others_are_taken_in_from_where_reading_stopped(space: Workspace) -> None:
    run = space.create_run("train", {})
    run.metrics_file.write_text('{"step": 1, "name": "a", "value": 1.0}\n{"step": 2, "name": "a", "val')
    reconcile(space)
    assert [one.step for one in space.index.metrics(run.id)] == [1]
    with open(run.metrics_file, "a") as file:
        file.write('ue": 2.0}\n')
    reconcile(space)
    assert [one.step for one in space.index.metrics(run.id)] == [1, 2]
    run.metrics_file.write_text('{"step": 9, "name": "a", "value": 9.0}\n')
    reconcile(space)
    assert [one.step for one in space.index.metrics(run.id)] == [9]
    assert space.index.metrics(run.id, after=9) == [] == space.index.metrics(run.id, "b")


def test_a_line_that_only_the_folder_has_is_not_written_twice(space: Workspace) -> None:
    """As a writer leaves it that was killed between its two writes, with half of another line behind it."""
    run = space.create_run("train", {})
    with run.working():
        run.metrics_file.write_text('{"step": 1, "name": "a", "value": 1.0}\n{"step": 2, "na')
        assert space.index.record(run, 1, 1, {"a": 1.0}) == []
        (difference,) = space.index.record(run, 1, 1, {"a": 1.5, "b": 2.0})
        assert (difference.stored, difference.again) == (1.0, 1.5)
    expected = [{"step": 1, "name": "a", "value": 1.0}, {"step": 1, "name": "b", "value": 2.0}]
    assert run.metrics() == expected
    assert [(one.name, one.value) for one in space.index.metrics(run.id)] == [("a", 1.0), ("b", 2.0)]


def test_a_damaged_folder_hides_no_other_run(space: Workspace) -> None:
    fine, broken, odd = (space.create_run("train", {"i": i}) for i in range(3))
    (broken.folder / "status.json").write_text("{")
    (odd.folder / "config.json").write_bytes(b"\xff")
    odd.metrics_file.write_text("nonsense\n")
    rebuild(space)
    assert row(space, fine).problem is None
    assert (row(space, broken).state, row(space, broken).reason) == ("failed", "damaged")
    assert "damaged status.json" in row(space, broken).problem
    assert row(space, odd).state == "queued" and "config.json" in row(space, odd).problem


def test_odd_text_and_numbers_do_not_break_a_row(space: Workspace) -> None:
    run = space.create_run("train", {})
    config = {"recipe": "lone \ud800 surrogate", "model": ["a", 1], "n": 2**70}
    (run.folder / "config.json").write_text(json.dumps({"kind": "train", "config": config}))
    reconcile(space)
    found = row(space, run)
    assert "lone" in found.recipe and found.config["n"] == 2**70 and found.config["recipe"] == "lone \ud800 surrogate"


def test_what_goes_wrong_with_the_index_does_not_end_the_work(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rationale_eval.workspace.database import IndexFailed

    def fail(self: Index, run: Run) -> None:
        raise IndexFailed("the index is busy.")

    monkeypatch.setattr(Index, "follow", fail)
    run = space.create_run("train", {})
    with run.working():
        pass
    assert run.status.state == "finished"
    assert "does not know of this yet: the index is busy" in run.log_file.read_text()
    monkeypatch.undo()
    reconcile(space)
    assert row(space, run).state == "finished"


def test_opening_a_workspace_brings_no_database_library_along() -> None:
    code = "import sys, rationale_eval.workspace.runs; sys.exit('sqlalchemy' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_room_needs_no_torch() -> None:
    rooms = "control, database, index, launch, measures, queue, quotas, reconcile, worker"
    code = f"import sys; from rationale_eval.workspace import {rooms}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
