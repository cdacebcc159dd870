"""The queue: order, places, limits, devices."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rationale_eval.errors import InputError, UsageError
from rationale_eval.workspace import quotas
from rationale_eval.workspace.control import cancel, delete, purge, restore, resume, retry
from rationale_eval.workspace.queue import claim, fits, reorder, waiting
from rationale_eval.workspace.quotas import Quotas, size_of
from rationale_eval.workspace.reconcile import Reconciled, reconcile
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace


def order(space: Workspace) -> list[str]:
    return [row.id for row in waiting(space)]


def limit(space: Workspace, **limits: Any) -> None:
    (space.path / quotas.FILE).write_text(json.dumps(limits))


def test_priority_goes_first_and_then_who_came_first(space: Workspace) -> None:
    made = [space.submit("train", {"i": i}, priority=priority) for i, priority in enumerate([0, 5, 0, 5, -1])]
    assert order(space) == [made[i].id for i in (1, 3, 0, 2, 4)]
    claimed = []
    while run := claim(space, ["cpu"]):
        claimed.append(run.id)
        with run.working(launched=True):
            pass
    assert claimed == [made[i].id for i in (1, 3, 0, 2, 4)]


def test_places_can_be_changed(space: Workspace) -> None:
    a, b, c = (space.submit("train", {}) for _ in range(3))
    reorder(c, before=a)
    assert order(space) == [c.id, a.id, b.id]
    reorder(b, before=a)
    assert order(space) == [c.id, b.id, a.id]
    reorder(c, last=True)
    assert order(space) == [b.id, a.id, c.id]
    reorder(c, priority=1)
    assert order(space) == [c.id, b.id, a.id]
    reorder(a, before=c)
    assert order(space) == [a.id, c.id, b.id]
    assert (a.place or {})["priority"] == 1
    with a.working(), pytest.raises(UsageError, match="not waiting"):
        reorder(a, priority=3)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12))
def test_any_moves_end_in_the_order_of_a_plain_list(space: Workspace, moves: list[tuple[int, int]]) -> None:
    for run in space.runs():
        shutil.rmtree(run.folder)
    reconcile(space)
    made = [space.submit("train", {"i": i}) for i in range(5)]
    plain = [run.id for run in made]
    for moved, before in moves:
        if moved != before:
            reorder(made[moved], before=made[before])
            plain.remove(made[moved].id)
            plain.insert(plain.index(made[before].id), made[moved].id)
    assert order(space) == plain


def test_there_is_always_a_place_between_two_runs(space: Workspace) -> None:
    """Halving the gap ends after some fifty moves; submitting at the same moment begins without a gap."""
    a, x, y = (space.submit("train", {}) for _ in range(3))
    for run in (x, y):
        (run.folder / "queue.json").write_text((a.folder / "queue.json").read_text())
    reconcile(space)
    for _ in range(70):
        for mover, other in ((x, y), (y, x)):
            reorder(mover, before=a)
            assert order(space) == [other.id, mover.id, a.id] or order(space) == [mover.id, a.id, other.id]
    assert order(space) == [x.id, y.id, a.id]


def test_a_run_for_the_foreground_is_never_claimed(space: Workspace) -> None:
    space.create_run("train", {})
    assert claim(space, ["cpu"]) is None and order(space) == []


@pytest.mark.parametrize(
    ("wanted", "device", "fit"),
    [
        ("auto", "cpu", True),
        (None, "cuda:1", True),
        ("cpu", "cuda:0", False),
        ("cuda", "cuda:3", True),
        ("cuda", "cpu", False),
        ("cuda:1", "cuda:1", True),
        ("cuda:1", "cuda:10", False),
    ],
)
def test_a_run_fits_the_device_it_asks_for(wanted: str | None, device: str, fit: bool) -> None:
    assert fits(wanted, device) is fit


def test_one_run_a_device_unless_more_are_allowed(space: Workspace) -> None:
    made = [space.submit("train", {}, device=device) for device in ("cpu", "cpu", "cuda", "cuda:0", "auto")]
    devices = ("cpu", "cuda:0", "cuda:1")
    claimed = [claim(space, devices) for _ in range(4)]
    assert [run and run.id for run in claimed] == [made[0].id, made[2].id, made[4].id, None]
    assert [run.stored.device for run in claimed if run] == ["cpu", "cuda:0", "cuda:1"]
    limit(space, per_device=2)
    again = [claim(space, devices) for _ in range(3)]
    assert [run and run.id for run in again] == [made[1].id, made[3].id, None]


def test_a_claim_names_one_run(space: Workspace) -> None:
    first, second = space.submit("train", {}), space.submit("train", {})
    assert claim(space, ["cpu"], second.id) == second
    assert claim(space, ["cpu"], second.id) is None
    assert first.status.state == "queued"


def test_the_folder_decides_when_the_index_is_behind(space: Workspace) -> None:
    run, other = space.submit("train", {}), space.submit("train", {})
    run.move("cancelled", follow=False)
    assert order(space) == [run.id, other.id], "the index still believes it is queued"
    assert claim(space, ["cpu"]) == other
    row = space.index.row(run.id)
    assert row is not None and row.state == "cancelled"


def test_a_claim_passes_over_a_folder_that_is_gone(space: Workspace) -> None:
    run, other = space.submit("train", {}), space.submit("train", {})
    shutil.rmtree(run.folder)
    assert claim(space, ["cpu"]) == other
    row = space.index.row(run.id)
    assert row is not None and row.missing


def test_the_queue_has_a_length(space: Workspace) -> None:
    space.prepare()
    limit(space, queue_length=2)
    first = space.submit("train", {})
    space.submit("train", {})
    with pytest.raises(UsageError, match="2 runs are waiting and the queue holds 2"):
        space.submit("train", {})
    assert len(space.runs()) == 2
    cancel(first)
    space.submit("train", {})
    with pytest.raises(UsageError, match="queue_length"):
        resume(first)


def test_disk_limits(space: Workspace) -> None:
    space.prepare()
    run = space.submit("train", {})
    (run.folder / "big").write_bytes(b"x" * 200_000)
    assert size_of(run.folder) >= 200_000
    limit(space, total_bytes=100_000)
    with pytest.raises(UsageError, match="total_bytes"):
        space.submit("train", {})
    limit(space, free_bytes=10**18)
    with pytest.raises(UsageError, match="free_bytes"):
        space.submit("train", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"queue": 3}', "unknown limit"),
        ('{"queue_length": "3"}', "a number"),
        ('{"queue_length": null}', "a number"),
        ('{"per_device": -1}', "a number"),
        ('{"per_device": true}', "a number"),
        ("[]", "one JSON object"),
        ("{", "not readable as JSON"),
    ],
)
def test_limits_that_cannot_be_read_are_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / quotas.FILE).write_text(text)
    with pytest.raises(InputError, match=said):
        Quotas.of(tmp_path)


def test_default_limits(tmp_path: Path) -> None:
    assert (Quotas.of(tmp_path).queue_length, Quotas.of(tmp_path).per_device) == (50, 1)
    (tmp_path / quotas.FILE).write_text('{"run_seconds": null, "queue_length": 7}')
    assert Quotas.of(tmp_path) == Quotas(queue_length=7)


def test_a_run_knows_only_what_belongs_to_it(space: Workspace) -> None:
    with pytest.raises(UsageError, match="no 'colour'"):
        space.submit("train", {}, colour="red")


def test_resume_goes_to_the_end_of_the_queue(space: Workspace) -> None:
    run, other = space.submit("train", {}), space.submit("train", {})
    with pytest.raises(KeyboardInterrupt), run.working():
        raise KeyboardInterrupt
    assert resume(run) == run
    assert order(space) == [other.id, run.id]
    assert (run.status.state, run.status.attempt) == ("queued", 1)
    assert claim(space, ["cpu"], run.id) == run
    with run.working(launched=True):
        assert run.status.attempt == 2


def test_what_cannot_be_resumed_says_so(space: Workspace) -> None:
    run = space.submit("train", {})
    with pytest.raises(UsageError, match="queued already"):
        resume(run)
    with run.working(), pytest.raises(UsageError, match="is running"):
        resume(run)
    with pytest.raises(UsageError, match="finished; start a new one with retry"):
        resume(run)


def test_a_run_that_was_made_and_never_begun_can_be_queued(space: Workspace) -> None:
    run = space.create_run("train", {})
    resume(run)
    assert order(space) == [run.id]


def test_retry_asks_for_the_same_with_changes(space: Workspace) -> None:
    old = space.submit(
        "train",
        {"recipe": "r", "config": {"lr": 1, "size": 2}},
        data="d",
        fingerprint="f",
        seed=4,
        title="t",
        group="g",
    )
    with old.working():
        pass
    new = retry(old, {"config.lr": 3, "seed": 5, "new.inner": True}, owner="ben")
    assert new.config == {"recipe": "r", "config": {"lr": 3, "size": 2}, "seed": 5, "new": {"inner": True}}
    assert old.config == {"recipe": "r", "config": {"lr": 1, "size": 2}}
    about = [new.asked[name] for name in ("parent", "title", "group", "owner")]
    assert about == [old.id, "t", "g", "ben"]
    assert [new.provenance[name] for name in ("data", "data_fingerprint", "seed")] == ["d", "f", 5]
    assert new.status.state == "queued"
    with pytest.raises(UsageError, match="'recipe' of that run is 'r'"):
        retry(old, {"recipe.x": 1})


def test_deleting_is_undone_by_restoring(space: Workspace) -> None:
    run, other = space.submit("train", {}), space.submit("train", {})
    delete(run, by="ann")
    assert not run.folder.exists() and order(space) == [other.id]
    assert [row.id for row in space.index.rows(deleted=True)] == [run.id]
    assert reconcile(space) == Reconciled()
    again = restore(space, run.id)
    assert again.status.state == "queued" and order(space) == [run.id, other.id]
    assert not (again.folder / "deleted.json").exists()
    with pytest.raises(UsageError, match="not in the trash"):
        restore(space, run.id)
    for id in ("", "..", "a/b"):
        with pytest.raises(UsageError, match="not in the trash"):
            purge(space, id)


def test_a_live_run_is_not_deleted(space: Workspace) -> None:
    run = space.create_run("train", {})
    with run.working(), pytest.raises(UsageError, match="cancel it first"):
        delete(Run(run.folder))
    claimed = space.submit("train", {})
    claim(space, ["cpu"])
    with pytest.raises(UsageError, match="cancel it first"):
        delete(claimed)
    assert run.status.state == "finished" and claimed.folder.exists()


def test_purging_removes_for_good(space: Workspace) -> None:
    run = space.create_run("train", {})
    with run.working():
        space.index.record(run, 1, 1, {"a": 1.0})
    delete(run)
    purge(space, run.id)
    assert space.index.rows(deleted=None) == [] and space.index.metrics(run.id) == []
    assert not list((space.path / "trash").iterdir())
