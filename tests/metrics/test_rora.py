"""RORA from given probabilities, by hand: each variant reads the two views it names."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rationale_eval.data.example import Example
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.text_case import TextCase

RORA = load_all()["rora"]
GIVEN = {"robust": 0.8, "base": 0.4, "robust_rationale": 0.6, "neither": 0.5, "vacuous": 0.9}


def case(weights, answer=1):
    simulated = {(weights, seen): np.array([1 - p, p]) for seen, p in GIVEN.items()}
    return TextCase(Example("e", "t", {"x": "x"}, ("no", "yes"), 1), "because", (), answer, simulated)


@pytest.mark.parametrize("weights", ["pt", "np"])
@pytest.mark.parametrize(
    ("name", "robust", "base"),
    [("", "robust", "base"), ("_rationale", "robust_rationale", "neither"), ("_vacuous", "robust", "vacuous")],
)
def test_rora_is_the_difference_of_two_logarithms(weights, name, robust, base) -> None:
    variant = f"{weights}{name}"
    assert set(RORA.views_of(variant)) == {robust, base}
    found = RORA.ask(case(weights), **RORA.variants[variant])
    assert found.value == pytest.approx(math.log(GIVEN[robust] / GIVEN[base]))
    wrong = RORA.ask(case(weights, answer=0), **RORA.variants[variant])
    assert wrong.value == pytest.approx(math.log((1 - GIVEN[robust]) / (1 - GIVEN[base])))
    unread = RORA.ask(case(weights, answer=None), **RORA.variants[variant])
    assert math.isnan(unread.value) and unread.reason == "the system gave no answer that can be read"
