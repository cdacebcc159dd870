"""Own sets of a workspace: taken in from files, found by name, deleted and brought back; and uploads by their hash."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from rationale_eval.data import own
from rationale_eval.data.example import Example, Task
from rationale_eval.data.keeping import MOST_BYTES, MOST_KEPT, UPLOADS, keep_files, look, receive, received
from rationale_eval.data.load import load_dataset, other_splits
from rationale_eval.errors import InputError, UsageError

TASK = Task("sentiment", "classification", ("text",), ("neg", "pos"))
CSV = b"id,text,label,why\na,good film,pos,it is good\nb,bad film,neg,it is bad\nc,,neg,no text\nd,fine,unknown,\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv(own.ENVIRONMENT, str(folder))
    return folder


def examples(*texts: str) -> list[Example]:
    return [
        Example(str(place), "sentiment", {"text": text}, TASK.choices, place % 2, rationales=(f"because {text}",))
        for place, text in enumerate(texts)
    ]


def kept(place: Path, name: str = "reviews", *texts: str) -> own.OwnSet:
    return own.keep_examples(
        place,
        name,
        TASK,
        {"train": examples(*(texts or ("one", "two"))), "test": examples("three")},
        word_rule="whitespace",
        cluster_field="text",
        about={"origin": "a test"},
    )


def test_a_set_is_found_by_its_name_and_equals_what_was_kept(place: Path) -> None:
    made = kept(place)
    assert (made.name, made.source, made.splits) == ("reviews", "own/reviews", {"train": 2, "test": 1})
    data = load_dataset("own/reviews", "train")
    assert list(data) == examples("one", "two")
    assert (data.name, data.task, data.word_rule, data.cluster_field) == ("own/reviews", TASK, "whitespace", "text")
    assert load_dataset("own/reviews").split == "test"
    assert other_splits("own/reviews", "test") == ["train"]
    assert own.find_own(made.id) == own.find_own("reviews") == own.find_own("own/reviews") == made
    assert made.about == {"origin": "a test"}


def test_names_are_compared_and_never_paths(place: Path) -> None:
    for name in ("../x", "a/b", "a\\b", "", " a", "a\n", "a\x00", "x" * 61, "..", "a\u202eb"):
        with pytest.raises(UsageError, match="a set"):
            kept(place, name)
    assert not (place / "sets").exists()
    kept(place, "größe & mehr")
    assert load_dataset("own/größe & mehr", "train").fingerprint()
    for name in ("own/../../etc/passwd", "own/", "own/../sets"):
        with pytest.raises(UsageError, match="there is no set"):
            load_dataset(name)


def test_a_name_stands_for_one_set(place: Path) -> None:
    first = kept(place)
    assert kept(place) == first  # the same content under the same name is there already
    with pytest.raises(UsageError, match=r"there is a set 'own/reviews' already"):
        kept(place, "reviews", "other")
    with pytest.raises(UsageError, match=r"kept already, as own/reviews"):
        kept(place, "copy")
    assert [each.name for each in own.own_sets(place)] == ["reviews"]


def test_a_deleted_set_comes_back_unless_its_name_was_taken(place: Path) -> None:
    made = kept(place)
    own.delete_own(place, "reviews")
    assert own.own_sets(place) == [] and [each.id for each in own.own_sets(place, deleted=True)] == [made.id]
    with pytest.raises(UsageError, match="there is no set"):
        load_dataset("own/reviews")
    assert own.restore_own(place, made.id) == made
    own.delete_own(place, "reviews")
    kept(place, "reviews", "other")
    with pytest.raises(UsageError, match="already; delete that one first"):
        own.restore_own(place, made.id)
    with pytest.raises(UsageError, match="no deleted set"):
        own.restore_own(place, "../../runs")


def test_a_damaged_set_is_told_and_left_out(place: Path) -> None:
    made = kept(place)
    (made.folder / "train.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match=r"own/reviews: is damaged: train\.jsonl does not match"):
        own.require_sound(made)
    (made.folder / "set.json").write_text("[]")
    assert own.own_sets(place) == []


def test_files_become_a_set_with_the_same_labels_in_all_splits(place: Path, tmp_path: Path) -> None:
    train, test = tmp_path / "anything", tmp_path / "b.parquet.csv"
    train.write_bytes(CSV)
    test.write_bytes(b"id,text,label\nx,meh,neg\n")
    done = keep_files(place, "mine", {"train": train, "dev": test}, mapping={"post": "text"}, about={"by": "me"})
    assert done.own.task.choices == ("neg", "pos", "unknown") and done.own.task.fields == ("post",)
    assert done.own.splits == {"train": 3, "validation": 1}
    assert [one.label for one in load_dataset("own/mine", "validation")] == [0]
    assert done.conversions["train"].rejected == 1
    assert done.own.about["by"] == "me" and done.own.about["mapping"][0] == "post <- text (given)"
    (line,) = (done.own.folder / "train.rejected").read_text().splitlines()
    assert json.loads(line) == {"row": 3, "field": "post", "reason": "is empty"}
    assert not list((place / UPLOADS).glob(".stage-*"))


def test_files_that_do_not_fit_leave_nothing(place: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"text,label\n,a\n,b\n")
    with pytest.raises(
        InputError, match=r"the file of the split 'test'.*no usable row \(row 1, field 'text': is empty\)"
    ):
        keep_files(place, "mine", {"test": bad})
    assert own.own_sets(place) == [] and not list((place / "sets").glob(".*")) and not list((place / UPLOADS).iterdir())


def test_a_look_shows_rows_mapping_and_examples(place: Path) -> None:
    path = receive(place, CSV)
    seen = look(path, examples=2)
    assert seen["columns"] == ["id", "text", "label", "why"] and seen["format"] == "csv" and not seen["in_schema"]
    assert seen["rows"][0] == {"id": "a", "text": "good film", "label": "pos", "why": "it is good"}
    assert "text <- text (guessed)" in seen["lines"] and seen["task"]["kind"] == "classification"
    assert [one["id"] for one in seen["examples"]] == ["a", "b"] and seen["refused"] is None
    unread = look(receive(place, b"col1,col2\nx,y\n"))
    assert unread["rows"] == [{"col1": "x", "col2": "y"}] and "no column looks like an input" in unread["refused"]


def test_an_upload_is_stored_under_its_hash_and_nothing_else(place: Path) -> None:
    path = receive(place, CSV)
    assert path == place / UPLOADS / hashlib.sha256(CSV).hexdigest() and path.stat().st_mode & 0o777 == 0o600
    assert received(place, path.name) == path and receive(place, CSV) == path
    for name in ("../index.sqlite", path.name[:-1], path.name.upper(), "/etc/passwd", "." * 64):
        with pytest.raises(UsageError, match="not there any more"):
            received(place, name)
    link = place / UPLOADS / ("f" * 64)
    link.symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="not there any more"):
        received(place, link.name)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\x1f\x8b rest", "gzip"),
        (b"PK\x03\x04 rest", "zip archive"),
        (b"%PDF-1.7", "PDF"),
        (b"SQLite format 3\0", "database"),
        (b"\0\0\0", "is not text"),
        (b"a" * (MOST_BYTES + 1), "at most 52 MB"),
    ],
)
def test_what_is_no_table_is_refused_at_the_door(place: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        receive(place, content)
    assert not (place / UPLOADS).exists() or not list((place / UPLOADS).iterdir())


def test_uploads_nobody_went_on_with_are_swept(place: Path) -> None:
    old = receive(place, b"a,b\n1,2\n")
    os.utime(old, (time.time() - 90_000,) * 2)
    for number in range(MOST_KEPT + 5):
        receive(place, f"a,b\n1,{number}\n".encode())
    left = list((place / UPLOADS).iterdir())
    assert old not in left and len(left) == MOST_KEPT + 1
