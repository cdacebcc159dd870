"""The FRAME page: the card's numbers are the report's, each leads to its examples, every state says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from rationale_eval.desk import audits
from rationale_eval.desk.warm.client import Warm
from rationale_eval.desk.warm.facts import facts
from rationale_eval.ui.numbers import interval, number
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.audit_summary import headline
from rationale_eval.workspace.runs import Workspace
from tests.helpers.dashboard import ROOT


@pytest.fixture(scope="module")
def records() -> Any:
    return facts(Workspace(Path("nowhere")))


@pytest.fixture
def asked(records: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What the warm process was asked to submit; it is this process here, and starts nothing."""
    submitted: list[dict[str, Any]] = []

    def call(self: Warm, verb: str, **arguments: Any) -> Any:
        if verb == "facts":
            return records
        if verb == "hello":  # of a server that an earlier test left
            return None
        assert verb == "submit"
        submitted.append(arguments["job"])
        return {"id": Workspace().submit("audit", dict(arguments["job"]), title="an audit").id}

    monkeypatch.setattr(Warm, "call", call)
    monkeypatch.setattr(Warm, "begin", lambda self, after=0.0: None)
    monkeypatch.setattr("rationale_eval.desk.desk.Desk.keep_working", lambda self, after=0.0: None)
    yield submitted


def opened(workspace: Path, monkeypatch: pytest.MonkeyPatch, **query: Any) -> AppTest:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(workspace))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/frame_page.py").run()
    assert not app.exception and [each.value for each in app.title] == ["FRAME"]
    return app


