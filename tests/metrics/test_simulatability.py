"""Simulatability, RQ, LAS and leakage against the fixture of the methods page and hand computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_eval.data.example import Example
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.simulatability import las_of_sums
from rationale_eval.metrics.text_case import TextCase

METRICS = load_all()


def case(s_x, s_r, s_xr, weights="pt", answer=1):
    """A case whose simulators guess (1) or do not guess (0) the answer, choice 1 of 2."""
    right, wrong = np.array([0.3, 0.7]), np.array([0.6, 0.4])
    simulated = {
        (weights, seen): right if hit else wrong for seen, hit in (("input", s_x), ("rationale", s_r), ("both", s_xr))
    }
    return TextCase(Example("e", "t", {"x": "x"}, ("no", "yes"), 0), "because", (), answer, simulated)


def scores(name, variant, cases):
    facts = METRICS[name]
    return [facts.ask(one, **facts.variants[variant]) for one in cases]


def corpus(name, variant, cases):
    found = scores(name, variant, cases)
    if METRICS[name].reduce is None:
        return float(np.nanmean([one.value for one in found]))
    return float(METRICS[name].reduce(np.sum([one.parts for one in found if one.parts is not None], axis=0)))


FIXTURE = [case(*row) for row in zip([1, 0, 0, 1, 0, 1], [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 1], strict=True)]


def test_the_golden_fixture():
    """Leaking .5, not leaking 0, LAS .25, RQ 1/3 (hand computation over six examples)."""
    assert corpus("las", "pt_leaking", FIXTURE) == pytest.approx(0.5)
    assert corpus("las", "pt_not_leaking", FIXTURE) == pytest.approx(0.0)
    assert corpus("las", "pt", FIXTURE) == pytest.approx(0.25)
    assert corpus("rq", "pt", FIXTURE) == pytest.approx(1 / 3)
    assert corpus("simulatability", "pt", FIXTURE) == pytest.approx(5 / 6)
    assert corpus("leakage", "pt", FIXTURE) == pytest.approx(4 / 6)


def test_las_is_not_defined_where_a_group_is_empty():
    leaking = [case(0, 1, 1), case(1, 1, 1)]
    assert math.isnan(corpus("las", "pt", leaking))
    assert corpus("las", "pt_leaking", leaking) == pytest.approx(0.5)
    other = scores("las", "pt_not_leaking", leaking)
    assert all(math.isnan(one.value) and "other group" in one.reason for one in other)


BITS = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(BITS)
def test_las_is_the_mean_of_the_groups_differences(rows):
    cases = [case(*row) for row in rows]
    groups = [[xr - x for x, r, xr in rows if r == leak] for leak in (True, False)]
    found = corpus("las", "pt", cases)
    if all(groups):
        assert found == pytest.approx(np.mean([np.mean(group) for group in groups]))
        assert -1 <= found <= 1
    else:
        assert math.isnan(found)
    assert corpus("rq", "pt", cases) == pytest.approx(np.mean([xr - x for x, _, xr in rows]))


def test_sums_reduce_in_bulk():
    sums = np.array([[2.0, 1.0, 4.0, -2.0], [0.0, 0.0, 1.0, 1.0]])
    found = las_of_sums(sums)
    assert found[0] == pytest.approx(0.0) and math.isnan(found[1])


@pytest.mark.parametrize("name", ["simulatability", "rq", "las", "leakage"])
def test_weights_are_kept_apart_and_unread_answers_are_undefined(name):
    assert corpus(name, "np", [case(0, 1, 1, "np"), case(1, 0, 0, "np")]) is not None
    with pytest.raises(ValueError, match="by np simulators"):
        scores(name, "np", [case(0, 1, 1, "pt")])
    (unread,) = scores(name, "pt", [case(0, 1, 1, answer=None)])
    assert math.isnan(unread.value) and unread.reason == "the system gave no answer that can be read"
