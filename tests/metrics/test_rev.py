"""REV from given probabilities, by hand, with its split by right and wrong answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rationale_eval.data.example import Example
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.text_case import TextCase

REV = load_all()["rev"]


def case(with_rationale, alone, *, answer=1, label=1, weights="pt"):
    simulated = {
        (weights, "vacuous_rationale"): np.array([1 - with_rationale, with_rationale]),
        (weights, "vacuous"): np.array([1 - alone, alone]),
    }
    return TextCase(Example("e", "t", {"x": "x"}, ("no", "yes"), label), "because", (), answer, simulated)


def rev(one, variant="pt"):
    return REV.ask(one, **REV.variants[variant])


@pytest.mark.parametrize("weights", ["pt", "np"])
def test_rev_is_the_difference_of_logarithms_of_the_answers_probability(weights) -> None:
    assert rev(case(0.9, 0.6, weights=weights), weights).value == pytest.approx(math.log(0.9 / 0.6))
    assert rev(case(0.3, 0.6, weights=weights), weights).value == pytest.approx(-math.log(2))
    # The answer is what the system said, not the label.
    assert rev(case(0.9, 0.6, answer=0, weights=weights), weights).value == pytest.approx(math.log(0.1 / 0.4))
    assert rev(case(0.5, 0.5, weights=weights), weights).value == 0


def test_right_and_wrong_answers_are_told_apart() -> None:
    right, wrong, unknown = case(0.9, 0.6), case(0.9, 0.6, answer=0), case(0.9, 0.6, label=None)
    assert rev(right, "pt_correct").value == rev(right).value
    assert rev(wrong, "pt_incorrect").value == rev(wrong).value
    for one, variant, reason in (
        (right, "pt_incorrect", "the answer is right"),
        (wrong, "pt_correct", "the answer is not right"),
        (unknown, "pt_correct", "it is not known whether the answer is right"),
        (unknown, "pt_incorrect", "it is not known whether the answer is right"),
        (case(0.9, 0.6, answer=None), "pt", "the system gave no answer that can be read"),
    ):
        found = rev(one, variant)
        assert math.isnan(found.value) and found.reason == reason
    assert not math.isnan(rev(unknown).value)


def test_a_probability_of_zero_gives_a_finite_value() -> None:
    assert math.isfinite(rev(case(0.0, 0.5)).value) and rev(case(0.0, 0.0)).value == 0
