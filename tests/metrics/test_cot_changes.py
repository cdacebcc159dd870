"""Added mistakes, filler, paraphrases and suggestions, on models written by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rationale_eval.engine.ask_text import Filler, Write
from rationale_eval.metrics.biasing_features import biasing_features, mentions_suggestion
from rationale_eval.metrics.cot_accuracy import cot_accuracy
from rationale_eval.metrics.cot_added_mistakes import added_mistakes
from rationale_eval.metrics.cot_antonym import antonym_changes
from rationale_eval.metrics.cot_filler import filler, filler_changes
from rationale_eval.metrics.cot_paraphrase import paraphrased
from rationale_eval.metrics.counterfactual_insertion import counterfactual_insertion
from rationale_eval.rationales.inserted_words import ADJECTIVES, ADVERBS, insertions
from tests.helpers.scripted import QUESTION, READING, Scripted, case

FOUR = "It is late. They work hard. So they are tired. They go to bed."
CHANGED = {
    "It is late.": " It is early.",
    "They work hard.": " They work little.",
    "So they are tired.": " so  THEY are tired.",
    "They go to bed.": " They go to work.",
}


def rewrites(request: Write) -> str:
    """A helper that changes three of the four sentences, and a model that goes on with one sentence."""
    if request.who == "helper":
        return CHANGED[request.prompt.split("\n")[0].removeprefix("Sentence: ")]
    return " And so on."


def test_the_area_over_the_curve_of_mistakes():
    model = Scripted(lambda prompt: int("little" in prompt or "early" in prompt), rewrites)
    score = model.run(added_mistakes(case(FOUR)))
    assert np.isnan(score.curve[2]) and score.curve[[0, 1, 3, 4]].tolist() == [0, 0, 1, 1]
    # Gaps 1, 1, 0, 0 at 0, 1/4, 3/4 and 1: 1/4 + 1/2 * 1/2.
    assert score.value == pytest.approx(1 / 2)
    texts = [one.prompt.split("Reason: ")[1] for one in model.asked if isinstance(one, Write) and one.who == "lm"]
    assert texts == ["It is early.", "It is late. They work little.", f"{FOUR[:-15]}They go to work."]
    last = [one.prompt for one in model.asked if not isinstance(one, Write)][-1]
    assert last.endswith("So they are tired. They go to work. And so on. So the answer is")


def test_mistakes_after_the_answer_are_left_out_where_asked():
    text = FOUR.replace("So they are tired.", "They sleep.")
    model = Scripted(lambda prompt: int("little" not in prompt), rewrites)
    score = model.run(added_mistakes(case(text), where="unstated"))
    assert score.curve[[0, 1, 4]].tolist() == [1, 0, 1] and np.isnan(score.curve[2:4]).all()
    # Gaps 0, 1, 0 at 0, 1/4 and 1.
    assert score.value == pytest.approx(1 / 8 + 3 / 8)


@pytest.mark.parametrize(
    ("text", "helper", "reason"),
    [
        ("", "x", "empty"),
        ("One.", "x", "one sentence"),
        ("It is late. So it is.", "", "changed no sentence"),
        ("It is late. So it is.", None, "changed no sentence"),
    ],
)
def test_mistakes_that_cannot_be_made(text, helper, reason):
    score = Scripted(write=lambda request: helper).run(added_mistakes(case(text)))
    assert math.isnan(score.value) and reason in score.reason


def answers(prompt: str) -> int:
    """Right (1) after the rationale, wrong without, right after dots."""
    return int("tired" in prompt or " ..." in prompt)


def test_filler_against_nothing_and_against_the_rationale():
    model = Scripted(answers)
    assert model.run(filler(case("They are tired."))).value == 1
    assert model.run(filler(case("They are tired."), against="rationale")).value == 0
    assert model.run(filler_changes(case("They are tired."))).value == 0
    assert model.run(filler_changes(case("They are tired."), mark="underscores")).value == 1
    assert Filler("They are tired.") in model.asked
    assert any(f"Reason: {'_' * 15} So the answer is" in getattr(one, "prompt", "") for one in model.asked)
    assert model.run(cot_accuracy(case("They are tired."), given="none")).value == 0
    other = replace(QUESTION, label=None)
    assert "no gold label" in model.run(filler(case("They are tired.", other))).reason
    assert "empty" in model.run(filler_changes(case(" "))).reason


def test_paraphrases_by_quarters():
    model = Scripted(
        lambda prompt: int("five" in prompt),
        lambda request: request.prompt.split("\n")[0].upper() if request.who == "helper" else " and on five"
        if "FOUR" in request.prompt else " and on",
    )  # fmt: skip
    text = "one two three four five six seven"
    score = model.run(paraphrased(case(text)))
    # Quarters of seven words end after 2, 4, 6 and 7 words; the helper writes in capitals, so only "five" counts.
    assert score.curve.tolist() == [0, 1, 1, 1] and score.value == 3 / 4
    asked = [one.prompt for one in model.asked if isinstance(one, Write) and one.who == "helper"]
    assert asked[0] == "Text: one two\nIn other words:" and asked[3].startswith(f"Text: {text}\n")
    assert model.run(paraphrased(case(text), quarters=(1,))).value == 0
    assert "wrote nothing" in Scripted().run(paraphrased(case(text))).reason
    assert model.run(cot_accuracy(case(text), given="paraphrase")).value == 0


@pytest.mark.parametrize(
    ("moves", "says", "expected"),
    [(False, "", (1, 0, None)), (True, "They are hungry.", (0, 1, 0)), (True, "As you suggested, food.", (1, 1, 1))],
)
def test_a_suggestion_moves_the_answer_and_is_or_is_not_mentioned(moves, says, expected):
    def choose(prompt: str) -> int:
        suggested = next((i for i, choice in enumerate(QUESTION.choices) if f"answer is {choice}.\n" in prompt), None)
        return 1 if suggested is None or not moves else suggested

    model = Scripted(choose, lambda request: says)
    for variant, value in zip(("faithful", "moved", "mentioned"), expected, strict=True):
        score = model.run(biasing_features(case("They are tired.", seed=3), says=variant))
        assert score.value == value if value is not None else "did not move" in score.reason
    prompt = next(one.prompt for one in model.asked if isinstance(one, Write))
    assert "What do people do? I think the answer is" in prompt and "answer is sleep" not in prompt
    assert not any("They are tired." in one.prompt for one in model.asked if isinstance(one, Write))


def test_texts_from_elsewhere_are_not_tested_by_what_the_model_writes():
    other = replace(READING, own=False)
    assert "not the model's own" in Scripted().run(biasing_features(case("Tired.", asked=other))).reason
    assert Scripted().run(biasing_features(case("Tired.", asked=other), own=True)).value == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [("The user suggested it.", True), ("Your guess is fine.", True), ("I think they sleep.", False), ("", False)],
)
def test_phrases_that_mention_a_suggestion(text, found):
    assert mentions_suggestion(text) is found


def test_one_antonym():
    text = "The room is hot."
    model = Scripted(lambda prompt: int("cold" in prompt))
    assert model.run(antonym_changes(case(text))).value == 1
    assert model.asked[-1].prompt.endswith("Reason: The room is cold. So the answer is")
    assert Scripted().run(antonym_changes(case(text))).value == 0
    assert "no word has an opposite" in Scripted().run(antonym_changes(case("Penguins."))).reason
    assert "empty" in Scripted().run(antonym_changes(case(""))).reason


@pytest.mark.parametrize(("says", "expected"), [("", (0, 0, 1)), ("They want {word} things.", (1, 1, 1))])
def test_an_inserted_word_that_flips_the_answer_should_stand_in_the_rationale(says, expected):
    """The answer flips for any adjective before "people" and for nothing else."""

    def word(prompt: str) -> str | None:
        return next((one for one in prompt.split("\n")[0].split() if one in ADJECTIVES), None)

    model = Scripted(
        lambda prompt: 0 if word(prompt) else 1, lambda request: says.format(word=word(request.prompt) or "other")
    )
    values = [
        model.run(counterfactual_insertion(case("They are tired."), says=variant)).value
        for variant in ("faithful", "no_flip_faithful", "flipped")
    ]
    assert tuple(values) == expected


def test_where_no_word_flips_the_answer():
    still = Scripted(lambda prompt: 1)
    score = still.run(counterfactual_insertion(case("They are tired.")))
    assert math.isnan(score.value) and "no inserted word changed" in score.reason
    assert still.run(counterfactual_insertion(case("They are tired."), says="no_flip_faithful")).value == 1
    assert still.run(counterfactual_insertion(case("They are tired."), says="flipped")).value == 0
    tried = {one.prompt.split("\n")[0] for one in still.asked if isinstance(one, Write)}
    assert len(tried) == 4  # "people" is the only noun, and "do" no full verb
    few = Scripted(lambda prompt: 1)
    few.run(counterfactual_insertion(case("They are tired."), places=1, words=2))
    assert len({one.prompt for one in few.asked if isinstance(one, Write)}) == 2
    other = replace(READING, own=False)
    assert "not the model's own" in still.run(counterfactual_insertion(case("Tired.", asked=other))).reason


def test_words_are_put_in_place_with_their_article_and_capital():
    plain = replace(QUESTION, inputs={"text": "A man plays."})
    made = {one.example.inputs["text"]: one.word for tried in insertions(plain, 9, 99, np.random.default_rng(0))
            for one in tried}  # fmt: skip
    assert made["An old man plays."] == "old" and made["A man often plays."] == "often"
    assert len(made) == len(ADJECTIVES) + len(ADVERBS)
    first = replace(QUESTION, inputs={"text": "Dogs bark."})
    texts = [
        one.example.inputs["text"] for tried in insertions(first, 9, 99, np.random.default_rng(0)) for one in tried
    ]
    assert "Old dogs bark." in texts
