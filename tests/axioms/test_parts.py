"""Conditions, sources, rated sets and the choice of metrics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from rationale_eval.axioms.choosing import choose, name_of
from rationale_eval.axioms.conditions import Condition, conditions
from rationale_eval.axioms.rated import rated_of
from rationale_eval.axioms.sources import empty, gold, reference, shuffled
from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.errors import UsageError
from rationale_eval.metrics.text_case import TextCase

TASK = Task("t", "classification", ("text",), ("no", "yes", "maybe"))


def data(count: int = 40) -> RationaleDataset:
    examples = [
        Example(f"e{n}", "t", {"text": f"text {n}"}, TASK.choices, n % 3, rationales=(f"because {n}",))
        for n in range(count)
    ]
    return RationaleDataset.from_examples(examples, TASK)


def test_conditions_are_nested_and_wrong_labels_are_wrong() -> None:
    train = data()
    assert [each.name for each in conditions([0, 50, 25], [100, 10])] == ["whole", "noise_50", "noise_25", "data_10"]
    gold_labels = {one.id: one.label for one in train}

    def flipped(share: float) -> set[str]:
        found = Condition("noise", share).apply(train, 3)
        assert [one.id for one in found] == list(gold_labels)
        return {one.id for one in found if one.label != gold_labels[one.id]}

    assert len(flipped(0.5)) == 20 and len(flipped(0.25)) == 10 and flipped(0.25) < flipped(0.5)
    few, fewer = ({one.id for one in Condition("data", share).apply(train, 3)} for share in (0.5, 0.1))
    assert len(few) == 20 and len(fewer) == 4 and fewer < few
    assert Condition().apply(train, 0) is train


def test_sources_are_built_from_the_answers() -> None:
    some = data(4)
    said = Spoken({"e0": 0, "e1": 2, "e2": 2, "e3": None}, {f"e{n}": f"said {n}" for n in range(4)})
    assert reference(some, said, "verbalised", 0).texts == {
        "e0": "The answer is no.", "e1": "The answer is maybe.", "e2": "The answer is maybe."
    }  # fmt: skip
    explained = reference(some, said, "explained", 0).texts
    assert explained["e0"] == "The answer is no because because 0"
    assert explained["e1"] == "The answer is maybe because because 2"  # a rationale of that label
    assert gold(some, said).texts == {"e0": "because 0", "e2": "because 2"}
    assert set(empty(said).texts.values()) == {""}
    ring = shuffled(said, list(said.texts), 0).texts
    assert sorted(ring.values()) == sorted(said.texts.values()) and all(ring[key] != said.texts[key] for key in ring)
    assert said.accuracy(some) == 0.5


def test_what_was_said_is_kept(tmp_path: Path) -> None:
    said = Spoken({"a": 1, "b": None}, {"a": "x", "b": ""})
    said.save(tmp_path / "said.json")
    assert Spoken.load(tmp_path / "said.json") == said and said.read == {"a": 1}


def test_rated_explanations_of_the_task_are_found_by_their_fields() -> None:
    task = Task("rated", "multiple_choice", ("text", "other"), ())
    meta = {"dataset": "d", "system": "human", "ratings": ["yes", "no", "w_yes"]}
    right = Example("r1", "rated", {"text": "t"}, ("yes", "no", "maybe"), 0, rationales=("said", "gold"), meta=meta)
    model = Example(
        "r2", "rated", {"text": "t"}, TASK.choices, 1, rationales=("said",), meta={**meta, "system": "gpt3"}
    )
    other = Example("r3", "rated", {"other": "t"}, TASK.choices, 1, rationales=("said",), meta=meta)
    found = rated_of(RationaleDataset.from_examples([right, model, other], task), TASK)
    assert list(found.spoken.texts) == ["r1", "r2"] and found.by_people == {"r1"}
    assert found.spoken.answers == {"r1": 1, "r2": 1}  # "yes" is the task's second choice
    assert found.plausibility["r1"] == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert next(iter(found.data)).rationales == ("gold",)


def test_metrics_are_chosen_pt_beside_np_and_own_functions_too() -> None:
    assert [each.name for each in choose(["rq", "las:np_leaking"])] == ["rq:pt", "rq:np", "las:np_leaking"]
    assert [each.metric.name for each in choose(["chrf"])] == ["chrf"]

    def longest(case: TextCase) -> float:
        return float(len(case.text))

    def helps(case: TextCase, *, weights: str) -> float:
        return float(case.guessed(weights, "both"))

    (own,) = choose([longest])
    assert own.metric.ask(TextCase(next(iter(data())), "four", (), 0)).value == 4.0
    assert [each.name for each in choose([helps])] == ["helps:pt", "helps:np"]
    for name, said in (("rqq", "did you mean rq"), ("rq:xl", "no variant 'xl'"), ("auprc", "cannot be audited")):
        with pytest.raises(UsageError, match=said):
            choose([name])
    with pytest.raises(UsageError, match="at least one"):
        choose([])


def test_metrics_of_one_name_are_never_merged() -> None:
    def rq(case: TextCase, *, weights: str) -> float:
        return 0.0

    def length(case: TextCase) -> float:
        return float(len(case.text))

    def other() -> Callable[[TextCase], float]:
        def length(case: TextCase) -> float:
            return -float(len(case.text))

        return length

    for names in (
        [length, other()],
        [length, length],
        ["rq:np", rq],
        [rq, "rq:np"],
        [partial(length), partial(length)],
    ):
        with pytest.raises(UsageError, match=r"two metrics are named '(length|rq|own)'"):
            choose(names)
    # A registered metric that is named twice is that metric, once.
    assert [each.name for each in choose(["rq:np", "rq", "chrf", "chrf"])] == ["rq:np", "rq:pt", "chrf:all"]
    assert [name_of(each) for each in ("rq:np", length, lambda case: 0.0, partial(length))] == [
        "rq:np", "length", "lambda", "own"
    ]  # fmt: skip
