"""Data sets on the desk: taken in from uploads, reported on, given out; outputs of other tools kept as runs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rationale_eval.data.load import load_dataset
from rationale_eval.desk import choices, datasets
from rationale_eval.desk.access import Access
from rationale_eval.desk.desk import Desk
from rationale_eval.errors import InputError, UsageError
from rationale_eval.verbs.import_run import Order
from rationale_eval.workspace.runs import Workspace

CSV = (
    "id,review,sentiment,why,spans\n"
    'a,Good film,pos,it is good,"[[0, 4]]"\n'
    "b,bad film,neg,=1+1,\n"
    'c,good  FILM!,pos,,"[]"\n'
    "d,,neg,nothing,\n"
)
MAPPING = {"text": "review", "label": "sentiment", "id": "id", "rationale": "why", "evidence": "spans"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))
    return Desk(Workspace(tmp_path / "workspace"), Access(user="me@example.org"))


@pytest.fixture
def kept(desk: Desk) -> str:
    """An own set with the splits test (3 rows of 4) and train."""
    uploads = {"test": datasets.receive(desk, CSV.encode())}
    uploads["train"] = datasets.receive(desk, b"id,review,sentiment,why,spans\nx,Good film,pos,,\ny,new,neg,,\n")
    return datasets.keep(desk, "reviews", uploads, MAPPING).own.source


def test_columns_are_guessed_and_a_confirmed_mapping_guesses_nothing_more() -> None:
    columns = ["review", "sentiment", "why", "spans", "extra"]
    guess = datasets.guessed(columns)
    assert guess == {"review": "input", "sentiment": "label", "why": "rationale", "spans": "evidence"}
    roles = {**dict.fromkeys(columns, ""), "review": "input", "extra": "input", "why": "rationale"}
    assert datasets.mapping_of(roles) == {
        "text": "review",
        "extra": "extra",
        "rationale": "why",
        "label": "",
        "evidence": "",
    }
    with pytest.raises(UsageError, match="two columns are said to be 'label'"):
        datasets.mapping_of({"a": "label", "b": "label"})
    assert datasets.mapping_of({"a": "rationale", "b": "rationale", "x y": "input"}) == {
        "rationale": "a,b",
        "x_y": "x y",
    }


def test_an_upload_becomes_a_set_that_is_offered(desk: Desk, kept: str) -> None:
    assert kept == "own/reviews" and datasets.splits(kept) == ["test", "train"]
    assert kept in {each.value for each in choices.data_sets(desk)}
    data = load_dataset(kept, "test")
    assert [(one.id, one.inputs["text"], one.label) for one in data][:2] == [
        ("a", "Good film", 1),
        ("b", "bad film", 0),
    ]
    own = datasets.own_set(desk, kept)
    assert own is not None and own.about["by"] == "me@example.org" and own.about["rejected"] == {"test": 1, "train": 0}
    listed = datasets.rejected(own, "test")
    assert listed is not None and json.loads(listed.read_text()) == {"row": 4, "field": "text", "reason": "is empty"}
    assert datasets.rejected(own, "train") is None


def test_the_report_tells_leaks_lengths_and_marks(desk: Desk, kept: str) -> None:
    found = datasets.report(desk, kept, "test", None)
    assert (found["rows"], found["labels"], found["duplicates"]) == (3, {"neg": 1, "pos": 2}, 0)
    assert (found["near_duplicates"], found["overlap"], found["near_overlap"]) == (1, {"train": 1}, {"train": 1})
    assert found["lengths"] == {"2": 2, "3": 1} and found["text_lengths"] == {"1": 1, "3": 1}
    assert found["with_evidence"] == 2 and found["nothing_marked"] == 1 and found["annotators"] == {"1": 2}
    assert found["marked_shares"][0] == 1 and found["marked_shares"][10] == 1 and sum(found["marked_shares"]) == 2
    assert found["marked_share"] == pytest.approx(0.25)
    assert "1 examples also stand in the split 'train'" in found["warnings"]
    only = datasets.report(desk, kept, "test", 1)
    assert only["rows"] == 1 and only["overlap"] == {"train": 1}


def test_what_is_computed_belongs_to_a_state_of_the_files(desk: Desk, kept: str, tmp_path: Path) -> None:
    before = datasets.state(kept)
    assert datasets.state("bundled/nli") == datasets.state("bundled/nli")
    datasets.delete(desk, kept)
    with pytest.raises(UsageError, match="not offered"):
        datasets.report(desk, kept, "test", None)
    own = datasets.restore(desk, before)
    assert own.source == kept and datasets.state(kept) == before


def test_exports_are_exact_or_harmless(desk: Desk, kept: str) -> None:
    records = [json.loads(line) for line in datasets.exported(desk, kept, "test", "jsonl").splitlines()]
    assert [each["id"] for each in records] == ["a", "b", "c"] and records[1]["rationale"] == "=1+1"
    rows = list(csv.DictReader(io.StringIO(datasets.exported(desk, kept, "test", "csv").decode())))
    assert rows[1]["rationale"] == "'=1+1" and rows[0]["label"] == "pos"
    assert json.loads(rows[0]["evidence"]) == {"text": [[0, 4]]}
    table = pq.read_table(io.BytesIO(datasets.exported(desk, kept, "test", "parquet"))).to_pylist()
    assert table[1]["rationale"] == "=1+1"
    again = datasets.keep(
        desk, "again", {"test": datasets.receive(desk, datasets.exported(desk, kept, "test", "jsonl"))}, None
    )
    assert list(load_dataset(again.own.source)) == list(load_dataset(kept, "test"))


def test_scores_of_another_tool_are_evaluated_like_our_own(desk: Desk, kept: str) -> None:
    from rationale_eval.verbs.evaluate_run import EvaluateConfig, evaluate_run

    rows = [{"id": "b", "scores": [0.1, 0.9]}, {"id": "a", "scores": [0.9, 0.1]}, {"id": "c", "scores": [1, 0, 0]}]
    upload = datasets.receive(desk, "".join(json.dumps(row) + "\n" for row in rows).encode())
    done = datasets.import_outputs(desk, upload, Order(kept, "test", "scores", "theirs"))
    assert done.run is not None and done.run.status.state == "finished" and done.run.kind == "import"
    assert (done.rows, done.facts) == (3, {"words": 7, "words without a score": 0})
    assert done.run.asked["owner"] == "me@example.org" and done.run.asked["title"] == "theirs on own/reviews"
    job = EvaluateConfig(
        data=kept, split="test", scores=(f"run:{done.run.id}",), controls=("gold",), metrics=("auprc",)
    )
    result = evaluate_run(job, workspace=desk.workspace)[1].summary().set_index("method")
    assert result.loc["theirs", "value"] == 1.0


def test_predictions_and_texts_are_kept_with_what_they_say_at_once(desk: Desk, kept: str) -> None:
    upload = datasets.receive(desk, b"id,label\na,pos\nb,pos\nc,pos\n")
    done = datasets.import_outputs(desk, upload, Order(kept, "test", "predictions", "clf"))
    assert done.run is not None and done.facts == {"labelled": 3, "right": 2}
    upload = datasets.receive(desk, b"id,rationale\na,it is good\nb,\nc,so it is\n")
    done = datasets.import_outputs(desk, upload, Order(kept, "test", "texts", "lm"))
    assert done.run is not None and done.facts == {"words": 6, "empty texts": 1}
    from rationale_eval.verbs.evaluate_texts import read_texts

    ((system, _),) = read_texts([f"run:{done.run.id}"], load_dataset(kept, "test"), desk.workspace)
    assert system.system == "lm" and [one.text for one in system] == ["it is good", "", "so it is"]


def test_outputs_that_do_not_fit_are_all_told_and_none_is_kept(desk: Desk, kept: str) -> None:
    upload = datasets.receive(desk, b"id,label\na,pos\nb,huge\nb,pos\nz,pos\n")
    done = datasets.import_outputs(desk, upload, Order(kept, "test", "predictions", "clf"))
    assert done.run is None and done.rejected == 4 and desk.runs(kind="import") == []
    assert done.listed is not None
    told = [json.loads(line) for line in done.listed.read_text().splitlines()]
    assert sorted((each["row"] or 0, each["reason"].split(" (")[0]) for each in told) == [
        (0, "has no row for the example 'c'"),
        (2, "'huge' is none of the 2 choices"),
        (3, "'b' is no example of own/reviews"),
        (4, "'z' is no example of own/reviews"),
    ]


@pytest.mark.parametrize("how", ["look", "keep", "import"])
def test_a_bomb_ends_in_the_limited_process_on_every_way(desk: Desk, kept: str, how: str) -> None:
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["a" * (1 << 20)]))
    file = io.BytesIO()
    pq.write_table(pa.table({"text": text}), file, compression="brotli", store_schema=False, write_statistics=False)
    assert len(file.getvalue()) < 10_000
    upload = datasets.receive(desk, file.getvalue())
    with pytest.raises(InputError, match=r"^the (upload|file of the split 'test').*(memory|longer than|at most)"):
        if how == "look":
            datasets.look(desk, upload)
        elif how == "keep":
            datasets.keep(desk, "bomb", {"test": upload}, {"text": "text"})
        else:
            datasets.import_outputs(desk, upload, Order(kept, "test", "texts", "x"))
    assert [each.label for each in choices.data_sets(desk) if each.value.startswith("own/")] == ["reviews"]


def test_a_full_disk_and_a_bad_upload_are_sentences(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.workspace.prepare()
    (desk.workspace.path / "quotas.json").write_text('{"free_bytes": 1e18}')
    with pytest.raises(UsageError, match="MB are free"):
        datasets.receive(desk, b"a,b\n1,2\n")
    with pytest.raises(UsageError, match="upload the file again"):
        datasets.look(desk, "0" * 64)
