"""The checks of an audit on tables small enough to be computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rationale_eval.axioms.axiom_perturbation import perturbation_axiom
from rationale_eval.axioms.axiom_reference import reference_axiom
from rationale_eval.axioms.axiom_robustness import robustness_axiom
from rationale_eval.axioms.estimate import Estimate, Table
from rationale_eval.axioms.finding import above
from rationale_eval.axioms.leakage_check import leakage_check
from rationale_eval.axioms.people import people_check
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.record import METRICS

load_all()


def table(values: dict[str, list[float]], *, seeds: int = 1, metric: str = "rq", parts=None) -> Table:
    """A table in which every seed has the same values."""
    rows = [
        {
            "source": source, "seed": seed, "example_id": f"e{place}", "cluster": None, "answer": 0, "text": "x",
            "metric": metric, "variant": "np", "value": value, "reason": "",
            "parts": None if parts is None else parts[source][place],
        }
        for seed in range(seeds)
        for source, listed in values.items()
        for place, value in enumerate(listed)
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), METRICS[metric])


def test_the_reference_is_held_against_the_best_other_source_and_the_ceiling() -> None:
    found = reference_axiom(
        table(
            {
                "generated": [1, 0, 1, 0] * 10,
                "gold": [0, 0, 1, 0] * 10,
                "random": [0] * 40,
                "empty": [0] * 40,
                "reference": [1, 0, 0, 0] * 10,
                "reference_retrained": [1, 1, 1, 0] * 10,
                "ceiling": [1] * 40,
            }
        )
    )
    assert found.about == {"rival": "generated", "scored": "reference_retrained"} and found.verdict == "holds"
    numbers = {name: each.value for name, each in found.numbers.items()}
    assert numbers["margin_reference_retrained"] == pytest.approx(0.25)
    assert numbers["margin_reference"] == pytest.approx(-0.25)
    assert numbers["share_reference_retrained"] == pytest.approx(0.75)
    worse = reference_axiom(table({"generated": [1, 1, 1, 0] * 10, "reference": [1, 0, 0, 0] * 10}))
    assert worse.verdict == "fails" and worse.about["scored"] == "reference"
    assert reference_axiom(table({"generated": [1.0]})).verdict == "not tried"


def test_edits_are_compared_on_the_examples_they_applied_to() -> None:
    nan = float("nan")
    scores = table(
        {
            "generated": [1, 1, 1, 0],
            "equivalent/synonym": [1, 1, nan, nan],  # moved by 0 on two examples
            "equivalent/format": [1, 1, 1, 1],  # by -0.25 on four
            "contrastive/negation": [0, 0, 0, nan],  # by 1 on three
        },
        seeds=2,
    )
    found = perturbation_axiom(scores, ["equivalent/synonym", "equivalent/format", "contrastive/negation"], 10.0)
    numbers = {name: each.value for name, each in found.numbers.items()}
    assert numbers["equivalent"] == pytest.approx((2 * 0 + 4 * -0.25) / 6)
    assert numbers["contrastive"] == pytest.approx(1.0)
    assert numbers["gap"] == pytest.approx(1 + 1 / 6) and found.verdict == "holds"
    strict = perturbation_axiom(scores, ["equivalent/synonym", "equivalent/format", "contrastive/negation"], 1.0)
    assert strict.verdict == "fails" and "equivalent edits move it too" in strict.why
    none = perturbation_axiom(table({"generated": [1.0, 0.0]}), [], 1.0)
    assert none.verdict == "not tried"


def test_robustness_is_spread_range_and_rank_correlation_with_accuracy() -> None:
    scores = table({"generated": [1, 1, 0, 0], "noise_50": [1, 0, 0, 0], "data_5": [0, 0, 0, 0]}, seeds=2)
    accuracy = {
        (name, seed): value
        for name, value in (("generated", 0.8), ("noise_50", 0.6), ("data_5", 0.4))
        for seed in (0, 1)
    }
    found = robustness_axiom(scores, ["noise_50", "data_5"], accuracy, scale=2.0)
    numbers = {name: each.value for name, each in found.numbers.items()}
    assert numbers["std"] == pytest.approx(np.std([0.5, 0.25, 0.0]))
    assert numbers["range"] == pytest.approx(0.5) and numbers["relative"] == pytest.approx(0.25)
    assert numbers["rho"] == pytest.approx(1.0) and found.verdict == "holds"
    assert robustness_axiom(scores, ["noise_50", "data_5"], accuracy, scale=1.0).verdict == "fails"
    assert robustness_axiom(scores, [], accuracy, scale=1.0).verdict == "not tried"


def test_restating_must_not_beat_explaining() -> None:
    assert leakage_check(table({"gold": [1] * 30, "restating": [0, 1] * 15})).verdict == "holds"
    assert leakage_check(table({"gold": [0] * 30, "restating": [0, 1] * 15})).verdict == "fails"
    assert leakage_check(table({"gold": [1] * 9, "restating": [1] * 9})).verdict == "holds"  # a tie beats nothing
    assert leakage_check(table({"gold": [1.0]})).verdict == "not tried"


def test_people_and_a_metric_that_ranks_as_they_do() -> None:
    values = {"rated": [0, 0, 1, 1], "rated/people": [1, 1], "rated/models": [0, 0]}
    found = people_check(table(values, seeds=2), {"e0": 0.0, "e1": 0.1, "e2": 0.8, "e3": 0.9})
    assert found.numbers["rho"].value == pytest.approx(0.8944271909999159) and found.verdict == "holds"
    assert found.numbers["people_minus_models"].value == 1.0
    assert people_check(table({"generated": [1.0]}), {}).verdict == "not tried"
    same = people_check(table({"rated": [1, 1, 1]}), {"e0": 0.0, "e1": 0.5, "e2": 1.0})
    assert same.verdict == "not tried" and "same value" in same.why


def test_a_value_of_sums_and_its_difference_by_the_rule_of_the_metric() -> None:
    # LAS of the fixture: leaking group mean .5 of 4, other group 0 of 2 -> .25; the other source: all 0 -> 0.
    parts = {
        "generated": [
            np.array(row, dtype=float)
            for row in ([1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0])
        ],
        "gold": [np.array(row, dtype=float) for row in [[1, 0, 0, 0]] * 3 + [[0, 0, 1, 0]] * 3],
    }
    scores = table({name: [0.0] * 6 for name in parts}, metric="las", parts=parts)
    assert scores.value("generated").value == pytest.approx(0.25)
    assert scores.difference("generated", "gold").value == pytest.approx(0.25)
    assert scores.per_seed("gold") == [0.0]


def test_verdicts_go_by_the_interval() -> None:
    assert above(Estimate(0.2, 0.1, 0.3)) == "holds" and above(Estimate(-0.2, -0.3, -0.1)) == "fails"
    assert above(Estimate(0.2, -0.1, 0.3)) == "open" and above(Estimate(float("nan"))) == "not tried"
    assert above(Estimate(0.2)) == "holds" and above(Estimate(0.0, 0.0, 0.0)) == "fails"
