"""Vacuous rationales merge input and answer; one that says nothing else adds exactly nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.errors import UsageError
from rationale_eval.simulators.config import SimulatorConfig
from rationale_eval.simulators.service import Answers, Simulators
from rationale_eval.simulators.vacuous import RELATIONS, vacuous
from rationale_eval.simulators.view import says_nothing_new, view
from tests.helpers.tiny import NLI, tiny_folder

PAIR = Example("e", "nli", {"premise": "A man plays.", "hypothesis": "He is awake."}, NLI.choices)
ASKED = {
    "What do people eat when they rest?": "bread do people eat when they rest.",
    "A beaver's supplies come from where?": "A beaver's supplies come from bread.",
    "People eat _ at home.": "People eat bread at home.",
    "how many loaves are there": "bread loaves are there.",
    "Somehow they met": "Somehow they met. The answer is bread.",
}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (0, "A man plays implies He is awake."),
        (1, "A man plays is not related to He is awake."),
        (2, "A man plays contradicts He is awake."),
    ],
)
def test_inference_has_the_published_template(answer: int, said: str) -> None:
    assert vacuous(PAIR, answer) == said
    assert vacuous(PAIR, answer, "statement") == f"A man plays. He is awake. The answer is {NLI.choices[answer]}."


def test_several_wordings_are_drawn_by_example_and_keep_the_label() -> None:
    for answer, label in enumerate(NLI.choices):
        found = set()
        for number in range(60):
            one = Example(str(number), "nli", PAIR.inputs, NLI.choices)
            said = vacuous(one, answer, "several")
            assert said == vacuous(one, answer, "several")
            found.add(said.removeprefix("A man plays ").removesuffix(" He is awake."))
        assert found == set(RELATIONS[label])
    two = Example("e", "rte", PAIR.inputs, ("entailment", "not_entailment"))
    assert vacuous(two, 1) == "A man plays is not related to He is awake."


@pytest.mark.parametrize(("question", "said"), ASKED.items())
def test_questions_become_statements(question: str, said: str) -> None:
    assert vacuous(Example("e", "qa", {"question": question}, ("stone", "bread")), 1) == said


def test_other_tasks_state_the_answer() -> None:
    yes_no = Example("e", "yes_no_qa", {"question": "Is what he said true?"}, ("no", "yes"))
    assert vacuous(yes_no, 0) == "Is what he said true. The answer is no."
    two = Example("e", "comve", {"sentence0": "a b.", "sentence1": "c d"}, ("sentence0", "sentence1"))
    assert vacuous(two, 1) == "a b. c d. The answer is sentence1."


def answers(texts: list[str], targets: list[int], start: int = 0) -> Answers:
    examples = [
        Example(f"e{start + place}", "nli", PAIR.inputs, NLI.choices, 0, rationales=("gold",))
        for place in range(len(texts))
    ]
    ids = [example.id for example in examples]
    data = RationaleDataset.from_examples(examples, NLI)
    return Answers(data, dict(zip(ids, targets, strict=True)), dict(zip(ids, texts, strict=True)))


def test_views_show_the_vacuous_rationale_of_the_systems_answer_or_nothing() -> None:
    shown = answers(["because", " "], [2, 1])
    first, second = shown.seen("vacuous_rationale")
    assert dict(first.inputs) == {"rationale": "because", "vacuous": "A man plays contradicts He is awake."}
    assert dict(second.inputs) == {"rationale": "__", "vacuous": "A man plays is not related to He is awake."}
    assert [one.label for one in shown.seen("vacuous")] == [2, 1]
    for alone, both in zip(shown.seen("vacuous"), (first, second), strict=True):
        assert dict(alone.inputs) == {"vacuous": both.inputs["vacuous"]}
    assert [dict(one.inputs) for one in shown.seen("neither")] == [{"nothing": "__"}] * 2
    assert shown.seen("neither").task.fields == ("nothing",)
    (said,) = {one.inputs["vacuous"] for one in answers(["x"], [0]).seen("vacuous", "statement")}
    assert said.endswith("The answer is entailment.")
    for name in ("vacuous", "nothing"):
        with pytest.raises(UsageError, match=f"an input field '{name}'"):
            view(RationaleDataset.from_examples([], Task("t", "classification", (name,), ("a", "b"))), "input", {})


def test_what_says_nothing_new_is_answered_from_the_vacuous_rationale_alone(tmp_path: Path) -> None:
    encoder = str(tiny_folder(tmp_path / "encoder", "bert", "classifier", labels=3))
    settings = SimulatorConfig(model=encoder, epochs=1)
    labels = [0, 1, 2] * 8
    train, dev = answers(["people"] * 24, labels), answers(["people"] * 24, labels, 100)
    made = Simulators(tmp_path / "kept", tmp_path / "work", train, dev, settings, device="cpu")
    shown = answers(["", "A MAN PLAYS is not related to he is awake.", "a book", "A man plays implies"], [0, 1, 2, 0])
    assert [says_nothing_new(one) for one in shown.seen("vacuous_rationale")] == [True, True, False, False]
    both, alone = made.guesses(shown, "vacuous_rationale"), made.guesses(shown, "vacuous")
    assert both.keys() == alone.keys()
    assert [bool(np.array_equal(both[key], alone[key])) for key in shown.targets] == [True, True, False, False]


def test_the_wording_is_no_part_of_other_simulators(tmp_path: Path) -> None:
    encoder = str(tiny_folder(tmp_path / "encoder", "bert", "classifier", labels=3))
    train = answers(["people"] * 6, [0, 1, 2] * 2)
    for wording, kept in (("merged", 2), ("statement", 3)):
        settings = SimulatorConfig(model=encoder, epochs=1, vacuous=wording)
        made = Simulators(tmp_path / "kept", tmp_path / "work", train, train, settings, device="cpu")
        made.train_all(["rationale", "vacuous"])
        assert len(list((tmp_path / "kept").iterdir())) == kept