def report(workspace: Path, ids: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((workspace / "runs" / ids["audit"] / "audit.json").read_text())
    return found


def captions(app: AppTest) -> list[str]:
    return [each.value for each in app.caption]


def test_every_number_of_a_card_is_that_of_the_report(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch)
    said, checked = captions(app), 0
    for card in report(sample_folder, sample_ids)["scorecards"]:
        for check in card["checks"]:
            assert f"**{md_text(check['verdict'])}**: {md_text(check['why'])}" in said
            found = headline(check)
            if found is None:
                continue
            key = f"figure-{sample_ids['audit']}-{card['metric']}:{card['variant']}-{check['check']}"
            assert app.button(key=key).label == md_text(number(found["value"]))
            if found["low"] is not None:
                assert md_text(interval(found["low"], found["high"])) in said
            checked += 1
    assert checked >= 6


def test_a_number_leads_to_the_examples_that_make_it_up(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sample_ids["audit"]
    app = opened(sample_folder, monkeypatch)
    app.button(key=f"figure-{run}-rq:np-reference").click().run()
    assert not app.exception
    card = next(each for each in report(sample_folder, sample_ids)["scorecards"] if each["metric"] == "rq")
    check = card["checks"][0]
    rows = next(each.value for each in app.dataframe if "difference" in each.value.columns)
    assert rows["difference"].mean() == pytest.approx(check["numbers"][f"margin_{check['scored']}"]["value"])
    assert "input" in rows.columns and rows["answer"].isin(["entailment", "neutral", "contradiction"]).all()
    assert app.query_params["behind"] == f"reference/margin_{check['scored']}"
    again = opened(sample_folder, monkeypatch, card=f"{run}:rq:np", behind="leakage/explaining_minus_restating")
    rows = next(each.value for each in again.dataframe if "difference" in each.value.columns)
    assert rows["difference"].mean() == pytest.approx(
        card["checks"][3]["numbers"]["explaining_minus_restating"]["value"]
    )


def test_pictures_show_the_numbers_of_the_report(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch, picture=f"{sample_ids['audit']}:rq")
    card = next(each for each in report(sample_folder, sample_ids)["scorecards"] if each["metric"] == "rq")
    specs = [json.loads(each.proto.spec) for each in app.get("plotly_chart")]
    ladder, robust = specs[0], next(spec for spec in specs if "accuracy" in spec["layout"]["xaxis"]["title"]["text"])
    numbers = card["checks"][0]["numbers"]
    assert ladder["data"][0]["x"] == [numbers[source]["value"] for source in audits.SOURCES if source in numbers]
    check = card["checks"][2]
    assert robust["data"][0]["x"] == list(check["accuracy"].values())
    assert robust["data"][0]["y"] == [check["numbers"][name]["value"] for name in check["accuracy"]]
    assert robust["data"][1]["mode"] == "lines"


def test_metrics_and_simulators_can_be_left_out(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch, metrics="rq")
    assert [each.value for each in app.subheader if each.value in ("rq", "simulatability")] == ["rq"]
    app = opened(sample_folder, monkeypatch, simulators="pt")
    assert not [each for each in app.subheader if each.value in ("rq", "simulatability")]


def test_the_table_and_the_command(
    sample_folder: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(sample_folder, monkeypatch, run=sample_ids["audit"])
    frame = next(each.value for each in app.dataframe if "reference_why" in each.value.columns)
    assert list(frame["metric"]) == ["simulatability", "rq"]
    line = app.code[-1].value
    assert line.startswith("rationale-eval audit --data bundled/nli") and "--set eval_limit=24" in line


def test_an_empty_workspace_teaches_and_starts_an_audit(
    tmp_path: Path, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(tmp_path / "workspace", monkeypatch)
    assert "No audit yet" in [each.value for each in app.subheader]
    assert "Unknown: no audit with such simulators has finished here yet." in [each.value for each in app.text]
    app.multiselect(key="audit-metrics").set_value(["rq"]).run()
    app.number_input(key="audit-quick-eval_limit").set_value(30).run()
    app.text_input(key="audit-quick-noise").set_value("20, 50").run()
    app.button(key="audit-start").click().run()
    assert not app.exception and not app.error
    (job,) = asked
    assert (job["data"], job["metrics"]) == ("bundled/nli", ["rq:np"])
    assert job["protocol"] == {
        "train_limit": 400, "eval_limit": 30, "simulator_limit": 200, "data": [25.0]
    }  # fmt: skip
    assert "an audit" in captions(app), "it stands there at once"


def test_a_level_that_is_none_is_refused(
    tmp_path: Path, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(tmp_path / "workspace", monkeypatch)
    app.text_input(key="audit-quick-noise").set_value("20, many").run()
    assert "many" in app.error[0].value


def test_an_estimate_by_earlier_audits(
    own_sample: Path, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(own_sample, monkeypatch, new="1")
    assert any(each.value.startswith("About ") and "1 earlier audit" in each.value for each in app.text)
    app.button_group(key="audit-weights").set_value("pt").run()
    assert any(each.value.startswith("Unknown") for each in app.text)


def test_who_may_only_look_starts_nothing(
    tmp_path: Path, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATIONALE_EVAL_READ_ONLY", "1")
    app = opened(tmp_path / "workspace", monkeypatch)
    assert app.button(key="audit-start").disabled


def test_a_damaged_audit_is_a_sentence_and_the_page_stands(
    own_sample: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_sample / "runs" / sample_ids["audit"] / "audit.json").write_text("{")
    app = opened(own_sample, monkeypatch)
    assert "audit again" in app.error[0].value and app.button(key="frame-new").label == "New audit"


def test_hostile_rationales_stay_text(
    own_sample: Path, sample_ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, hostile = sample_ids["audit"], "<img src=x onerror=alert(1)> ![a](http://evil.example/x) **b** $x$"
    path = own_sample / "runs" / run / "scores.parquet"
    frame = pd.read_parquet(path)
    frame["text"] = hostile
    frame.to_parquet(path, index=False)
    whole = json.loads((path.parent / "audit.json").read_text())
    whole["data"] = hostile
    whole["scorecards"][0]["checks"][0]["why"] = hostile
    (path.parent / "audit.json").write_text(json.dumps(whole))
    app = opened(own_sample, monkeypatch, card=f"{run}:rq:np", behind="reference/gold")
    assert not app.exception
    assert hostile in [each.value for each in app.text], "long text is shown as text"
    for each in (*app.caption, *app.markdown, *app.subheader):
        assert not re.search(r"(?<!\\)(<img|!\[a)", each.value), each.value
