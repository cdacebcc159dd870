"""What the Methods page knows: every record, complete, and asked of the warm process once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rationale_eval.desk import facts, remembered
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.warm.facts import facts as records
from rationale_eval.metrics.all import load_all
from rationale_eval.rationales.methods import METHODS
from rationale_eval.rationales.perturbations import PERTURBATIONS
from rationale_eval.rationales.template import TEMPLATES
from rationale_eval.recipes import RECIPES
from rationale_eval.workspace.runs import Workspace


@pytest.fixture(scope="module")
def known() -> list[facts.Fact]:
    return [*facts.metric_facts(), *facts.other_facts(records(Workspace(Path("nowhere"))))]


def test_every_registered_thing_has_an_entry(known: list[facts.Fact]) -> None:
    names = {kind: [each.name for each in known if each.kind == kind] for kind in facts.KINDS}
    assert sorted(names["metric"]) == sorted([*load_all(), "nrg"])
    assert names["method"] == list(METHODS)
    assert names["recipe"] == list(RECIPES)
    assert names["prompt"] == list(TEMPLATES)
    assert names["perturbation"] == list(PERTURBATIONS)
    assert names["task_model"] == ["retrieve", "self_rationalize"]


def test_an_entry_says_what_formula_when_not_and_source(known: list[facts.Fact]) -> None:
    for each in known:
        assert each.title and each.what, each.name
        if each.kind in ("metric", "method", "recipe"):
            assert each.formula and each.avoid and each.cite, each.name
        if each.kind == "metric" and each.name != "nrg":
            assert each.variants and {"Symbol", "Direction", "Range", "Needs"} <= {name for name, _ in each.lines}


def test_numbers_of_a_record_are_those_of_the_metric(known: list[facts.Fact]) -> None:
    rq = next(each for each in known if each.name == "rq")
    assert dict(rq.lines)["Range"] == "-1 to 1"
    assert dict(rq.lines)["Simulators see"] == "input, both"
    assert rq.variants == (("pt", "weights = pt"), ("np", "weights = np"))
    assert rq.version == load_all()["rq"].version
    unirex = next(each for each in known if each.name == "unirex")
    assert ("bins", "1, 5, 10, 20, 50", "Sizes of the rationale in per cent.") in unirex.knobs


def test_search_wants_all_words(known: list[facts.Fact]) -> None:
    found = {each.name for each in facts.chosen(known, words="hase LEAK")}
    assert {"leakage", "las", "simulatability"} <= found and "rouge1" not in found
    assert facts.chosen(known, words="xylophone") == []


class Once:
    """A warm process that counts questions."""

    def __init__(self) -> None:
        self.asked = 0

    def call(self, verb: str, **_: Any) -> Any:
        self.asked += 1
        return {"verb": verb}


def test_the_warm_process_is_asked_once_for_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warm = Once()
    desk = Desk(Workspace(tmp_path), warm=warm)  # type: ignore[arg-type]
    assert facts.warm_facts(desk) == facts.warm_facts(desk) == {"verb": "facts"}
    assert warm.asked == 1
    monkeypatch.setattr(remembered, "program", lambda: "another")
    facts.warm_facts(desk)
    assert warm.asked == 2
    assert len(list((tmp_path / "cache").glob("facts-*.json"))) == 1


def test_a_damaged_answer_is_asked_again_and_a_closed_folder_is_no_hindrance(tmp_path: Path) -> None:
    warm = Once()
    desk = Desk(Workspace(tmp_path), warm=warm)  # type: ignore[arg-type]
    facts.warm_facts(desk)
    (kept,) = (tmp_path / "cache").glob("facts-*.json")
    kept.write_text("{")
    assert facts.warm_facts(desk) == {"verb": "facts"} and warm.asked == 2
    (tmp_path / "file").write_text("")
    nowhere = Desk(Workspace(tmp_path / "file" / "below"), warm=warm)  # type: ignore[arg-type]
    assert facts.warm_facts(nowhere) == {"verb": "facts"}
