"""What the FRAME page reads: cards equal to the report, examples that make up each number, estimates."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rationale_eval.axioms.protocol import FULL_DATA, FULL_NOISE, Protocol
from rationale_eval.axioms.rated import RatedSet
from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.load import load_dataset
from rationale_eval.desk import audit_examples, audits
from rationale_eval.desk.audit_latex import latex
from rationale_eval.desk.audit_presets import BEGINS, PRESETS, Asked, differing, estimate, named
from rationale_eval.errors import InputError
from rationale_eval.verbs.audit_instances import instances
from rationale_eval.verbs.audit_run import read_protocol
from rationale_eval.verbs.audit_summary import headline
from rationale_eval.verbs.jobs import read_job


@pytest.fixture(scope="module")
def folder(sample_folder: Path, sample_ids: dict[str, str]) -> Path:
    return sample_folder / "runs" / sample_ids["audit"]


@pytest.fixture(scope="module")
def view(folder: Path) -> audits.AuditView:
    return audits.read(folder, folder.name)


def test_cards_are_the_report(folder: Path, view: audits.AuditView) -> None:
    report = json.loads((folder / "audit.json").read_text())
    assert [card.key for card in view.cards] == ["simulatability:np", "rq:np"]
    for card, record in zip(view.cards, report["scorecards"], strict=True):
        assert tuple(card.checks) == audits.CHECKS
        for check in record["checks"]:
            shown = card.checks[check["check"]]
            assert (shown.verdict, shown.why) == (check["verdict"], check["why"])
            expected, found = headline(check), shown.headline
            assert (expected is None) == (found is None)
            if expected is not None and found is not None:
                assert (found[1].value, found[1].low, found[1].high) == (
                    expected["value"], expected["low"], expected["high"]
                )  # fmt: skip
    assert view.examples == 24 and view.protocol["noise"] == [50.0]


def test_the_examples_behind_a_difference_make_it_up(folder: Path, view: audits.AuditView) -> None:
    checked = 0
    for card in view.cards:
        for name in ("reference", "leakage"):
            found = card.checks[name].headline
            if found is None:
                continue
            behind = audit_examples.behind(folder, card, name, found[0])
            assert len(behind.sources) == 2
            assert behind.rows["difference"].mean() == pytest.approx(found[1].value)
            checked += 1
    assert checked >= 3


def test_the_gap_is_made_up_by_its_edits(folder: Path, view: audits.AuditView) -> None:
    for card in view.cards:
        check = card.checks["perturbation"]
        rows = audit_examples.behind(folder, card, "perturbation", "gap").rows
        kind = rows["edit"].str.partition("/")[0]
        means = rows.groupby(kind)["difference"].mean()
        gap = check.numbers["gap"].value
        assert means["contrastive"] - means["equivalent"] == pytest.approx(gap)
        for edit, of_edit in rows.groupby("edit"):
            assert of_edit["difference"].mean() == pytest.approx(check.numbers[str(edit)].value)
        assert rows["text: edited"].str.len().min() > 0


def test_conditions_stand_beside_each_other(folder: Path, view: audits.AuditView) -> None:
    card = view.cards[1]
    behind = audit_examples.behind(folder, card, "robustness", "relative")
    assert behind.sources == ("generated", "noise_50", "data_25")
    for source in behind.sources:
        assert behind.rows[f"score: {source}"].mean() == pytest.approx(card.checks["robustness"].numbers[source].value)


def test_a_row_says_input_and_answer_in_words(folder: Path, view: audits.AuditView) -> None:
    rows = audit_examples.behind(folder, view.cards[0], "reference", "gold").rows
    examples = {one.id: one for one in load_dataset("bundled/nli", "test")}
    row = rows.iloc[0]
    one = examples[row["example_id"]]
    assert row["input"] == "  |  ".join(f"{name}: {text}" for name, text in one.inputs.items())
    assert row["answer"] in one.choices and row["text: gold"] == one.rationales[0]


def test_an_audit_of_an_earlier_time_has_texts_and_no_inputs(
    folder: Path, view: audits.AuditView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_examples, "INSTANCES", "absent.parquet")
    rows = audit_examples.behind(folder, view.cards[0], "reference", "gold").rows
    assert "input" not in rows and rows["text: gold"].notna().all()
    assert audit_examples.ratings(folder, view.cards[0]) is None


def test_explaining_and_restating_differ_by_the_number_of_the_card(folder: Path, view: audits.AuditView) -> None:
    card = view.cards[1]
    found = audit_examples.compared(folder, card, ("gold", "restating"))
    expected = card.checks["leakage"].numbers["explaining_minus_restating"].value
    assert found["gold"] - found["restating"] == pytest.approx(expected)


def test_a_corpus_value_is_reduced_and_not_averaged() -> None:
    # Two leak (differences 1 and 0), one does not (difference -1): (1/2 + -1) / 2, and not the mean 0.
    parts = [[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]]
    rows = pd.DataFrame({"value": [1.0, 0.0, -1.0], "parts": parts})
    assert audit_examples.value(rows, "las") == pytest.approx(-0.25)
    assert audit_examples.value(rows, "rq") == pytest.approx(0.0)


def test_the_fitted_line() -> None:
    assert audit_examples.slope([(0.2, 1.0), (0.4, 2.0), (0.6, 3.0)]) == pytest.approx((5.0, 0.0))
    assert audit_examples.slope([(0.2, 1.0), (0.2, 2.0)]) is None
    assert audit_examples.slope([(0.2, 1.0), (float("nan"), 2.0)]) is None


def test_rated_explanations_keep_ratings_and_writers() -> None:
    data = load_dataset("bundled/nli", "test")
    two = list(data)[:2]
    rated = RatedSet(
        data.where(lambda one: one.id in {each.id for each in two}),
        Spoken({}, {}),
        {two[0].id: 0.25, two[1].id: 1.0},
        frozenset({two[0].id}),
    )
    frame = instances(data.where(lambda one: False), rated)
    assert frame["rating"].tolist() == [0.25, 1.0] and frame["by_people"].tolist() == [True, False]
    assert frame["rated"].all() and json.loads(frame["inputs"][0]) == dict(two[0].inputs)


@pytest.mark.parametrize("text", ["{", "[]", '{"data": "x"}', '{"scorecards": [1]}'])
def test_a_damaged_report_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(InputError, match="cannot be read; audit again"):
        audits.read(tmp_path, "R")
    with pytest.raises(InputError, match="no scorecards yet"):
        audits.read(tmp_path / "nowhere", "R")


def test_tables_to_take_away(view: audits.AuditView) -> None:
    frame = audits.table(view.cards)
    margin = view.cards[0].checks["reference"].headline
    assert margin is not None
    assert frame.loc[0, "margin"] == margin[1].value and frame.loc[0, "reference"] == view.cards[0].checks[
        "reference"
    ].verdict  # fmt: skip
    text = latex(view.cards)
    assert r"\toprule" in text and "bundled/nli & simulatability (np) & " in text
    assert f"{margin[1].value:.3f}" in text and text.count(r" \\") == 1 + len(view.cards)


def test_presets_are_protocols() -> None:
    for each in PRESETS:
        protocol = read_protocol(each.protocol, None)
        for name, value in each.protocol.items():
            assert getattr(protocol, name) == (tuple(value) if isinstance(value, list) else value)
    assert tuple(PRESETS[-1].protocol["noise"]) == FULL_NOISE and tuple(PRESETS[-1].protocol["data"]) == FULL_DATA
    assert PRESETS[1].protocol == {}


def test_what_is_asked_is_a_job() -> None:
    asked = Asked("bundled/nli", ("rq:np", "rouge1"), {"seeds": 2, "noise": [20.0, 50.0]})
    assert read_job(asked.job()).command() == (
        "rationale-eval audit --data bundled/nli --device auto --seed 0 --train-split train --metrics rq:np,rouge1 "
        "--set seeds=2 --set noise=20.0,50.0"
    )
    defaults = Protocol().model_dump(mode="json")
    assert differing({**defaults, "seeds": 3, "unknown": 1}, defaults) == {"seeds": 3}
    known = {
        "rq": [{"variant": "pt", "weights": "pt"}, {"variant": "np", "weights": "np"}],
        "rouge1": [{"variant": "all", "weights": None}],
    }
    assert named(["rq", "rouge1"], ("np",), known) == ["rq:np", "rouge1"]
    assert named(["rq"], ("pt", "np"), known) == ["rq:pt", "rq:np"]


class Earlier:
    """A desk whose audits took so long."""

    def __init__(self, *audits: tuple[float, dict[str, Any]]):
        self.audits = audits

    def runs(self, **_: Any) -> list[Any]:
        return [SimpleNamespace(row=SimpleNamespace(id=place)) for place in range(len(self.audits))]

    def run(self, place: int) -> Any:
        seconds, config = self.audits[place]
        return SimpleNamespace(status=SimpleNamespace(seconds=seconds), config=config)


def test_an_estimate_scales_audits_of_the_same_kind_only() -> None:
    defaults = Protocol().model_dump(mode="json")
    views = {"rq": ["input", "both"], "simulatability": ["both"], "rouge1": []}
    small = {"metrics": ["rq:np"], "protocol": {"noise": [50.0], "data": [25.0], "simulator_limit": 100}}
    job = {"metrics": ["rq:np"], "protocol": {"noise": [50.0], "data": [25.0], "simulator_limit": 300, "seeds": 2}}

    def found(*earlier: tuple[float, dict[str, Any]], asked: dict[str, Any] = job) -> Any:
        return estimate(Earlier(*earlier), asked, views, defaults)  # type: ignore[arg-type]

    assert found() is None
    assert found((100.0, {**small, "metrics": ["rq:pt"]})) is None, "pretrained simulators say nothing of others"
    assert found((BEGINS + 10.0, small), asked={"metrics": ["rouge1"]}) is None, "nothing is trained"
    one = found((BEGINS + 10.0, small))
    assert one is not None and one.middle == pytest.approx(BEGINS + 10.0 * 6) and one.earlier == 1
    two = found((BEGINS + 10.0, small), (BEGINS + 30.0, small))
    assert two is not None and (two.low, two.high) == pytest.approx((BEGINS + 60.0, BEGINS + 180.0))
    # Views are shared by metrics: simulatability adds none to rq.
    both = found((BEGINS + 10.0, small), asked={**small, "metrics": ["rq:np", "simulatability:np"]})
    assert both is not None and both.middle == pytest.approx(BEGINS + 10.0)
    assert np.isfinite(both.middle)


def test_ratings_stand_beside_scores(tmp_path: Path, view: audits.AuditView) -> None:
    card = view.cards[1]
    both = {"metric": card.metric, "variant": card.variant, "source": "rated", "seed": 0, "answer": 0, "text": "t"}
    scores = [both | {"example_id": "a", "value": 1.0}, both | {"example_id": "b", "value": None}]
    pd.DataFrame(scores).assign(reason="", parts=None).to_parquet(tmp_path / "scores.parquet")
    known = pd.DataFrame(
        [
            {"example_id": key, "rated": True, "inputs": '{"premise": "x"}', "choices": ["yes", "no"], "label": 0}
            | {"rating": rating, "by_people": True}
            for key, rating in (("a", 0.5), ("b", 0.75))
        ]
    )
    known.to_parquet(tmp_path / "instances.parquet")
    found = audit_examples.ratings(tmp_path, card)
    assert found is not None and found[["rating", "score"]].to_numpy().tolist() == [[0.5, 1.0]]
    rows = audit_examples.behind(tmp_path, card, "people", "rho").rows
    assert rows["rating"].tolist() == [0.5, 0.75] and rows["answer"].tolist() == ["yes", "yes"]
    assert rows["input"].tolist() == ["premise: x", "premise: x"]
