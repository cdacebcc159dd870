"""The checks of an audit on tables small enough to be computed by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rationale_eval.axioms.axiom_perturbation import perturbation_axiom
from rationale_eval.axioms.axiom_reference import reference_axiom
from rationale_eval.axioms.axiom_robustness import robustness_axiom
from rationale_eval.axioms.estimate import Estimate, Table
from rationale_eval.axioms.finding import Finding, judge
from rationale_eval.axioms.leakage_check import leakage_check
from rationale_eval.axioms.people import people_check
from rationale_eval.axioms.scorecard import scorecards
from rationale_eval.axioms.scoring import Audited
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.record import METRICS

load_all()


def scored(values: dict[str, list[float]], *, seeds: int = 1, metric: str = "rq", parts=None) -> pd.DataFrame:
    """Scores in which every seed has the same values."""
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
    return pd.DataFrame(rows)


def table(values: dict[str, list[float]], *, seeds: int = 1, metric: str = "rq", parts=None) -> Table:
    return Table(scored(values, seeds=seeds, metric=metric, parts=parts), METRICS[metric])


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
        for name, value in (("generated", 0.9), ("noise_50", 0.6), ("data_5", 0.2))
        for seed in (0, 1)
    }
    found = robustness_axiom(scores, ["noise_50", "data_5"], accuracy, scale=2.0)
    numbers = {name: each.value for name, each in found.numbers.items()}
    assert numbers["std"] == pytest.approx(np.std([0.5, 0.25, 0.0]))
    assert numbers["range"] == pytest.approx(0.5) and numbers["relative"] == pytest.approx(0.25)
    assert numbers["rho"] == pytest.approx(1.0) and found.verdict == "open"  # just 25 %: a bound is not beyond itself
    assert robustness_axiom(scores, ["noise_50", "data_5"], accuracy, scale=2.5).verdict == "holds"
    assert robustness_axiom(scores, ["noise_50", "data_5"], accuracy, scale=1.0).verdict == "fails"
    assert robustness_axiom(scores, [], accuracy, scale=1.0).verdict == "not tried"


def test_restating_must_not_beat_explaining() -> None:
    assert leakage_check(table({"gold": [1] * 30, "restating": [0, 1] * 15})).verdict == "holds"
    assert leakage_check(table({"gold": [0] * 30, "restating": [0, 1] * 15})).verdict == "fails"
    ahead = {"gold": [1, 1, 0, 0] * 10, "restating": [1, 0, 1, 0] * 10}
    assert leakage_check(table(ahead)).verdict == "open"
    # A tie without a doubt, of a metric that can tell other things apart: it holds no more than it fails.
    tie = leakage_check(table({"gold": [1] * 9, "restating": [1] * 9, "empty": [0] * 9}))
    assert (tie.verdict, tie.why) == ("open", "neither is clearly ahead")
    assert leakage_check(table({"gold": [1.0]})).verdict == "not tried"


def test_people_and_a_metric_that_ranks_as_they_do() -> None:
    values = {"rated": [0, 0, 1, 1], "rated/people": [1, 1], "rated/models": [0, 0]}
    found = people_check(table(values, seeds=2), {"e0": 0.0, "e1": 0.1, "e2": 0.8, "e3": 0.9})
    assert found.numbers["rho"].value == pytest.approx(0.8944271909999159) and found.verdict == "holds"
    assert found.numbers["people_minus_models"].value == 1.0
    assert people_check(table({"generated": [1.0]}), {}).verdict == "not tried"
    ratings = {"e0": 0.0, "e1": 0.5, "e2": 1.0}
    same = people_check(table({"rated": [1, 1, 1], "empty": [0]}), ratings)
    assert same.verdict == "open" and "same value" in same.why
    few = people_check(table({"rated": [1, 0]}), ratings)
    assert few.verdict == "not tried" and "fewer than three" in few.why
    alike = people_check(table({"rated": [1, 0, 1]}), dict.fromkeys(ratings, 0.5))
    assert (alike.verdict, alike.why) == ("not tried", "people rate all of them alike")


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


def test_a_verdict_goes_by_the_interval_alone() -> None:
    def above(*number: float) -> str:
        return judge(Estimate(*number), least=0.0)

    assert above(0.2, 0.1, 0.3) == "holds" and above(-0.2, -0.3, -0.1) == "fails"
    assert above(0.2, -0.1, 0.3) == "open" and above(float("nan")) == "not tried"
    # A number without an interval decides nothing, nor does a tie or a bound that is just reached.
    assert above(0.2) == above(-0.2) == above(0.0, 0.0, 0.0) == above(0.1, 0.0, 0.2) == above(-0.1, -0.2, 0.0) == "open"
    found = [Estimate(0, -0.9, 0.9), Estimate(2, 1.1, 3), Estimate(-2, -3, -1.5), Estimate(0, -2, 2)]
    assert [judge(one, least=-1.0, most=1.0) for one in found] == ["holds", "fails", "fails", "open"]


def test_with_one_seed_the_gap_has_a_paired_interval_over_examples() -> None:
    draw = np.random.default_rng(0)
    base = draw.integers(0, 2, 60).astype(float)
    same = np.where(np.arange(60) % 2, base, np.nan)  # applied to half of them, and moves nothing
    values = {"generated": base.tolist(), "equivalent/e": same.tolist(), "contrastive/c": (base - 0.2).tolist()}
    found = perturbation_axiom(table(values), ["equivalent/e", "contrastive/c"], 1.0)
    gap = found.numbers["gap"]
    # The scores vary from 0 to 1, but what an edit does to an example does not: drawn together, nothing is uncertain.
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.2, 0.2, 0.2)) and gap.n == 60
    assert found.verdict == "holds" and found.numbers["equivalent"].interval == "point"
    noisy = values | {"contrastive/c": (base - np.where(np.arange(60) % 4, -0.3, 1.0)).tolist()}
    found = perturbation_axiom(table(noisy), ["equivalent/e", "contrastive/c"], 1.0)
    gap = found.numbers["gap"]
    assert gap.value == pytest.approx((15 * 1.0 - 45 * 0.3) / 60) and gap.low < 0 < gap.high
    assert gap.interval == "bca" and gap.seeds == 1
    assert (found.verdict, found.why) == ("open", "contrastive edits move it not clearly more than equivalent ones")
    # By hand: the bootstrap of the one difference is that of the gap, since the other is 0 for every example.
    alone = found.numbers["contrastive/c"]
    assert (gap.low, gap.high) == pytest.approx((alone.low, alone.high))


def test_a_gap_of_one_example_is_open_for_want_of_an_interval() -> None:
    one = {"generated": [1.0], "equivalent/e": [1.0], "contrastive/c": [0.0]}
    found = perturbation_axiom(table(one), ["equivalent/e", "contrastive/c"], 1.0)
    assert found.numbers["gap"].value == 1.0
    assert (found.verdict, found.why) == (
        "open", "contrastive edits move it not clearly more than equivalent ones (there is no interval)"
    )  # fmt: skip


def test_equivalent_edits_that_may_move_it_leave_axiom_2_open() -> None:
    moved = [0.0, 0.2] * 20  # 0.1 on average, and an interval around it
    values = {
        "generated": [1.0] * 40, "equivalent/e": [1 - each for each in moved], "contrastive/c": [0.0] * 40
    }  # fmt: skip
    edits = ["equivalent/e", "contrastive/c"]
    assert perturbation_axiom(table(values), edits, 10.0).verdict == "holds"  # 5 % of 10 is far above
    assert perturbation_axiom(table(values), edits, 2.0).verdict == "open"  # 0.1 just there
    assert perturbation_axiom(table(values), edits, 0.5).verdict == "fails"


def test_one_seed_of_robustness_has_an_interval_and_may_be_open() -> None:
    values = {"generated": [1, 0] * 20, "noise_50": [1, 0, 0, 0] * 10}
    accuracy = {("generated", 0): 0.9, ("noise_50", 0): 0.5}
    found = robustness_axiom(table(values), ["noise_50"], accuracy, scale=1.0)
    relative = found.numbers["relative"]
    assert relative.value == 0.25 and relative.low < 0.25 < relative.high and found.verdict == "open"
    assert robustness_axiom(table(values), ["noise_50"], accuracy, scale=10.0).verdict == "holds"
    assert robustness_axiom(table(values), ["noise_50"], accuracy, scale=0.1).verdict == "fails"


def test_a_task_model_that_never_gets_worse_shows_no_robustness() -> None:
    """One at chance stays there: a metric that stays has not been tried, and one that moves was moved by else."""
    values = {"generated": [1, 0] * 20, "noise_50": [1, 0, 0, 0] * 10}

    def found(whole: float, disturbed: float, scale: float = 10.0, seeds: int = 1) -> Finding:
        accuracy = {("generated", seed): whole for seed in range(seeds)}
        accuracy |= {("noise_50", seed): disturbed for seed in range(seeds)}
        return robustness_axiom(table(values, seeds=seeds), ["noise_50"], accuracy, scale=scale)

    for scale in (10.0, 0.1):
        level = found(0.33, 0.32, scale)
        assert level.verdict == "open" and "accuracy 0.33, and at least 0.32 when disturbed" in level.why
        assert level.numbers["range"].value == 0.25
    assert found(0.33, 0.5).verdict == "open"
    # 0.15 are 1.4 standard errors of 40 examples and 2.0 of 80.
    assert found(0.5, 0.35).verdict == "open" and found(0.5, 0.35, seeds=2).verdict == "holds"
    assert found(0.9, 0.5).verdict == "holds"
    assert found(float("nan"), 0.5).verdict == "holds"


def test_a_constant_metric_holds_nothing() -> None:
    sources = (
        "generated", "gold", "random", "empty", "reference", "reference_retrained", "restating", "equivalent/e",
        "contrastive/c", "noise_50", "rated", "rated/people", "rated/models",
    )  # fmt: skip
    ratings = {f"e{place}": place / 30 for place in range(30)}
    accuracy = {("generated", 0): 0.9, ("noise_50", 0): 0.5}

    def verdicts(values: dict[str, list[float]]) -> dict[str, tuple[str, str]]:
        (card,) = scorecards(scored(values), [Audited(METRICS["rq"], "np", {})], accuracy, ratings)
        return {each.check: (each.verdict, each.why) for each in card.findings}

    told = verdicts({source: [0.3] * 30 for source in sources} | {"ceiling": [1.0] * 30})
    assert set(told.values()) == {("open", "the metric is constant")} and len(told) == 5
    # One other score anywhere, and it is no longer constant: what it ties on stays open, for another reason.
    told = verdicts({source: [0.3] * 30 for source in sources} | {"empty": [0.3] * 29 + [0.2]})
    assert told["leakage"] == ("open", "neither is clearly ahead")
    assert told["robustness"][0] == "holds"
