"""Precision and generality on items made by hand, and sentence BLEU against sacrebleu's numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rationale_eval.engine.ask_text import Write
from rationale_eval.metrics.bleu import sentence_bleu
from rationale_eval.metrics.counterfactual_simulatability import (
    counterfactual_generality,
    counterfactual_guesses,
    counterfactual_precision,
    jaccard,
)
from rationale_eval.rationales.counterfactual_inputs import by_template, content_words, read_guess, well_formed
from tests.helpers.scripted import QUESTION, Scripted, case

TEXT = "Tired people want bed, work, food and rest."
REPLIES = {"tired": " Sleep.", "people": " cannot guess", "want": " eat food", "bed": " b", "work": " dunno"}
"""What the simulator says of the template inputs about each word; of the others " I cannot guess that"."""


def word_of(prompt: str) -> str:
    sentence = prompt.split("Suppose that ")[1].split(".")[0]
    return next(word for word in content_words(TEXT) if word in sentence)


def writes(request: Write) -> str:
    if request.who == "helper":
        return REPLIES.get(word_of(request.prompt), " I cannot guess that")
    return " Some reason."


def model() -> Scripted:
    """Answers "sleep", but "run" to the input about "bed"."""
    return Scripted(lambda prompt: 2 if "Suppose" in prompt and word_of(prompt) == "bed" else 1, writes)


def test_precision_is_over_what_can_be_guessed():
    score = model().run(counterfactual_precision(case(TEXT)))
    # Guessed: tired (sleep, right), want (eat food, wrong), bed (sleep, but the model says run).
    assert score.curve.tolist() == [1, 0, 0] and score.value == pytest.approx(1 / 3)


def test_the_states_of_replies_add_up():
    asked = [model().run(counterfactual_guesses(case(TEXT), state=state)).value for state in
             ("guessed", "cannot", "neither")]  # fmt: skip
    assert len(content_words(TEXT)) == 7
    assert asked == pytest.approx([3 / 7, 3 / 7, 1 / 7])


def test_the_model_answers_by_a_rationale_of_its_own_and_the_simulator_sees_the_first_answer():
    one = model()
    one.run(counterfactual_precision(case(TEXT)))
    guesses = [asked.prompt for asked in one.asked if isinstance(asked, Write) and asked.who == "helper"]
    assert guesses[0] == (
        f"Question: What do people do?\nAnswer: sleep\nReason: {TEXT}\nAnother question: What do people do? Suppose "
        "that it has nothing to do with tired.\nOptions: eat food, sleep, run\nThe answer would be:"
    )
    assert "nothing to do with tired.\nOptions: eat food, sleep, run\nReason: Some reason. So the answer is" in (
        one.asked[-3].prompt
    )


def test_generality_by_hand():
    texts = ["a big dog", "a big cat", "a big dog runs"]
    written = iter([*texts, texts[0].upper(), "too short", *[""] * 5])
    one = Scripted(
        lambda prompt: 1,
        lambda request: " sleep" if "would be" in request.prompt else next(written),
        lambda text: [1.0, 0.0] if "dog" in text else [3.0, 4.0],
    )
    for similarity, pairs in (
        ("jaccard", [1 / 3, 1 / 3, 2 / 3, 2 / 3, 1 / 4, 1 / 4]),
        ("cosine", [0.6, 0.6, 1, 1, 0.6, 0.6]),
    ):
        written = iter([*texts, texts[0].upper(), "too short", *[""] * 5])
        score = one.run(counterfactual_generality(case(TEXT), inputs="lm", similarity=similarity))
        assert score.value == pytest.approx(1 - np.mean(pairs))
    written = iter([*texts[::2], *[""] * 8])
    score = one.run(counterfactual_generality(case(TEXT), inputs="lm", similarity="bleu"))
    first = math.exp(1 - 4 / 3)  # all runs of three words shared, one word too short
    second = (3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** (1 / 4)
    assert score.value == pytest.approx(1 - (first + second) / 2)


@pytest.mark.parametrize(
    ("said", "other", "value"),
    [
        ("the cat sat on the mat", "the cat lay on a mat", 0.19304869754804482),
        ("a b c d", "a b x d e", 0.27534765745159184),
        ("a", "a b c", 0.13533528323661276),
        ("a b", "c d", 0),
        ("", "a", 0),
        ("the cat sat", "the cat sat", 1),
    ],
)
def test_sentence_bleu_gives_the_numbers_of_sacrebleu(said, other, value):
    assert sentence_bleu(said.split(), other.split()) == pytest.approx(value, abs=1e-12)


def test_what_cannot_be_said_says_why():
    assert "empty" in model().run(counterfactual_precision(case(" "))).reason
    assert "no other input" in model().run(counterfactual_precision(case("it is so"))).reason
    silent = Scripted(lambda prompt: 1, lambda request: " cannot guess")
    assert "no other input could be guessed" in silent.run(counterfactual_precision(case(TEXT))).reason
    assert "fewer than two" in silent.run(counterfactual_generality(case(TEXT))).reason
    long = Scripted(lambda prompt: None if "Suppose" in prompt else 1, writes)
    assert "does not fit" in long.run(counterfactual_precision(case(TEXT))).reason


def test_inputs_are_well_formed_and_replies_read_without_guessing():
    made = well_formed(QUESTION, ["What do people do?", "Where do they go?", "where do they go", "Eh", None])
    assert [one.inputs["question"] for one in made] == ["Where do they go?"] and made[0].label is None
    assert len(by_template(QUESTION, TEXT, 4)) == 4
    assert [read_guess(QUESTION, said) for said in (" (b) sleep", "Cannot  guess.", "maybe", None)] == [
        1, "cannot guess", "neither", "neither",
    ]  # fmt: skip
    assert jaccard(frozenset(), frozenset()) == 1
