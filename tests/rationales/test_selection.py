"""Selection rules: counting, ties, words without a score."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rationale_eval.data.example import Example
from rationale_eval.errors import InputError, UsageError
from rationale_eval.rationales.selection import count, gold_length, ranking, threshold, top_k_percent, top_n

SCORES = arrays(np.float64, st.integers(0, 30), elements=st.sampled_from([np.nan, -1.0, 0.0, 0.5, 0.5, 2.0]))


@pytest.mark.parametrize(
    ("words", "percent", "rule", "expected"),
    [
        (25, 10, "half_even", 2),
        (25, 10, "floor", 2),
        (25, 10, "ceil", 3),
        (35, 10, "half_even", 4),
        (7, 10, "floor", 0),
        (7, 10, "half_even", 1),
        (7, 10, "ceil", 1),
        (100, 7, "ceil", 7),
        (0, 50, "half_even", 0),
        (3, 100, "ceil", 3),
    ],
)
def test_counting_rules(words: int, percent: float, rule: str, expected: int) -> None:
    assert count(words, percent, rule) == expected


def test_ties_keep_reading_order() -> None:
    assert top_n(np.array([0.5, 1.0, 0.5, 0.5]), 2).tolist() == [True, True, False, False]
    assert ranking(np.zeros(5)).tolist() == [0, 1, 2, 3, 4]


def test_words_without_score_are_neither_selected_nor_counted() -> None:
    scores = np.array([np.nan, 3.0, np.nan, 1.0, 2.0, 0.0])
    assert top_k_percent(scores, 50).tolist() == [False, True, False, False, True, False]
    assert top_n(scores, 9).tolist() == [False, True, False, True, True, True]
    assert threshold(scores, 2.0).tolist() == [False, True, False, False, True, False]


@given(SCORES, st.integers(0, 100), st.sampled_from(["half_even", "floor", "ceil"]))
def test_selected_words_are_never_below_the_rest(scores: np.ndarray, percent: int, rule: str) -> None:
    mask = top_k_percent(scores, percent, rule)
    scored = ~np.isnan(scores)
    assert mask.sum() == count(int(scored.sum()), percent, rule)
    assert not mask[~scored].any()
    if mask.any() and (scored & ~mask).any():
        assert scores[mask].min() >= scores[scored & ~mask].max()


@given(SCORES, st.integers(0, 30))
def test_larger_selections_hold_smaller_ones(scores: np.ndarray, n: int) -> None:
    assert (top_n(scores, n) <= top_n(scores, n + 1)).all()


def test_gold_length_is_the_average_over_annotated_examples() -> None:
    examples = [
        Example("a", "t", {"text": "one two three four"}, evidence={"text": ((0, 7),)}),
        Example("b", "t", {"text": "one two"}, evidence={}),
        Example("c", "t", {"text": "one"}),
    ]
    assert gold_length(examples) == 1.0
    assert gold_length(examples, share=True) == 25.0
    with pytest.raises(InputError, match="no example has gold highlights"):
        gold_length(examples[2:])


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(UsageError, match="choose one of half_even, floor, ceil"):
        count(3, 10, "round")
    with pytest.raises(UsageError, match="between 0 and 100"):
        count(3, 110)
    with pytest.raises(UsageError, match="negative"):
        top_n(np.zeros(3), -1)
