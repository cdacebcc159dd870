"""FEB: prompts word for word, its reading rules, its splits, and a small training on one of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.errors import UsageError
from rationale_eval.models.new_t5 import Sizes, new_t5
from rationale_eval.rationales.completion import read_text
from rationale_eval.rationales.feb import SEEDS, TASKS, draw_split, feb_task
from rationale_eval.rationales.own_prompt import own_template, predict
from rationale_eval.recipes.feb import Feb, FebConfig
from rationale_eval.recipes.record import read_config
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import fit
from tests.helpers.tiny import NLI, SENTIMENT, tiny_classifier

ESNLI, ECQA, COMVE, SBIC = TASKS
SBIC_TASK = Task("offensiveness", "classification", ("post",), ("offensive", "not offensive"))
QA = Task("qa", "multiple_choice", ("question",))

PAIR = Example(
    "p", "nli", {"premise": "A  man\nplays.", "hypothesis": "Nobody."}, NLI.choices, 1, rationales=("So It is",)
)
QUESTION = Example("q", "qa", {"question": "Where IS it?"}, ("At home", "Here"), 1, rationales=("It is Here.",))
SENTENCES = Example(
    "c",
    "comve",
    {"sentence0": "Cats Bark", "sentence1": "Dogs bark"},
    ("sentence0", "sentence1"),
    0,
    rationales=("No.",),
)
POST = Example("s", "sbic", {"post": "Have a NICE day"}, SBIC_TASK.choices, 1, rationales=("this post is fine",))


@pytest.mark.parametrize(
    ("task", "example", "shown", "said"),
    [
        (ESNLI, PAIR, "explain nli hypothesis: Nobody. premise: A man plays.", "neutral because so it is"),
        (ECQA, QUESTION, "explain where is it? \\n (A) at home (B) here", "here because it is here."),
        (
            COMVE,
            SENTENCES,
            "explain what is more nonsensical? \\n choice1: cats bark choice2: dogs bark",
            "choice1 because no.",
        ),
        (SBIC, POST, "explain what is this? \\n post: have a nice day", "not_offensive because this post is fine"),
    ],
)
def test_prompts_and_targets_word_for_word(task, example, shown, said):
    template = task.template()
    assert template.prompt(example) == shown and template.says_of(example) == said
    read = read_text(template, example, said)
    assert read["answer"] == example.label and read["format_ok"]
    assert read["rationale"] == example.rationales[0].lower()


@pytest.mark.parametrize(
    ("task", "example", "text", "answer", "rationale", "ok"),
    [
        (ESNLI, PAIR, "Neutral because a because b", 1, "a", True),
        (ESNLI, PAIR, "neutral", 1, "UNK", False),  # a broken text may still be a right label
        (ESNLI, PAIR, "neutral because", None, "UNK", False),
        (ESNLI, PAIR, "maybe because a", None, "a", False),
        (ESNLI, PAIR, "", None, "UNK", False),
        (ECQA, QUESTION, "HERE because x", 1, "x", True),
        (COMVE, SENTENCES, "choice2 because x", 1, "x", True),
        (COMVE, SENTENCES, "sentence1 because x", None, "x", False),
        (SBIC, POST, "Yes because x", 0, "x", True),
        (SBIC, POST, "whatever because x", 1, "x", True),
        (SBIC, POST, "not_offensive", None, "UNK", False),
        (SBIC, POST, "offensive\nbecause x", 0, "x", True),
    ],
)
def test_reading_rules(task, example, text, answer, rationale, ok):
    assert read_text(task.template(), example, text) == {"answer": answer, "rationale": rationale, "format_ok": ok}


def pool(task: Task, size: int) -> RationaleDataset:
    labels = max(1, len(task.choices))

    def made(i: int) -> Example:
        inputs = {name: f"text {i} of {name}" for name in task.fields}
        choices = task.choices or (f"a{i}", "b", "c")
        return Example(f"x{i}", task.name, inputs, choices, i % labels, rationales=(f"because of {i}", "or not"))

    return RationaleDataset.from_examples(map(made, range(size)), task)


def test_splits_are_balanced_repeat_and_differ():
    assert len(set(SEEDS)) == len(SEEDS) == 60 and SEEDS[:5] == (7004, 3639, 6290, 9428, 7056)
    data = pool(NLI, 600)
    shots, dev = draw_split(ESNLI, data, data, 3)
    assert Counter(one.label for one in shots) == {0: 16, 1: 16, 2: 16}
    assert Counter(one.label for one in dev) == {0: 116, 1: 116, 2: 116}
    again, _ = draw_split(ESNLI, data, None, 3)
    assert again.fingerprint() == shots.fingerprint() != draw_split(ESNLI, data, None, 4)[0].fingerprint()
    questions, judged = draw_split(ECQA, pool(QA, 400), pool(QA, 400), 0)
    assert (len(questions), len(judged)) == (48, 350)
    statements, _ = draw_split(SBIC, pool(SBIC_TASK, 60), None, 0)
    assert Counter(one.label for one in statements) == {0: 24, 1: 24}
    assert all(len(one.rationales) == 1 and "/" in one.id for one in statements)
    with pytest.raises(UsageError, match="splits 0 to 59"):
        draw_split(ESNLI, data, None, 60)
    with pytest.raises(UsageError, match=r"16 of each class, and examples .test. yields 30"):
        draw_split(ESNLI, pool(NLI, 30), None, 0)


def test_properties_that_speak_for_the_answer_are_the_explanation_of_ecqa():
    told = Example(
        "q", "qa", {"question": "why?"}, ("a", "b"), 0, rationales=("free text",), meta={"positives": ["A.", "B."]}
    )
    data = RationaleDataset.from_examples([told, *pool(QA, 60)], QA)
    _, dev = draw_split(ECQA, data, data, 0)
    assert {one.id: one.rationales for one in dev}["q"] == ("A. B.",)


def test_the_recipe_is_for_the_four_tasks_and_for_models_that_write():
    assert feb_task(NLI) is ESNLI and feb_task(SENTIMENT) is None
    assert "none of FEB's four" in (Feb.is_compatible(SENTIMENT) or "")
    assert "writes no text" in (Feb.is_compatible(NLI, tiny_classifier(NLI)) or "")
    config = FebConfig()
    assert (config.max_steps, config.batch_size, config.lr, config.schedule) == (300, 4, 3e-5, "constant")


def test_a_split_trains_and_its_model_speaks(tmp_path: Path):
    data = pool(NLI, 90)
    config = read_config(Feb, {"max_steps": 2, "decoded": 3, "precision": "no", "split": 5})
    sizes = Sizes(vocabulary=1024, width=16, layers=1, heads=1, inner=16)
    model = new_t5(Feb.texts(data, config), task=NLI, sizes=sizes)
    recipe = Feb(model, data, data, config)
    (stage,) = recipe.stages()
    assert len(stage.data.items) == len(recipe.train) == 48 and len(recipe.dev) == 90
    outcome = fit(stage.learner, stage.data, stage.settings, folder=tmp_path / "c", journal=Journal(None))
    assert outcome.step == 2 and set(outcome.metrics) == {"loss", "accuracy", "answered"}
    assert own_template(model).name == "feb:esnli"
    said = predict(model, data.limit(2), max_tokens=4)
    assert [answer for answer, _ in said.values()] == [None, None]
