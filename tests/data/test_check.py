"""The report on a data set, and untrusted files read in a process of their own."""

import json
import time
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rationale_eval.data.check import Spread, check_data
from rationale_eval.data.limited import convert_limited
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import InputError, UsageError


def table(folder, rows, name="test.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


ROWS = [
    {"text": "a good film", "label": "pos", "why": "It is good.", "evidence": [[2, 6]]},
    {"text": "a bad film", "label": "neg", "evidence": []},
    {"text": "a good film", "label": "pos"},
    {"text": "a good film", "label": "neg"},
    {"text": "a film by somebody", "label": None},
    {"text": "a broken row", "label": True},
    {"text": "another broken row", "label": True},
]


def test_the_report_counts_what_stands_there(tmp_path):
    data = load_dataset(table(tmp_path, ROWS), on_error="collect")
    other = load_dataset(table(tmp_path, [*ROWS[:2], {"text": "new", "label": "pos"}], "train.jsonl"))
    report = check_data(data, [other])
    assert (report.rows, report.rejected, report.unlabelled) == (5, 2, 1)
    assert report.labels == {"neg": 2, "pos": 2}
    assert report.words == Spread(3, 3, 4, 3.2)
    assert (report.with_text, report.text_words) == (1, Spread(3, 3, 3, 3))
    assert (report.with_evidence, report.nothing_marked) == (2, 1)
    assert report.marked_share == pytest.approx((1 / 3 + 0) / 2)
    assert (report.duplicates, report.conflicting) == (2, 1)
    assert report.overlap == {"train": 2}
    (group,) = report.groups
    assert (group.field, group.count, [one.row for one in group.first]) == ("label", 2, [6, 7])
    assert report.warnings() == [
        "2 rows cannot be used",
        "1 duplicates carry another label than the first of their kind",
        "2 examples repeat the inputs of an earlier one",
        "2 examples also stand in the split 'train'",
    ]


def test_near_duplicates_are_the_same_but_for_case_spaces_and_punctuation(tmp_path):
    rows = [{"text": text, "label": "x"} for text in ("A good film!", "a  GOOD film", "A good film!", "ﬁne", "other")]
    other = [{"text": text, "label": "x"} for text in ("a good, film", "FINE", "another", "A good film!")]
    report = check_data(load_dataset(table(tmp_path, rows)), [load_dataset(table(tmp_path, other, "train.jsonl"))])
    assert (report.duplicates, report.near_duplicates) == (1, 2)
    assert (report.overlap, report.near_overlap) == ({"train": 1}, {"train": 2})
    assert report.warnings()[-1] == ("1 more stand in the split 'train' but for case, spaces and punctuation")


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"text": f"text {i}", "label": "only"} for i in range(3)], "every labelled example has the label 'only'"),
        ([{"text": f"text {i}"} for i in range(3)], "no example has a label"),
        ([{"text": "same", "label": "a"}] * 3, "2 examples repeat the inputs"),
    ],
)
def test_what_deserves_a_look_is_said(tmp_path, rows, sentence):
    assert any(sentence in said for said in check_data(load_dataset(table(tmp_path, rows))).warnings())


def test_one_good_row_is_enough(tmp_path):
    report = check_data(load_dataset(table(tmp_path, [{"text": "one", "label": "x"}])))
    assert report.rows == 1 and report.warnings() == []


def test_medians():
    assert Spread.of(Counter([1, 2, 10])) == Spread(1, 2, 10, 13 / 3)
    assert Spread.of(Counter([1, 2, 4, 10])) == Spread(1, 3, 10, 17 / 4)
    assert Spread.of(Counter()) == Spread()


# In a process of its own.


def test_an_untrusted_file_becomes_our_own_form(tmp_path):
    source = tmp_path / "upload"
    source.write_text("text,label\ngood,pos\nbad,neg\nbroken\n")
    done = convert_limited(source, tmp_path / "out.jsonl", mapping={"post": "text"})
    assert (done.rows, done.rejected, done.groups[0].first[0].row) == (2, 1, 3)
    assert done.mapping == ("post <- text (given)", "label <- label (guessed)", "choices: neg, pos")
    data = load_dataset(tmp_path / "out.jsonl")
    assert [(one.inputs["post"], one.label) for one in data] == [("good", 1), ("bad", 0)]


def test_refusals_cross_the_border_as_sentences(tmp_path):
    out = tmp_path / "out.jsonl"
    with pytest.raises(InputError, match="is empty"):
        convert_limited(table(tmp_path, []), out)
    half = tmp_path / "half.jsonl"
    half.write_text('{"text": "cut')
    with pytest.raises(InputError, match=r"half\.jsonl, row 1: is not JSON"):
        convert_limited(half, out)
    with pytest.raises(UsageError, match="no data set 'nothing'"):
        convert_limited(table(tmp_path, ROWS), out, task="nothing")
    assert not out.exists() and not list(tmp_path.glob(".out*"))


def test_a_bomb_ends_in_the_other_process(tmp_path):
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["a" * (1 << 20)]))
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"text": text}), path, compression="brotli", store_schema=False, write_statistics=False)
    with pytest.raises(InputError, match=r"bomb\.parquet"):
        convert_limited(path, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_a_file_that_takes_too_long_is_given_up(tmp_path):
    path = table(tmp_path, [{"text": "x " * 500, "label": "a"}] * 20_000)
    before = time.monotonic()
    with pytest.raises(InputError, match=r"takes longer than 0\.2 seconds"):
        convert_limited(path, tmp_path / "out.jsonl", wall_seconds=0.2)
    assert time.monotonic() - before < 10
