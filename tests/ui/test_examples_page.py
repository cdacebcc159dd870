"""The page Examples in every state, with the numbers of the evaluation it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from rationale_eval.desk.access import READ_ONLY, ROOTS, Access
from rationale_eval.desk.notes import Notes
from rationale_eval.verbs.predictions import Answered
from rationale_eval.verbs.result import Result
from rationale_eval.workspace.runs import Workspace
from tests.helpers.made_evaluation import examples, make_evaluation, write_data

ROOT = Path(__file__).resolve().parents[2]
WORST = "comprehensiveness_aopc"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Any:
    def open_(workspace: Path, **query: Any) -> AppTest:
        monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(workspace))
        monkeypatch.setenv(ROOTS, str(workspace.parent))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.run()
        app.switch_page("pages/examples_page.py")
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception and [each.value for each in app.title] == ["Examples"]
        assert not app.error, [each.value for each in app.error]
        return app

    return open_


def page_table(app: AppTest) -> Any:
    return app.dataframe[0].value


def html(app: AppTest) -> str:
    return "".join(each.proto.body for each in app.get("html"))


def counted(app: AppTest) -> str:
    return next(each.value for each in app.markdown if " of " in each.value and "**" not in each.value)


def test_without_an_evaluation_it_says_what_would_be_here(opened: Any, tmp_path: Path) -> None:
    app = opened(tmp_path / "w")
    assert [each.value for each in app.subheader] == ["No evaluation yet"]
    assert [each.label for each in app.button] == ["Begin on the page Home"]


def test_the_worst_stands_first_and_is_open(opened: Any, own_sample: Path, sample_ids: dict[str, str]) -> None:
    run = sample_ids["evaluate"]
    app = opened(own_sample, run=run, metric=WORST, systems=["saliency"], order="worst")
    scores = Result.load(own_sample / "runs" / run).examples(metric=WORST, method="saliency")
    expected = scores.sort_values("value", kind="stable")
    shown = page_table(app)
    assert len(shown) == 20 and counted(app) == f"{len(scores)} of {len(scores)}"
    np.testing.assert_allclose(shown["saliency ↑"], expected["value"][:20])
    first = expected.iloc[0]
    assert app.query_params["example"] == first["example_id"] and app.query_params["by"] == "saliency"
    text = html(app)
    assert text.count('<span class="rx-name"') >= 2 and "leave_one_out" not in text
    value = f"{first['value']:.3g}"
    assert f'<span class="rx-v">{value}' in text or value.lstrip("-0.")[:2] in text


def test_next_and_previous_follow_the_order(opened: Any, own_sample: Path, sample_ids: dict[str, str]) -> None:
    run = sample_ids["evaluate"]
    app = opened(own_sample, run=run, metric=WORST, by="leave_one_out", order="worst")
    scores = Result.load(own_sample / "runs" / run).examples(metric=WORST, method="leave_one_out")
    ids = scores.sort_values("value", kind="stable")["example_id"].tolist()
    assert app.button(key="ex-previous").disabled
    app.button(key="ex-next").click().run()
    assert app.query_params["example"] == ids[1]
    app.button(key="ex-next").click().run()
    app.button(key="ex-previous").click().run()
    assert app.query_params["example"] == ids[1]


def test_a_browser_that_is_behind_changes_nothing(opened: Any, own_sample: Path, sample_ids: dict[str, str]) -> None:
    """Its address comes with every click, and lags behind what the server wrote when one clicks quickly."""
    app = opened(own_sample, run=sample_ids["evaluate"])
    seen = [app.query_params["example"]]
    for _ in range(3):
        app.button(key="ex-next").click().run()
        seen.append(app.query_params["example"])
    app.query_params["example"] = seen[1]
    app.button(key="ex-star").click().run()
    assert app.query_params["example"] == seen[3] and app.button(key="ex-star").label == "Remove star"


def test_filters_count_what_they_leave(opened: Any, own_sample: Path, sample_ids: dict[str, str]) -> None:
    run = sample_ids["evaluate"]
    accuracy = Result.load(own_sample / "runs" / run).examples(metric="accuracy", method="model")
    wrong = int((accuracy["value"] == 0).sum())
    app = opened(own_sample, run=run, right="wrong")
    assert counted(app) == f"{wrong} of {len(accuracy)}"
    app = opened(own_sample, run=run, slice="model is wrong")
    assert counted(app) == f"{wrong} of {len(accuracy)}" and app.query_params["right"] == "wrong"
    app = opened(own_sample, run=run, q="zzz nowhere zzz")
    assert [each.value for each in app.info] == ["No example fits all of these filters."]
    app.button(key="ex-none").click().run()
    assert counted(app) == f"{len(accuracy)} of {len(accuracy)}"


def test_a_star_a_tag_and_a_note_stay(opened: Any, own_sample: Path, sample_ids: dict[str, str]) -> None:
    run = sample_ids["evaluate"]
    app = opened(own_sample, run=run)
    app.button(key="ex-star").click().run()
    assert page_table(app)["star"].tolist() == ["★", *[""] * 19]
    notes = Notes(Workspace(own_sample), Access())
    (star,) = notes.all()
    notes.tag(star.data, star.example, "odd")
    app = opened(own_sample, run=run, mark="tag odd")
    assert counted(app).startswith("1 of ")
    app.button(key="ex-star").click().run()
    assert [each.kind for each in notes.all()] == ["tag"]
    (undo,) = [each for each in app.button if each.label == "Delete"]
    undo.click().run()
    assert notes.all() == []
    app.button(key="ex-undo-button").click().run()
    assert [each.text for each in notes.all()] == ["odd"]


def test_a_slice_is_saved_and_opened(opened: Any, own_sample: Path, sample_ids: dict[str, str]) -> None:
    run = sample_ids["evaluate"]
    app = opened(own_sample, run=run, right="wrong", metric=WORST, by="saliency", order="worst")
    count = counted(app)
    next(each for each in app.text_input if each.label == "Name").set_value("wrong  ones")
    next(each for each in app.button if each.label == "Save").click().run()
    assert app.query_params["slice"] == "wrong ones"
    (kept,) = Notes(Workspace(own_sample), Access()).slices()
    assert kept.view == {"metric": [f"{WORST}:eraser"], "by": ["saliency"], "order": ["worst"], "right": ["wrong"]}
    fresh = opened(own_sample, run=run)
    picker = next(each for each in fresh.selectbox if each.label == "Slice")
    picker.set_value(kept.id).run()
    assert counted(fresh) == count and fresh.query_params["by"] == "saliency"


def test_texts_are_shown_with_verdicts(opened: Any, own_sample: Path, sample_ids: dict[str, str]) -> None:
    run = sample_ids["texts"]
    app = opened(own_sample, run=run)
    answers = Result.load(own_sample / "runs" / run).predictions()
    first = answers[(answers["example_id"] == app.query_params["example"]) & (answers["system"] != "random")]
    own = first[first["seen"] == "own"].iloc[0]
    shown = html(app)
    assert '<div class="rx-said">' in shown and own["system"].split()[0] in shown
    assert ("gives the answer away" in shown) or ("does not leak" in shown) or own["choice"] != own["choice"]


def test_who_only_looks_finds_no_way_to_change(
    opened: Any, own_sample: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(READ_ONLY, "1")
    app = opened(own_sample, run=sample_ids["evaluate"])
    assert app.button(key="ex-star").disabled
    assert not [each for each in app.button if each.label == "Keep"]


def test_data_that_are_gone_leave_scores_and_one_sentence(opened: Any, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    data = write_data(tmp_path / "toy.jsonl", examples(["alpha beta", "gamma"], [0, 1]))
    run = make_evaluation(
        workspace, data, {("one", WORST, "eraser"): [0.5, "nothing to remove"]}, words={"one": [[1.0, 0.5], [0.2]]}
    )
    (tmp_path / "toy.jsonl").unlink()
    app = opened(workspace.path, run=run.id)
    assert "cannot be read any more" in app.warning[0].value
    assert page_table(app)["text"].tolist() == ["e0", "e1"] and '<span class="rx-v">0.500' in html(app)
    app.button(key="ex-next").click().run()
    assert "not defined: \u2068nothing to remove\u2069" in html(app)


HOSTILE = (
    '<img src=x onerror="alert(1)"> ![x](http://evil.example/x.png) </style><script>alert(2)</script> '
    "[l](javascript:alert(3))"
)


def test_hostile_text_is_text(opened: Any, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    data = write_data(tmp_path / "toy.jsonl", examples([HOSTILE, "plain"], [0, 1]))
    words = {HOSTILE[:40]: [np.linspace(-1, 1, len(data.words(each))) for each in data]}
    said = [Answered(f"e{place}", "writer <b>", "own", 0, None, HOSTILE) for place in range(2)]
    scores = {(HOSTILE[:40], WORST, "eraser"): [0.1, 0.2], ("writer <b>", "rq", "np"): [HOSTILE, 1.0]}
    run = make_evaluation(workspace, data, scores, words=words, title=HOSTILE, answers=said)
    Notes(workspace, Access()).note("toy all", "e0", HOSTILE)
    Notes(workspace, Access()).tag("toy all", "e0", HOSTILE[:40])
    app = opened(workspace.path, run=run.id)
    shown = html(app)
    assert "<img" not in shown and "<script" not in shown and 'onerror="' not in shown
    for each in (*app.markdown, *app.caption, *app.warning, *app.info):
        assert "](" not in each.value.replace("\\](", "").replace("\\]\\(", "") and "<" not in each.value.replace(
            "\\<", ""
        )
