"""A new evaluation from the page Compare: what is offered, what is asked of the queue, and every state of the form."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rationale_eval.desk.access import Access
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.evaluating import BEGINS, Asked, estimate, metrics
from rationale_eval.metrics.record import METRICS
from rationale_eval.metrics.usual import DEFAULT_METRICS, TEXT_METRICS
from rationale_eval.verbs.run_list import list_runs
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from tests.helpers.pages import Near, opened, texts


@pytest.fixture
def workspace(sample_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_folder, tmp_path / "ws"))


def started(app: AppTest, workspace: Path) -> Run:
    app.button(key="evaluation-start").click().run()
    assert not app.exception and [each.value for each in app.error] == []
    assert "evaluate" not in app.query_params
    (queued,) = list_runs(Workspace(workspace), states=("queued",))
    return Workspace(workspace).get(queued.row.id)


def test_highlights_of_the_model_that_another_page_named(
    workspace: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = f"run:{sample_ids['train']}"
    app = opened("compare", workspace, monkeypatch, evaluate="1", score="model", subject=subject)
    assert app.selectbox(key="evaluate-model").value == subject
    assert app.selectbox(key=f"evaluate-data-{subject}").value == "bundled/nli"
    methods = app.multiselect(key="evaluate-methods-False")
    assert methods.value == ["integrated_gradients", "input_x_gradient", "attention"]
    assert "learned" not in methods.options and "random" not in methods.options
    assert set(app.multiselect(key="evaluate-controls").options) == {"random", "gold", "inverse_gold"}
    methods.set_value(["saliency"])
    app.number_input(key="evaluate-limit").set_value(12).run()
    assert "earlier evaluation" in texts(app)
    assert "--methods saliency" in app.code[-1].value and "--limit 12" in app.code[-1].value
    run = started(app, workspace)
    job = run.config
    assert (job["model"], job["data"], job["limit"], job["methods"]) == (subject, "bundled/nli", 12, ["saliency"])
    # The usual metrics are asked for by no name, so that those the data has nothing for are left out in silence.
    assert job["metrics"] is None and job["controls"] == ["random"]


def test_texts_with_a_simulator_metric(
    workspace: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened("compare", workspace, monkeypatch, evaluate="1", score="texts")
    assert app.segmented_control(key="evaluate-kind").value == "texts"
    subject = f"run:{sample_ids['generate']}"
    assert app.selectbox(key="evaluate-texts").value == subject
    metrics = app.multiselect(key="evaluate-metrics-True")
    assert metrics.value == list(TEXT_METRICS) and "early_answering" not in " ".join(metrics.options)
    metrics.set_value(["rouge_l", "simulatability:np"]).run()
    job = started(app, workspace).config
    assert job["texts"] == [subject] and set(job["metrics"]) == {"rouge_l", "simulatability:np"}
    assert job["simulator"] == {"np_architecture": "small"} and job["model"] is None


def test_what_is_missing_is_said_and_nothing_starts(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("compare", workspace, monkeypatch, evaluate="1")
    app.multiselect(key="evaluate-methods-False").set_value([]).run()
    assert "Pick at least one method." in texts(app) and app.button(key="evaluation-start").disabled
    app.button(key="evaluate-back").click().run()
    assert "evaluate" not in app.query_params and app.multiselect(key="compare-runs").value
    app.button(key="evaluate-new").click().run()
    assert app.button(key="evaluation-start")


def test_an_empty_workspace_leads_to_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("compare", tmp_path / "none", monkeypatch, evaluate="1")
    assert "Train a model first." in texts(app) and app.button(key="evaluate-train")


def test_a_read_only_dashboard_starts_none(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("compare", workspace, monkeypatch, read_only=True, evaluate="1")
    assert app.button(key="evaluation-start").disabled and "read-only" in texts(app)


def test_metrics_are_offered_by_what_they_read() -> None:
    for texts_, usual in ((False, DEFAULT_METRICS), (True, TEXT_METRICS)):
        offered, default = metrics(texts=texts_)
        assert default == usual and set(usual) <= set(offered) and len(offered) == len(set(offered))
        for name in offered:
            needs = METRICS[name.partition(":")[0]].needs
            assert ("text" in needs) == texts_ and "lm" not in needs


def test_an_estimate_grows_with_examples_and_methods(sample_folder: Path) -> None:
    desk = Desk(Workspace(sample_folder), Access(), Near(sample_folder))  # type: ignore[arg-type]
    one = estimate(desk, Asked("bundled/nli", model="run:1", methods=("saliency",), controls=(), limit=1000))
    both = estimate(desk, Asked("bundled/nli", model="run:1", methods=("saliency", "lime"), controls=(), limit=1000))
    assert one is not None and both is not None and one.earlier == 2
    assert both.middle - BEGINS == pytest.approx(2 * (one.middle - BEGINS)) and one.low <= one.middle <= one.high
    assert estimate(desk, Asked("bundled/nli", model="run:1", methods=("saliency",))) is None
