"""ROUGE and chrF equal their reference implementations; BERTScore and the cosine equal hand computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_eval.data.example import Example
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.similarity_overlap import chrf_of, longest_common, rouge_l, rouge_n
from rationale_eval.metrics.similarity_states import greedy_f1, mean_cosine
from rationale_eval.metrics.text_case import TextCase, TokenStates

METRICS = load_all()

# text, reference, then ROUGE-1, ROUGE-2, ROUGE-L (rouge-score 0.1.2, no stemmer) and chrF (sacrebleu 2, divided by 100)
FIXTURES = [
    ("A man is playing a guitar, on stage!", "The man plays guitar on the stage.",
     0.533333, 0.153846, 0.533333, 0.347166),
    ("because dogs can't be cats", "Dogs cannot be cats because they are dogs.",
     0.571429, 0.166667, 0.428571, 0.453571),
    ("the the the cat", "the cat sat on the mat", 0.6, 0.25, 0.4, 0.322969),
    ("word", "a completely different sentence", 0.0, 0.0, 0.0, 0.032328),
    (
        "Two women are holding 2 packages.",
        "Two women are holding to-go packages; to-go packages are packages.",
        0.555556, 0.375, 0.555556, 0.44989,
    ),
    ("U.S. people aren't sleeping", "people in the U.S. are not asleep", 0.428571, 0.166667, 0.285714, 0.398983),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reference", "one", "two", "longest", "letters"), FIXTURES)
def test_overlaps_equal_the_reference_implementations(text, reference, one, two, longest, letters):
    found = [
        rouge_n(text, reference, 1),
        rouge_n(text, reference, 2),
        rouge_l(text, reference),
        chrf_of(text, reference),
    ]
    np.testing.assert_allclose(found, [one, two, longest, letters], atol=1e-6)


TEXT = st.text(alphabet="ab c.é", max_size=12)


@given(TEXT, TEXT)
def test_overlaps_are_symmetric_shares_and_one_for_itself(text, other):
    for similarity in (lambda a, b: rouge_n(a, b, 1), lambda a, b: rouge_n(a, b, 2), rouge_l):
        assert 0 <= similarity(text, other) <= 1
        assert similarity(text, other) == pytest.approx(similarity(other, text))
    assert 0 <= chrf_of(text, other) <= 1 + 1e-12
    if any(letter.isalpha() for letter in text):
        assert rouge_n(text, text, 1) == rouge_l(text, text) == pytest.approx(1)
        assert chrf_of(text, text) == pytest.approx(1)


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_the_longest_common_subsequence_is_the_longest(first, second):
    def subsequences(items):
        return {tuple(items[i] for i in range(len(items)) if mask >> i & 1) for mask in range(1 << len(items))}

    assert longest_common(first, second) == max(map(len, subsequences(first) & subsequences(second)))


def states(rows, real=None):
    rows = np.array(rows, dtype=np.float32)
    return TokenStates(rows, np.ones(len(rows), bool) if real is None else np.array(real, bool))


def test_greedy_matching_by_hand():
    """Candidate e1, e2 against reference e1, (e1+e2)/sqrt 2: P = (1 + .7071)/2, R = (1 + .7071)/2."""
    half = 1 / math.sqrt(2)
    text, reference = states([[3, 0], [0, 1]]), states([[1, 0], [2, 2]])
    assert greedy_f1(text, reference) == pytest.approx((1 + half) / 2)
    longer = states([[1, 0], [1, 0], [0, 1]])
    precision, recall = (1 + 1 + half) / 3, (1 + half) / 2
    assert greedy_f1(longer, reference) == pytest.approx(2 * precision * recall / (precision + recall))


def test_special_tokens_are_matched_but_match_nothing():
    """The reference's special token e2 is the best match of the candidate's e2, and is not asked for a match itself."""
    text, reference = states([[1, 0], [0, 1]]), states([[1, 0], [0, 1]], [True, False])
    assert greedy_f1(text, reference) == pytest.approx(1.0)
    assert greedy_f1(text, states([[1, 0]])) == pytest.approx(2 * 0.5 * 1 / 1.5)
    nothing = states([[1, 0]], [False])
    assert greedy_f1(nothing, reference) == 0 and mean_cosine(nothing, reference) == 0


def test_negative_similarities_stay_what_they_are():
    assert greedy_f1(states([[1, 0]]), states([[-1, 0]])) == pytest.approx(-1)
    assert mean_cosine(states([[1, 0], [0, 2]]), states([[1, 2]])) == pytest.approx(1.0)


def case(text="a b", references=("a b",), answer=0, label=0, encode=None):
    return TextCase(Example("e", "t", {"x": "x"}, ("yes", "no"), label), text, references, answer, encode=encode)


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rouge_l", "chrf"])
def test_the_closest_reference_counts_and_wrong_answers_as_the_variant_says(name):
    facts = METRICS[name]

    def score(variant="all", **changes):
        return facts.ask(case(**changes), **facts.variants[variant])

    assert score(references=("zzz", "a b", "c")).value == pytest.approx(1)
    assert score(answer=1).value == pytest.approx(1)
    assert score("zero_if_wrong", answer=1).value == 0 and score("zero_if_wrong").value == pytest.approx(1)
    assert score("zero_if_wrong", answer=None).value == 0
    wrong = score("correct", answer=1)
    assert math.isnan(wrong.value) and wrong.reason == "the answer is not right"
    unknown = score("correct", label=None)
    assert math.isnan(unknown.value) and "not known" in unknown.reason
    bare = score(references=())
    assert math.isnan(bare.value) and bare.reason == "the example has no gold rationale"
    assert score(text="").value == 0


def test_the_feb_form_compares_lower_case():
    asked = []

    def encode(text):
        asked.append(text)
        return states([[1, 0]])

    facts = METRICS["bertscore"]
    assert facts.ask(case("A B", ("C D",), encode=encode), **facts.variants["feb"]).value == pytest.approx(1)
    assert asked == ["a b", "c d"]
    assert facts.ask(case(answer=1, encode=encode), **facts.variants["feb"]).value == 0
