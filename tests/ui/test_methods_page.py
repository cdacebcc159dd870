"""The Methods page: everything that is registered can be found and opened by its address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from rationale_eval.desk.warm.client import NoAnswer, Warm
from rationale_eval.desk.warm.facts import facts
from rationale_eval.metrics.all import load_all
from rationale_eval.ui.terms import TERMS, term
from rationale_eval.ui.text import md_text
from rationale_eval.workspace.runs import Workspace
from tests.helpers.dashboard import ROOT


@pytest.fixture(scope="module")
def records() -> Any:
    return facts(Workspace(Path("nowhere")))


@pytest.fixture(autouse=True)
def _no_process(records: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Warm, "call", lambda self, verb, **_: records)
    monkeypatch.setattr(Warm, "begin", lambda self, after=0.0: None)


def opened(workspace: Path, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(workspace))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/methods_page.py").run()
    assert not app.exception and [each.value for each in app.title] == ["Methods"]
    return app


def test_every_metric_of_the_registry_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(tmp_path, monkeypatch, kind="metric")
    assert set(app.radio[0].options) == {md_text(name) for name in (*load_all(), "nrg")}


@pytest.mark.parametrize("name", ["rq:np", "auprc", "counterfactual_insertion"])
def test_a_metric_is_opened_by_its_address(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(tmp_path, monkeypatch, metric=name)
    found = load_all()[name.partition(":")[0]]
    assert [each.value for each in app.header] == [md_text(found.title)]
    assert app.code[0].value == found.formula
    texts = [each.value for each in app.text]
    assert found.describe in texts and found.avoid in texts


@pytest.mark.parametrize(("kind", "name"), [("recipe", "unirex"), ("method", "lime"), ("perturbation", "negation")])
def test_other_things_are_opened_by_theirs(
    kind: str, name: str, records: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(tmp_path, monkeypatch, **{kind: name})
    record = next(each for each in records[f"{kind}s"] if each["name"] == name)
    assert [each.value for each in app.header] == [md_text(record["title"])]
    assert record["what"] in [each.value for each in app.text]


def test_search_looks_through_all_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(tmp_path, monkeypatch, kind="metric")
    app.text_input(key="methods-search").set_value("sundararajan").run()
    assert [each.value for each in app.header] == ["Integrated gradients"]
    app.text_input(key="methods-search").set_value("<b>xylophone").run()
    assert "Nothing found" in [each.value for each in app.subheader] and not app.exception


def test_metrics_are_shown_while_nothing_else_can_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(self: Warm, verb: str, **_: Any) -> Any:
        raise NoAnswer("the models are busy; try again.")

    monkeypatch.setattr(Warm, "call", busy)
    app = opened(tmp_path, monkeypatch, metric="rq")
    assert [each.value for each in app.header] == ["Rationale quality"]
    assert "busy" in app.error[0].value


def test_terms_are_one_line_of_text() -> None:
    for name in (*load_all(), *TERMS, "rq:np", "nrg"):
        said = term(name)
        assert said and "\n" not in said and len(said) < 400, name
    assert term("no such term") is None
    assert term("RQ") is None or "guess" in str(term("rq"))
    assert str(term("rq:np")).startswith("Rationale quality") and "Variant np" in str(term("rq:np"))
