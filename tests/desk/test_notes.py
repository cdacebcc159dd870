"""Stars, tags, notes and slices: kept, undone, never lost, and refused where nothing may be changed."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from rationale_eval.desk.access import Access, NotAllowed
from rationale_eval.desk.notes import FILE, Notes
from rationale_eval.errors import UsageError
from rationale_eval.workspace.runs import Workspace

DATA = "toy test"


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(Workspace(tmp_path / "w"), Access(user="ada@example.org"))


def test_what_is_said_is_there_with_its_owner(notes: Notes) -> None:
    assert notes.all() == []
    star, tag, note = notes.star(DATA, "e1"), notes.tag(DATA, "e1", "  a  tag "), notes.note(DATA, "e2", "look\nhere")
    assert [(each.kind, each.text) for each in notes.of(DATA, "e1")] == [("star", ""), ("tag", "a tag")]
    assert notes.of(DATA, "e2") == [note] and note.owner == "ada@example.org" and note.text == "look\nhere"
    assert notes.of("other test", "e1") == []
    assert notes.star(DATA, "e1") == star and notes.tag(DATA, "e1", "a tag") == tag
    assert len(notes.all()) == 3


def test_a_deletion_is_undone(notes: Notes) -> None:
    note = notes.note(DATA, "e1", "first")
    notes.delete(note.id)
    assert notes.all() == []
    notes.restore(note.id)
    assert notes.all() == [note]
    lines = [json.loads(line) for line in notes.path.read_text().splitlines()]
    assert [line["by"] for line in lines] == ["ada@example.org"] * 3


def test_a_slice_of_the_same_name_takes_the_place_of_the_old_one(notes: Notes) -> None:
    first = notes.save_slice("wrong", {"right": ["wrong"]})
    second = notes.save_slice("wrong", {"right": ["wrong"], "label": ["yes", "no"]})
    assert notes.slices() == [second] and second.view["label"] == ["yes", "no"]
    notes.delete(second.id)
    notes.restore(first.id)
    assert notes.slices() == [first]


def test_half_a_line_is_passed_over_and_the_next_is_whole(notes: Notes) -> None:
    kept = notes.note(DATA, "e1", "kept")
    with open(notes.path, "ab") as file:
        file.write(b'{"id": "x", "kind": "no')
    after = notes.note(DATA, "e1", "after")
    assert notes.all() == [kept, after]
    with open(notes.path, "ab") as file:
        file.write(b'[1]\n{"id": "y", "kind": "note", "text": 3}\n{"id": 4, "kind": "note"}\nnull\n')
    assert notes.all() == [kept, after]


def test_many_write_at_once(notes: Notes) -> None:
    def write(number: int) -> None:
        for place in range(10):
            notes.note(DATA, f"e{place}", f"from {number}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(notes.all()) == 60


def test_texts_are_checked(notes: Notes) -> None:
    for wrong in ("", "   ", "x" * 41):
        with pytest.raises(UsageError, match="tag"):
            notes.tag(DATA, "e1", wrong)
    with pytest.raises(UsageError, match="4,000 characters"):
        notes.note(DATA, "e1", "x" * 4001)
    with pytest.raises(UsageError, match="surrogate"):
        notes.note(DATA, "e1", "\ud800")
    assert notes.all() == []


def test_who_only_looks_changes_nothing(tmp_path: Path, notes: Notes) -> None:
    note = notes.note(DATA, "e1", "there")
    looking = Notes(Workspace(tmp_path / "w"), Access(read_only=True))
    for change in (
        lambda: looking.star(DATA, "e1"),
        lambda: looking.tag(DATA, "e1", "x"),
        lambda: looking.note(DATA, "e1", "x"),
        lambda: looking.save_slice("x", {}),
        lambda: looking.delete(note.id),
        lambda: looking.restore(note.id),
    ):
        with pytest.raises(NotAllowed):
            change()
    assert looking.all() == [note] and (tmp_path / "w" / FILE).read_text().count("\n") == 1
