"""Kept edits: a data set that only grows, opened like any other."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

import rationale_eval as rx
from rationale_eval.data.example import Example
from rationale_eval.data.words import split_words
from rationale_eval.desk.access import Access, NotAllowed
from rationale_eval.desk.edits import Edits, cut
from rationale_eval.errors import UsageError
from rationale_eval.workspace.runs import Workspace

CHOICES = ("yes", "no")
EXAMPLE = Example("a/1", "claims", {"claim": "It is  cold, very cold."}, CHOICES, 0, rationales=("Ice.",))


@pytest.fixture
def edits(tmp_path: Path) -> Edits:
    return Edits(Workspace(tmp_path / "workspace"), Access(user="ann"))


def test_words_are_cut_out_with_the_gaps_they_leave() -> None:
    words = split_words(EXAMPLE)
    assert [EXAMPLE.inputs["claim"][word.start : word.end] for word in words] == [
        "It", "is", "cold", ",", "very", "cold", ".",
    ]  # fmt: skip
    assert cut(EXAMPLE.inputs, words, [1, 4]) == {"claim": "It cold, cold."}
    assert cut(EXAMPLE.inputs, words, []) == EXAMPLE.inputs
    with pytest.raises(UsageError, match="nothing is left of the field 'claim'"):
        cut(EXAMPLE.inputs, words, range(7))


def test_a_kept_example_is_loaded_as_it_was_kept(edits: Edits) -> None:
    edits.keep("mine", EXAMPLE, {"origin": {"data": "x"}})
    kept = edits.keep("mine", replace(EXAMPLE, label=1, inputs={"claim": "It is warm."}), {"origin": {"data": "y"}})
    assert kept.examples == 2 and edits.all() == [kept]
    first, second = rx.load_dataset(kept.path)
    assert (first.inputs, first.label, first.rationales) == (EXAMPLE.inputs, 0, ("Ice.",))
    assert (second.id, second.label, second.inputs) == ("a/1-edit-2", 1, {"claim": "It is warm."})
    assert second.meta["probe"]["origin"] == {"data": "y"} and second.meta["probe"]["by"] == "ann"
    assert kept.path.stat().st_mode & 0o077 == 0


def test_what_stands_there_stays(edits: Edits) -> None:
    kept = edits.keep("mine", EXAMPLE, {})
    before = kept.path.read_bytes()
    with pytest.raises(UsageError, match="other choices"):
        edits.keep("mine", replace(EXAMPLE, choices=("a", "b")), {})
    with pytest.raises(UsageError, match="another task"):
        edits.keep("mine", replace(EXAMPLE, inputs={"other": "x"}), {})
    assert kept.path.read_bytes() == before
    kept.path.write_bytes(before + b'{"half')  # of a process that was killed
    edits.keep("mine", EXAMPLE, {})
    lines = kept.path.read_bytes().splitlines(keepends=True)
    assert lines[0] == before and json.loads(lines[1])["id"] == "a/1-edit-2" and len(lines) == 2


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a.b", "-a", "é", "a" * 41, "a\n"])
def test_names_are_no_paths(edits: Edits, name: str) -> None:
    with pytest.raises(UsageError, match="a name for edits"):
        edits.keep(name, EXAMPLE, {})


def test_a_link_is_not_followed(edits: Edits, tmp_path: Path) -> None:
    edits.keep("first", EXAMPLE, {})
    (edits.folder / "linked.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        edits.keep("linked", EXAMPLE, {})
    assert not (tmp_path / "elsewhere").exists()
    assert [each.name for each in edits.all()] == ["first"]


def test_two_sessions_lose_nothing(edits: Edits) -> None:
    def many() -> None:
        for _ in range(15):
            edits.keep("mine", EXAMPLE, {})

    threads = [threading.Thread(target=many) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    (kept,) = edits.all()
    assert len({example.id for example in rx.load_dataset(kept.path)}) == kept.examples == 60


def test_read_only_keeps_nothing(tmp_path: Path) -> None:
    edits = Edits(Workspace(tmp_path), Access(read_only=True))
    with pytest.raises(NotAllowed, match="keep an example"):
        edits.keep("mine", EXAMPLE, {})
    assert list(tmp_path.iterdir()) == []
