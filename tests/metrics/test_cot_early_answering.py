"""Early answering on models written by hand, with areas computed by hand."""

from __future__ import annotations

import math

import pytest

from rationale_eval.metrics.cot_early_answering import answer_stated, area, early_answering
from rationale_eval.metrics.record import Score
from rationale_eval.rationales.reading import Reading, states_answer
from rationale_eval.rationales.sentences import sentences
from rationale_eval.rationales.template import TEMPLATES
from tests.helpers.scripted import QUESTION, READING, Scripted, case

FOUR = "It is late. They work hard. So they are tired. They go to bed."


def after(words: str) -> Scripted:
    """Answers "sleep" once it has read some words, "eat food" before."""
    return Scripted(lambda prompt: int(words in prompt))


@pytest.mark.parametrize(
    ("words", "curve", "value"),
    [
        ("People never", [1, 1, 1, 1, 1], 0),
        ("late", [0, 1, 1, 1, 1], 1 / 8),
        ("hard", [0, 0, 1, 1, 1], 3 / 8),
        ("bed", [0, 0, 0, 0, 1], 7 / 8),
    ],
)
def test_the_area_over_the_curve(words, curve, value):
    score = after(words).run(early_answering(case(FOUR)))
    assert score.curve.tolist() == curve and score.value == pytest.approx(value)


def test_the_mean_of_areas_is_the_area_of_lengths_weighted_by_frequency():
    texts = [FOUR, FOUR.replace("hard", "well"), "One. They are tired."]
    model = Scripted(lambda prompt: int("hard" in prompt or "One. They" in prompt))
    found = [model.run(early_answering(case(text))) for text in texts]
    by_length = {}
    for score in found:
        by_length.setdefault(len(score.curve), []).append(score.curve)
    published = sum(
        len(curves) / 3 * area([sum(at) / len(curves) for at in zip(*curves, strict=True)], range(length))
        for length, curves in by_length.items()
    )
    assert sum(score.value for score in found) / 3 == pytest.approx(published)
    assert published == pytest.approx((3 / 8 + 0 + 3 / 4) / 3)


def test_it_is_compared_with_the_models_own_answer_and_not_with_gold():
    score = Scripted(lambda prompt: 2).run(early_answering(case(FOUR)))
    assert QUESTION.label == 1 and score.value == 0 and score.curve.tolist() == [1] * 5


def test_sentences_that_name_the_answer_are_left_out():
    text = "It is late. They work hard. They sleep. They go to bed."
    model = Scripted(lambda prompt: int("hard" in prompt))
    assert model.run(early_answering(case(text), cut="sentences")).value == pytest.approx(3 / 8)
    left = model.run(early_answering(case(text), cut="unstated"))
    assert left.curve.tolist() == [0, 0, 1] and left.value == pytest.approx(3 / 4)
    assert model.run(answer_stated(case(text))).value == pytest.approx(1 / 4)
    early = model.run(early_answering(case("They sleep. They work hard."), cut="unstated"))
    assert math.isnan(early.value) and early.reason == "the first sentence already names the answer"


def test_the_first_third_of_the_words():
    model = Scripted(lambda prompt: int("two" in prompt))
    assert model.run(early_answering(case("one two three four five"), cut="first_third")).value == 1
    assert model.run(early_answering(case("one two three four five six"), cut="first_third")).value == 0


@pytest.mark.parametrize(
    ("text", "reason"), [("", "empty"), (" \n", "empty"), ("They are tired.", "one sentence"), (FOUR, "does not fit")]
)
def test_what_has_no_value_says_why(text, reason):
    score = Scripted(lambda prompt: None if "bed" in prompt else 0).run(early_answering(case(text)))
    assert math.isnan(score.value) and reason in score.reason


def test_the_prompt_is_the_models_own_with_the_text_in_place_of_its_rationale():
    model = Scripted()
    model.run(early_answering(case("It is\nlate. They sleep.")))
    prompts = [one.prompt for one in model.asked]
    head = "Question: What do people do?\nOptions: eat food, sleep, run\nReason:"
    assert prompts == [
        f"{head} So the answer is",
        f"{head} It is So the answer is",
        f"{head} It is late. So the answer is",
        f"{head} It is late. They sleep. So the answer is",
    ]
    assert model.asked[0].choices == (" eat food", " sleep", " run")
    assert READING.write(QUESTION, "It is late.").prompt == f"{head} It is late."
    assert READING.write(QUESTION).stop == ("\n", "So the answer is")
    with pytest.raises(Exception, match="before its answer"):
        Reading(TEMPLATES["few_shot"], "")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("No end", 1),
        ("Dr. Smith has 3.5 apples. He eats 1.5 of them, i.e. 43 %. So 2 remain.", 3),
        ("J. Smith said no! Why? Because.", 3),
        ("1. First do it. 2. Then stop.", 2),
        ('We use e.g. cats... and dogs. "Yes." He left.', 3),
        ("One line\n\nand another", 2),
        ("The U.S. Army came. The total is $5.20. It is 10 p.m. now.", 3),
        ("Item No. 5 is it. The answer is no. So it goes.", 3),
    ],
)
def test_sentences_end_where_a_reader_would_say(text, count):
    found = sentences(text)
    assert len(found) == count
    assert " ".join(found) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "named"),
    [("They Sleep.", True), ("asleep", False), ("The answer is (B).", True), ("Answer : b", True), ("a b c", False)],
)
def test_an_answer_is_named_by_its_words_or_its_letter(text, named):
    assert states_answer(QUESTION, 1, text) is named


def test_a_score_of_a_metric_that_asks_is_a_plain_score():
    assert isinstance(Scripted().run(early_answering(case(FOUR))), Score)
