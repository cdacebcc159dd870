"""Agreement with people: does a metric rank explanations as people do?

Ours, not FRAME's. Explanations that people rated (`feb_human_eval`: mean of three ratings, 0 to 1) are judged by
simulators trained on gold rationales of the same task. Spearman's rho and Kendall's tau-b over explanations; and the
difference between the explanations of people and those of models, which people rate 74-79 % against 14-45 %.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import kendalltau, spearmanr

from rationale_eval.axioms.estimate import NAN, Estimate, Table, over_seeds
from rationale_eval.axioms.finding import Finding, constant, judge, unsure

RATED, BY_PEOPLE, BY_MODELS = "rated", "rated/people", "rated/models"
RESAMPLES = 1000


def people_check(table: Table, plausibility: Mapping[str, float]) -> Finding:
    """Rank correlation with ratings.

    Args:
        table: Scores of "rated" and its two parts.
        plausibility: Mean rating by example id.
    """
    if not table.has(RATED):
        return Finding("people", "not tried", "no rated explanations of this task were given")
    if table.constant:
        return constant("people", {})
    rhos, taus, why = list[float](), list[float](), set[str]()
    for seed in table.seeds:
        ids = table.defined(RATED, seed)
        values = np.array([table.example(RATED, seed, key) for key in ids])
        ratings = np.array([plausibility[key] for key in ids])
        if len(ids) < 3:
            why.add("fewer than three rated explanations have a value")
        elif np.ptp(ratings) == 0:
            why.add("people rate all of them alike")
        elif np.ptp(values) > 0:
            rhos.append(float(spearmanr(values, ratings).statistic))
            taus.append(float(kendalltau(values, ratings).statistic))
    if not rhos and why:
        return Finding("people", "not tried", " or ".join(sorted(why)))
    if not rhos:
        return Finding("people", "open", "the metric has the same value for every rated explanation")
    rho = over_seeds(rhos, float(len(ids)))
    if len(rhos) == 1:
        low, high = _interval(values, ratings)
        rho = Estimate(rhos[0], low, high, len(ids), 1, "percentile")
    numbers = {"rho": rho, "tau": over_seeds(taus), "people_minus_models": _apart(table)}
    return judged(numbers)


def judged(numbers: Mapping[str, Estimate]) -> Finding:
    """The finding that follows from the numbers."""
    rho = numbers["rho"]
    verdict = judge(rho, least=0.0)
    words = {"holds": "agrees with", "fails": "disagrees with", "open": "is not clearly tied to", "not tried": "lacks"}
    why = f"it {words[verdict]} people's ratings (rho {rho.value:.2f}){unsure(rho)}"
    return Finding("people", verdict, why, numbers)


def _apart(table: Table) -> Estimate:
    people, models = table.per_seed(BY_PEOPLE), table.per_seed(BY_MODELS)
    return over_seeds([a - b for a, b in zip(people, models, strict=True)])


def _interval(values: np.ndarray, ratings: np.ndarray) -> tuple[float, float]:
    draw = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLES):
        picks = draw.integers(0, len(values), len(values))
        if np.ptp(values[picks]) > 0 and np.ptp(ratings[picks]) > 0:
            found.append(float(spearmanr(values[picks], ratings[picks]).statistic))
    if not found:
        return NAN, NAN
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
