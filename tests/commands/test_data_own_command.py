"""`rationale-eval data keep|export|delete|restore`, and `import` into the workspace, as a user meets them."""

import json

import pytest

from rationale_eval.cli import run
from rationale_eval.data.load import load_dataset
from rationale_eval.workspace.runs import Workspace

CSV = "id,text,label,why\na,good film,pos,it is good\nb,bad film,neg,=1+1\nc,,neg,\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))
    (tmp_path / "reviews_train.csv").write_text(CSV)
    (tmp_path / "other.csv").write_text(CSV.replace("good film", "fine film"))
    return tmp_path


def test_files_are_kept_listed_checked_exported_deleted_and_brought_back(files, capsys):
    words = [str(files / "reviews_train.csv"), f"test={files / 'other.csv'}"]
    assert run(["data", "keep", *words, "--name", "my reviews", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == [
        {"set": "own/my reviews", "split": "train", "examples": 2, "rejected": 1},
        {"set": "own/my reviews", "split": "test", "examples": 2, "rejected": 1},
    ]
    assert "train: 1 rows left out, field 'text': is empty (rows 3)" in said.err
    assert run(["data", "list", "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert listed["own/my reviews"]["splits"] == ["train", "test"]
    assert run(["data", "check", "own/my reviews", "--split", "test", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overlap"] == {"train": 1}
    out = files / "out.csv"
    assert run(["data", "export", "own/my reviews", "--split", "train", "--out", str(out)]) == 0
    assert out.read_text().splitlines()[2] == "b,bad film,neg,'=1+1,"
    assert run(["data", "delete", "my reviews"]) == 0
    assert run(["data", "check", "own/my reviews"]) == 2
    assert "there is no set 'own/my reviews'" in capsys.readouterr().err
    assert run(["data", "restore", "my reviews"]) == 0
    assert len(load_dataset("own/my reviews", "train")) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["data", "keep", "{csv}", "--name", "a/b"], "a set's name holds"),
        (["data", "keep", "{csv}", "train={csv}", "--name", "a"], "the same split"),
        (["data", "keep", "no/split={csv}", "--name", "a"], "cannot be the name of a split"),
        (["data", "keep", "nowhere.csv", "--name", "a"], "cannot be opened"),
        (["data", "export", "{csv}", "--out", "x.txt"], "ends in .jsonl, .csv, .parquet"),
        (["data", "restore", "a"], "no deleted set 'own/a'"),
        (["import", "{csv}", "--data", "{csv}", "--kind", "predictions", "--limit", "1"], "--limit goes with --out"),
    ],
)
def test_what_cannot_be_is_a_sentence(files, capsys, words, sentence):
    given = [word.replace("{csv}", str(files / "reviews_train.csv")) for word in words]
    assert run(given) == 2
    assert sentence in capsys.readouterr().err


def test_outputs_without_a_file_to_write_are_kept_as_a_run(files, capsys):
    table = files / "data.csv"
    table.write_text("id,text,label\na,good film,pos\nb,bad film,neg\n")
    outputs = files / "clf.csv"
    outputs.write_text("id,label\nb,neg\na,neg\n")
    assert run(["import", str(outputs), "--data", str(table), "--kind", "predictions", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    found = Workspace().get(told["run"])
    assert (told["name"], told["rows"], found.kind, found.status.state) == ("clf", 2, "import", "finished")
    assert found.summary == {"kind": "predictions", "name": "clf", "rows": 2, "labelled": 2, "right": 1}
    outputs.write_text("id,label\nb,huge\na,neg\nz,pos\n")
    assert run(["import", str(outputs), "--data", str(table), "--kind", "predictions"]) == 2
    said = capsys.readouterr().err
    assert "row 1, field 'label': 'huge' is none of the 2 choices (neg, pos) (the first of 2 rows" in said
    assert len(Workspace().runs()) == 1
