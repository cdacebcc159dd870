"""An audit of the bundled set, end to end: report, scores, resumption, refusals, the command."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import rationale_eval as rx
from rationale_eval.axioms import audit as room
from rationale_eval.cli import run
from rationale_eval.errors import UsageError
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.verbs.audit import AuditResult
from rationale_eval.verbs.audit_run import read_protocol

KNOBS = {
    "eval_limit": 40, "simulator_limit": 120, "noise": "50", "data": "none", "perturbations": "format,other_label",
    "simulator.small": {"steps": 100},
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    workspace = tmp_path_factory.mktemp("audit")
    return rx.audit("bundled/nli", ["rq:np", "masked_rq:np"], protocol=KNOBS, workspace=workspace, device="cpu")


def test_a_report_holds_every_check_and_the_scores_behind_it(found: AuditResult) -> None:
    assert [(card["metric"], card["variant"]) for card in found.cards()] == [("rq", "np"), ("masked_rq", "np")]
    for card in found.cards():
        assert [each["check"] for each in card["checks"]] == [
            "reference", "perturbation", "robustness", "leakage", "people"
        ]  # fmt: skip
        assert card["checks"][-1]["verdict"] == "not tried"
    scores = found.examples()
    assert {"generated", "gold", "random", "empty", "reference", "reference_retrained", "noise_50"} <= set(
        scores["source"]
    )
    # The report's values are those of the scores.
    rows = scores[(scores["source"] == "generated") & (scores["metric"] == "rq")]
    numbers = found.cards()[0]["checks"][0]["numbers"]
    assert numbers["generated"]["value"] == pytest.approx(rows["value"].mean())
    # A label restated and hidden says no more than an empty frame does, whatever the answer is.
    hidden = scores[(scores["source"] == "reference") & (scores["metric"] == "masked_rq")]
    assert hidden["value"].abs().max() <= 1 and len(hidden) == len(rows)
    summary = found.summary()
    assert list(summary["metric"]) == ["rq", "masked_rq"] and set(summary["reference"]) <= {"holds", "fails", "open"}


def test_a_stopped_audit_goes_on_with_what_was_said(found: AuditResult, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = found.folder.parent.parent
    monkeypatch.setattr(room.Auditor, "_train", _stop)
    with pytest.raises(KeyboardInterrupt):
        rx.audit("bundled/nli", ["rq:np"], protocol=KNOBS, workspace=workspace, device="cpu")
    monkeypatch.undo()
    (run,) = [each for each in (workspace / "runs").iterdir() if not (each / "audit.json").exists()]
    monkeypatch.setattr(
        room, "RATIONALIZERS", {"retrieve": SimpleNamespace(speak=_stop)}
    )  # nothing is asked to speak again
    again = rx.resume(run.name, workspace=workspace)
    assert again.status.state == "finished"
    same, first = AuditResult.load(run), found
    assert same.cards()[0]["checks"][0]["numbers"] == first.cards()[0]["checks"][0]["numbers"]


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_function_is_audited_like_any_metric(tmp_path: Path) -> None:
    def says_something(case: TextCase) -> float:
        return float(bool(case.text))

    found = rx.audit("bundled/nli", [says_something], protocol=KNOBS, folder=tmp_path / "own", workspace=tmp_path)
    (card,) = found.cards()
    checks = {each["check"]: each for each in card["checks"]}
    assert card["metric"] == "says_something" and checks["reference"]["verdict"] == "fails"
    assert checks["perturbation"]["numbers"]["gap"]["value"] == 0.0 and checks["perturbation"]["verdict"] == "fails"
    assert checks["robustness"]["verdict"] == "holds"


def test_what_cannot_be_audited_is_one_sentence(tmp_path: Path) -> None:
    for knobs, said in (
        ({"seedz": 3}, "seedz"),
        ({"rationalizer": "orakel"}, "no rationalizer 'orakel'"),
        ({"perturbations": "paraphrase"}, "needs a language model"),
        ({"simulator.epoch": 2}, "simulator epoch"),
    ):
        with pytest.raises(UsageError, match=said):
            read_protocol(knobs, None)
    assert read_protocol({"noise": "10,30", "simulator.epochs": 2}, 80).noise == (10.0, 30.0)
    with pytest.raises(UsageError, match="which is evaluated"):
        rx.audit("bundled/nli", ["rq:np"], split="train", workspace=tmp_path)
    with pytest.raises(UsageError, match="with a label and a rationale"):
        rx.audit("bundled/sentiment", ["rq:np"], workspace=tmp_path)


def test_the_command_prints_scorecards_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["audit", "--data", "bundled/nli", "--metrics", "rq:np", "--workspace", str(tmp_path), "--device", "cpu"]
    for name, value in KNOBS.items():
        words += ["--set", f"{name}={value}"] if not isinstance(value, dict) else []
    assert run([*words, "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["scorecards"][0]["metric"] == "rq" and out["accuracy"][0]["source"] == "generated"
    assert run(words) == 0
    printed = capsys.readouterr()
    assert "axiom 1" in printed.out and "1 reference" in printed.out and "restate the label" in printed.err


def test_sources_scored_together_are_scored_as_each_alone(
    found: AuditResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = room.score

    def one_by_one(speeches, *rest, told):
        return pd.concat([inner([speech], *rest, told=told) for speech in speeches], ignore_index=True)

    monkeypatch.setattr(room, "score", one_by_one)
    kept = found.folder.parent.parent
    alone = rx.audit("bundled/nli", ["rq:np", "masked_rq:np"], protocol=KNOBS, workspace=kept, folder=tmp_path / "a")
    columns = ["source", "example_id", "metric", "value"]
    pd.testing.assert_frame_equal(alone.examples()[columns], found.examples()[columns])
