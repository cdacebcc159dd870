"""The page Data in every state: looking, adding, importing, deleting and taking back, read-only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from rationale_eval.data.load import load_dataset
from rationale_eval.data.own import own_sets
from rationale_eval.desk.access import READ_ONLY

ROOT = Path(__file__).resolve().parents[2]
CSV = b"id,review,sentiment,why\na,A warm film.,pos,warm\nb,A dull film.,neg,dull\nc,,neg,nothing\nd,Fine,pos,\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.delenv(READ_ONLY, raising=False)
    monkeypatch.setattr("rationale_eval.desk.warm.client.Warm.begin", lambda self, after=0.0: None)
    return tmp_path / "workspace"


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    app.switch_page("pages/data_page.py").run()
    assert not app.exception and [each.value for each in app.title] == ["Data"]
    return app


def metrics(app: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in app.metric}


def texts(app: AppTest) -> str:
    return "\n".join(each.value for each in app.text)


def keep_one(app: AppTest, name: str = "reviews") -> AppTest:
    app.file_uploader(key="data-files").set_value([("train_reviews.csv", CSV, "text/csv")]).run()
    app.text_input(key="data-name").set_value(name).run()
    app.button(key="data-keep").click().run()
    assert not app.exception
    return app


def test_a_set_is_looked_at(place: Path) -> None:
    app = opened(data="bundled/nli", split="test")
    data = load_dataset("bundled/nli", "test")
    shown = metrics(app)
    assert (shown["Examples"], shown["With highlights"], shown["With free text"]) == (f"{len(data)}", "100%", "100%")
    assert shown["Duplicates"] == "0" and [each.value for each in app.success] == ["Nothing suspicious was found."]
    first = next(each.value for each in app.dataframe if "premise" in each.value.columns)
    example = next(iter(data))
    assert first["premise"][0] == example.inputs["premise"] and first["label"][0] == example.choices[example.label or 0]
    leaks = next(each.value for each in app.dataframe if "other split" in each.value.columns)
    assert sorted(leaks["other split"]) == ["train", "validation"] and set(leaks["the same"]) == {0}
    assert "rationale-eval data check bundled/nli --split test" in app.code[0].value
    assert len(app.get("plotly_chart")) == 4
    app.selectbox(key="data-split-bundled/nli").set_value("train").run()
    assert metrics(app)["Examples"] == f"{len(load_dataset('bundled/nli', 'train'))}"
    assert app.query_params["split"] == "train"


def test_what_is_not_offered_is_not_opened(place: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("text,label\nhidden words,a\n")
    app = opened(data=str(secret))
    assert "The data set of this address is not offered here." in [each.value for each in app.caption]
    assert "hidden words" not in str([each.value for each in app.dataframe])


def test_files_become_a_set_once_the_mapping_is_confirmed(place: Path) -> None:
    app = opened(part="add")
    app.file_uploader(key="data-files").set_value([("train_reviews.csv", CSV, "text/csv")]).run()
    roles = {each.label: each.value for each in app.selectbox if each.key and each.key.startswith("role-")}
    assert roles == {"id": "id", "review": "input", "sentiment": "label", "why": "rationale"}
    assert "text <- review (given)\nlabel <- sentiment (given)" in texts(app)
    assert app.button(key="data-keep").disabled
    next(each for each in app.selectbox if each.label == "why").set_value("").run()
    assert "rationale <- why" not in texts(app)
    next(each for each in app.selectbox if each.label == "why").set_value("rationale").run()
    app.text_input(key="data-name").set_value("reviews").run()
    assert "data keep train=FILE --name reviews --map id=id --map text=review" in app.code[-1].value
    app.button(key="data-keep").click().run()
    assert "own/reviews   train: 3 examples" in texts(app)
    reasons = next(each.value for each in app.dataframe if "first rows" in each.value.columns)
    assert reasons.to_dict("records") == [{"rows": 1, "field": "text", "reason": "is empty", "first rows": "3"}]
    app.button(key="data-made-look").click().run()
    assert metrics(app)["Examples"] == "3" and app.query_params["data"] == "own/reviews"
    assert [one.id for one in load_dataset("own/reviews", "train")] == ["a", "b", "d"]


def test_a_mapping_that_cannot_be_is_a_sentence(place: Path) -> None:
    app = opened(part="add")
    app.file_uploader(key="data-files").set_value([("x", b"col1,col2\nfoo,bar\n", "")]).run()
    assert "no column looks like an input" in app.error[0].value.replace("\\", "")
    assert app.button(key="data-keep").disabled
    next(each for each in app.selectbox if each.label == "col1").set_value("input").run()
    assert not app.error and not app.exception


def test_what_is_no_table_is_refused_whatever_it_is_called(place: Path) -> None:
    app = opened(part="add")
    app.file_uploader(key="data-files").set_value([("data.csv", b"PK\x03\x04zip", "text/csv")]).run()
    assert "zip archive" in app.error[0].value
    assert not list((place / "uploads").iterdir())


def test_two_files_of_one_split_are_told_apart(place: Path) -> None:
    app = opened(part="add")
    app.file_uploader(key="data-files").set_value(
        [("train.csv", CSV, ""), ("train2.csv", CSV + b"e,x,pos,\n", "")]
    ).run()
    splits = [each for each in app.selectbox if each.label == "Split"]
    splits[1].set_value("train").run()
    assert "same split" in app.error[0].value
    [each for each in app.selectbox if each.label == "Split"][1].set_value("test").run()
    app.text_input(key="data-name").set_value("two").run()
    app.button(key="data-keep").click().run()
    (own,) = own_sets(place)
    assert own.splits == {"train": 3, "test": 4}


def test_a_set_is_deleted_and_taken_back(place: Path) -> None:
    app = keep_one(opened(part="add"))
    app.button(key="data-made-look").click().run()
    app.button(key="data-delete").click().run()
    assert own_sets(place) == [] and "The set reviews is put aside." in texts(app)
    app.button(key="data-undo").click().run()
    assert [each.name for each in own_sets(place)] == ["reviews"] and app.query_params["data"] == "own/reviews"
    assert not [each for each in app.button if each.key == "data-undo"]


def test_a_name_that_is_taken_keeps_what_was_there(place: Path) -> None:
    app = keep_one(opened(part="add"))
    app.button(key="data-made-close").click().run()
    app.file_uploader(key="data-files").set_value([("test.csv", CSV + b"e,x,pos,\n", "")]).run()
    app.button(key="data-keep").click().run()
    assert "already; choose another name" in app.error[0].value
    assert [each.splits for each in own_sets(place)] == [{"train": 3}]


def imported(app: AppTest, content: bytes, kind: str) -> AppTest:
    app.selectbox(key="import-kind").set_value(kind).run()
    app.text_input(key="import-name").set_value("theirs").run()
    app.file_uploader(key="import-file").set_value(("anything.xyz", content, "")).run()
    app.button(key="import-go").click().run()
    assert not app.exception
    return app


def test_outputs_are_imported_or_every_bad_row_is_listed(place: Path) -> None:
    app = keep_one(opened(part="add"))
    app = opened(part="import", data="own/reviews")
    imported(app, b"id,label\na,pos\nb,huge\n", "predictions")
    assert [each.value for each in app.subheader] == ["Nothing was imported"]
    reasons = next(each.value for each in app.dataframe if "first rows" in each.value.columns)
    assert list(reasons["reason"]) == ["'huge' is none of the 2 choices (neg, pos)", "has no row for the example 'd'"]
    imported(app, b"id,label\na,pos\nb,pos\nd,pos\n", "predictions")
    assert [each.value for each in app.subheader] == ["Imported"] and metrics(app)["Accuracy"] == "66.7%"
    imported(app, b"id,rationale\na,warm\nb,dull\nd,fine\n", "texts")
    assert "--texts run:" in app.code[0].value and len(list((place / "runs").iterdir())) == 2


def test_read_only_shows_and_does_not_change(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_one(opened(part="add"))
    monkeypatch.setenv(READ_ONLY, "1")
    app = opened(data="own/reviews", part="look")
    assert metrics(app)["Examples"] == "3" and app.button(key="data-delete").disabled
    app.query_params["part"] = "add"
    assert opened(part="add").file_uploader(key="data-files").disabled
    assert opened(part="import", data="own/reviews").button(key="import-go").disabled


def test_an_error_of_the_program_is_one_sentence_with_a_code(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("rationale_eval.desk.datasets.splits", broken)
    app = opened()
    assert "secret detail" not in str([each.value for each in (*app.error, *app.text, *app.caption)])
    assert "Something went wrong that should not have" in app.error[0].value
    assert "secret detail" in (place / "errors.log").read_text()
