"""An audit of the bundled set, end to end: report, scores, resumption, refusals, the command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import rationale_eval as rx
from benchmarks.frame import judged
from rationale_eval.axioms import audit as room
from rationale_eval.cli import run
from rationale_eval.errors import UsageError
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.rationales.perturbations import paraphrase
from rationale_eval.verbs import audit_run as verb
from rationale_eval.verbs.audit import AuditResult
from rationale_eval.verbs.audit_job import AuditConfig
from rationale_eval.verbs.audit_run import read_protocol
from rationale_eval.workspace.runs import Workspace

KNOBS = {
    "eval_limit": 40, "simulator_limit": 120, "noise": "50", "data": "none", "perturbations": "format,other_label",
    "simulator.small.steps": 100,
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


def test_several_seeds_are_done_one_after_the_other_and_all_count(tmp_path: Path) -> None:
    shown = list[str]()

    @contextmanager
    def show(text: str, total: int) -> Iterator[Callable[[int], None]]:
        shown.append(text)
        yield lambda done: None

    knobs = KNOBS | {"seeds": 2, "eval_limit": 20, "simulator_limit": 60, "simulator.small.steps": 20}
    config = AuditConfig(data="bundled/nli", metrics=("rq:np",), seed=3, device="cpu", protocol=knobs)
    made = AuditResult.load(verb.audit_run(config, workspace=Workspace(tmp_path), progress=show).folder)
    scores = made.examples()
    generated = scores[scores["source"] == "generated"]
    assert generated.groupby("seed").size().to_dict() == {3: 20, 4: 20}
    (card,) = made.cards()
    number = card["checks"][0]["numbers"]["generated"]
    assert number["seeds"] == 2
    assert number["value"] == pytest.approx(generated["value"].mean())
    assert [text for text in shown if "scoring" in text] == ["scoring, seed 3 (1 of 2)", "scoring, seed 4 (2 of 2)"]


def test_a_finished_audit_is_judged_again_from_its_scores(found: AuditResult, tmp_path: Path) -> None:
    """As the page of the study does, whose cells may have been judged by other rules."""
    stale = json.loads(json.dumps(found.report))
    for card in stale["scorecards"]:
        for check in card["checks"][:-1]:
            check["verdict"] = "holds" if check["verdict"] == "fails" else "fails"
        rated = {"value": 0.1, "low": -0.1, "high": 0.3, "n": 9.0, "seeds": 1, "interval": "percentile"}
        card["checks"][-1] = {"check": "people", "verdict": "holds", "why": "", "numbers": {"rho": rated}}
    (tmp_path / "audit.json").write_text(json.dumps(stale))
    found.examples().to_parquet(tmp_path / "scores.parquet")
    again = judged(tmp_path)["scorecards"]
    for card, before in zip(again, found.cards(), strict=True):
        assert card["scale"] == pytest.approx(before["scale"])
        for check, same in zip(card["checks"][:-1], before["checks"][:-1], strict=True):
            assert (check["verdict"], check["why"]) == (same["verdict"], same["why"])
            assert check["numbers"].keys() == same["numbers"].keys()
        assert card["checks"][-1]["verdict"] == "open" and "rho 0.10" in card["checks"][-1]["why"]


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
    # It ties wherever something is said: nothing of that holds or fails.
    assert card["metric"] == "says_something" and checks["reference"]["verdict"] == "open"
    assert checks["perturbation"]["numbers"]["gap"]["value"] == 0.0 and checks["perturbation"]["verdict"] == "open"
    assert checks["leakage"]["verdict"] == "open" and checks["robustness"]["verdict"] == "holds"


def first_words(case: TextCase) -> float:
    return float(len(case.text[:20]))


def test_a_folder_is_taken_up_by_the_same_audit_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knobs = {"eval_limit": 30, "train_limit": 60, "noise": "none", "data": "none", "perturbations": "format"}
    folder = tmp_path / "own"

    def audit(data: str = "bundled/nli", folder: Path = folder, **more: object) -> AuditResult:
        return rx.audit(data, [first_words], protocol=knobs | more, folder=folder, workspace=tmp_path, device="cpu")

    first = audit()
    for more, said in (
        ({"eval_limit": 25}, "its eval_limit is 30, here 25; it evaluates on other examples"),
        ({"train_limit": 50}, "its train_limit is 60, here 50; it learns from other training examples"),
        ({"rationalizer": "self_rationalize"}, "its rationalizer is retrieve, here self_rationalize"),
        ({"noise": "20"}, "its noise is none, here 20.0"),
    ):
        with pytest.raises(UsageError, match=f"'{folder}' holds another audit .*{said}.*name another folder"):
            audit(**more)
    other = tmp_path / "data"
    other.mkdir()
    bundled = Path(rx.__file__).parent / "data" / "bundled" / "nli"
    for split in ("train", "test"):
        lines = (json.loads(line) for line in (bundled / f"{split}.jsonl").read_text().splitlines())
        (other / f"{split}.jsonl").write_text("\n".join(json.dumps(one | {"id": f"x{one['id']}"}) for one in lines))
    with pytest.raises(UsageError, match="it learns from other training examples; it evaluates on other examples"):
        audit(str(other))
    # Nothing was touched, and the audit itself goes on: what its task model said is not asked for again.
    monkeypatch.setattr(room, "RATIONALIZERS", {"retrieve": SimpleNamespace(speak=_stop)})
    assert audit().cards() == first.cards()

    # A folder from before the note is known by its report, and one that was left unfinished by what was said.
    for missing in ("made_from.json", "audit.json"):
        (folder / missing).unlink()
        with pytest.raises(UsageError, match="holds another audit"):
            audit(eval_limit=25)
    assert audit().cards() == first.cards()
    (folder / "made_from.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        audit()


def test_a_language_model_paraphrases_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knobs = {"eval_limit": 30, "train_limit": 60, "noise": "none", "data": "none", "perturbations": "paraphrase,format"}
    loaded, asked = [], []

    def written(said, lm, seed, attempt):
        asked.append(attempt)
        return {one.example.id: f"{one.text.split()[-1]} {one.text}" for one in said}

    monkeypatch.setattr(paraphrase, "_written", written)
    monkeypatch.setattr(paraphrase, "why_not_same", lambda said, text: "" if len(said.text) % 2 else "odd")
    monkeypatch.setattr(verb, "load_model", lambda name, **how: loaded.append(name) or object())

    def audit(paraphraser: str | None = "embedded/smollm2") -> AuditResult:
        protocol = knobs | {"paraphraser": paraphraser}
        return rx.audit("bundled/nli", [first_words], protocol=protocol, folder=tmp_path / "own", workspace=tmp_path)

    first = audit()
    assert loaded == ["embedded/smollm2"] and asked == [0, 1, 2, 3]
    scores = first.examples().set_index(["source", "example_id"])["text"]
    changed = scores["equivalent/paraphrase"]
    assert 0 < len(changed) < 30
    for key, text in changed.items():
        said = scores["generated", key]
        assert text == f"{said.split()[-1]} {said}" and len(said) % 2
    report = next(each for each in first.report["perturbations"] if each["name"] == "paraphrase")
    assert (report["tried"], report["applied"]) == (30, len(changed)) and report["reasons"] == {
        "odd": 30 - len(changed)
    }
    # What was written is kept, and read as it was.
    again = audit()
    assert loaded == ["embedded/smollm2"] and again.cards() == first.cards()
    assert again.report["perturbations"] == first.report["perturbations"]
    with pytest.raises(UsageError, match="embedded/minilm does not write"):
        audit("embedded/minilm")


def test_functions_of_one_name_are_refused(tmp_path: Path) -> None:
    metrics = [lambda case: 1.0, lambda case: float(len(case.text))]
    with pytest.raises(UsageError, match=r"two metrics are named 'lambda'.*a name of its own"):
        rx.audit("bundled/nli", metrics, folder=tmp_path / "own", workspace=tmp_path)
    assert not (tmp_path / "own").exists()


def test_what_cannot_be_audited_is_one_sentence(tmp_path: Path) -> None:
    for knobs, said in (
        ({"seedz": 3}, "seedz"),
        ({"rationalizer": "orakel"}, "no rationalizer 'orakel'"),
        ({"perturbations": "paraphrase"}, "needs a language model; name one with --set paraphraser"),
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
