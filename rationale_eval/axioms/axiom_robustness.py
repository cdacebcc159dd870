"""Axiom 3: a metric must not vary with how good the task model is.

The task model is trained again with wrong labels and with fewer data, it speaks again, simulators are trained on that,
and the metric is computed anew. Reported: standard deviation, range, and |Spearman's rho| with the task model's
accuracy, over conditions. The range is also given as a share of the metric's range over the sources of Axiom 1
("relative"), which makes metrics of different units comparable (Chan et al. 2022; levels are not confirmed). That scale
is taken as it is: the interval of the share is the one of the range.

Where no condition makes the task model worse (one at chance stays there), nothing was there to be robust to, and
neither verdict would be about how good the task model is: the check is open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import spearmanr

from rationale_eval.axioms.estimate import NAN, Estimate, Floats, Table, over_seeds
from rationale_eval.axioms.finding import Finding, constant, judge, unsure

TOLERANCE = 0.25
"""A range over conditions below this share of the range over sources counts as robust. Our own choice."""

WORSE = 1.645
"""Standard errors by which accuracy must fall under some condition: 95 %, one-sided. Our own choice."""


def robustness_axiom(
    table: Table, names: Sequence[str], accuracy: Mapping[tuple[str, int], float], scale: float
) -> Finding:
    """Looks at the metric over conditions.

    Args:
        table: Scores, one source a condition; "generated" is the undisturbed one.
        names: Names of the other conditions.
        accuracy: Of the task model, by condition ("generated" for the undisturbed) and seed.
        scale: The metric's range over the sources of Axiom 1.
    """
    order = ["generated", *names]
    values = np.array([table.per_seed(name) for name in order if table.has(name)])
    if len(values) < 2:
        return Finding("robustness", "not tried", "the task model was trained under one condition only")
    order = [name for name in order if table.has(name)]
    numbers: dict[str, Estimate] = {name: table.value(name) for name in order}
    reached = np.array([[accuracy.get((name, seed), NAN) for seed in table.seeds] for name in order])
    numbers["std"] = over_seeds(np.nanstd(values, axis=0).tolist())
    numbers["range"] = table.joint([[name] for name in order], _range)
    rho = [_rho(values[:, place], reached[:, place]) for place in range(len(table.seeds))]
    numbers["rho"] = over_seeds([abs(one) for one in rho])
    relative = numbers["relative"] = numbers["range"].over(scale)
    means = {name: _mean(row) for name, row in zip(order, reached, strict=True)}
    about = {"accuracy": means}
    if table.constant:
        return constant("robustness", numbers, about)
    if (never := _never_worse([*means.values()], numbers["generated"].n * len(table.seeds))) is not None:
        return Finding("robustness", "open", never, numbers, about)
    verdict = judge(relative, most=TOLERANCE)
    why = f"over conditions it moves by {relative.value:.0%} of its range over sources{unsure(relative)}"
    if verdict == "not tried":
        why = "the metric has no range over sources to compare with"
    return Finding("robustness", verdict, why, numbers, about)


def _mean(reached: np.ndarray) -> float:
    known = reached[np.isfinite(reached)]
    return float(known.mean()) if len(known) else NAN


def _never_worse(accuracy: Sequence[float], examples: float) -> str | None:
    """That no condition made the task model worse, told in a clause; None where one did, or where accuracy is unknown.

    Args:
        accuracy: Under every condition, the undisturbed first.
        examples: How many each rests on, over all seeds.
    """
    whole, known = accuracy[0], [each for each in accuracy[1:] if np.isfinite(each)]
    if not (np.isfinite(whole) and known and examples > 0):
        return None
    worst = min(known)
    error = np.sqrt((whole * (1 - whole) + worst * (1 - worst)) / examples)
    if whole - worst > WORSE * error:
        return None
    return f"no condition made the task model worse: accuracy {whole:.2f}, and at least {worst:.2f} when disturbed"


def _range(values: Floats, _: Floats) -> Floats:
    """Greatest less least value over groups of one source; conditions without a value are left out."""
    single = values[..., 0]
    return np.asarray(np.fmax.reduce(single, axis=-1) - np.fmin.reduce(single, axis=-1))


def _rho(values: np.ndarray, accuracy: np.ndarray) -> float:
    known = np.isfinite(values) & np.isfinite(accuracy)
    if known.sum() < 3 or np.ptp(values[known]) == 0 or np.ptp(accuracy[known]) == 0:
        return NAN
    return float(spearmanr(values[known], accuracy[known]).statistic)
