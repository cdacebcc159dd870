"""One look at the runs serves all sessions for a while, and never hides what was changed here."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rationale_eval.desk import listing
from rationale_eval.desk.listing import Listing
from rationale_eval.workspace.runs import Workspace


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path / "workspace")
    found.submit("train", {"data": "bundled/nli"}, title="one")
    return found


def test_an_answer_serves_until_it_is_old_or_something_changed(place: Workspace) -> None:
    now = 0.0
    shared, fresh = Listing(1.0, lambda: now), Listing()
    assert len(shared.runs(place)) == len(fresh.runs(place)) == 1
    place.submit("train", {"data": "bundled/nli"}, title="two")
    assert len(shared.runs(place)) == 1 and len(fresh.runs(place)) == 2
    assert len(shared.runs(place, ("queued",))) == 2, "another question has an answer of its own"
    shared.forget()
    assert len(shared.runs(place)) == 2
    place.submit("train", {"data": "bundled/nli"}, title="three")
    now = 1.0
    assert len(shared.runs(place)) == 3
    shared.runs(place).clear()
    assert len(shared.runs(place)) == 3, "each has a list of its own"


def test_many_who_ask_at_once_are_one_look(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, answers = [], []
    inner = listing.list_runs

    def slow(*args, **wanted):
        looked.append(1)
        threading.Event().wait(0.2)
        return inner(*args, **wanted)

    monkeypatch.setattr(listing, "list_runs", slow)
    shared = Listing(60.0)
    people = [threading.Thread(target=lambda: answers.append(shared.runs(place, kind="train"))) for _ in range(8)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert len(looked) == 1 and [len(each) for each in answers] == [1] * 8


def test_a_workspace_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert Listing(1.0).runs(Workspace(tmp_path / "none")) == []


def test_an_answer_that_a_change_overtook_is_not_kept(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = listing.list_runs
    shared = Listing(60.0)

    def overtaken(*args, **wanted):
        found = inner(*args, **wanted)
        monkeypatch.undo()
        place.submit("train", {"data": "bundled/nli"}, title="two")
        shared.forget()
        return found

    monkeypatch.setattr(listing, "list_runs", overtaken)
    assert len(shared.runs(place)) == 1
    assert len(shared.runs(place)) == 2
