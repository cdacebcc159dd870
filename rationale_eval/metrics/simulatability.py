"""Simulatability, RQ, LAS and leakage: does a rationale let another model guess the answer?

A simulator S was trained to guess the system's answer (not the gold label) from the input x, the rationale r, or both.
Example by example it guesses or it does not: s_xr, s_x, s_r are 0 or 1. Variants say whether simulators started from
pretrained weights (pt) or from random ones of the same architecture (np).

All are undefined where the system gave no answer that can be read.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.text_case import TextCase

Floats = NDArray[np.float64]
Weights = Literal["pt", "np"]
Leak = Literal["both", "leaking", "not_leaking"]

UNREAD: Final = "the system gave no answer that can be read"
ONE_GROUP: Final = "its rationale belongs to the other group"

WEIGHTS: Final[dict[str, dict[str, Any]]] = {"pt": {"weights": "pt"}, "np": {"weights": "np"}}
"""Variants of every metric of this file."""


def las_of_sums(sums: Floats) -> Floats:
    """LAS from (examples, sum of differences) of the leaking and of the other group; NaN where a group is empty.

    Args:
        sums: `[..., 4]`: count and sum of the leaking group, count and sum of the other.

    Returns:
        `[...]`, -1 to 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.stack([sums[..., 1] / sums[..., 0], sums[..., 3] / sums[..., 2]], axis=-1)
    return np.where((sums[..., 0] == 0) | (sums[..., 2] == 0), np.nan, means.mean(axis=-1))


@metric(
    "simulatability",
    family="simulation",
    symbol="Sim",
    title="Simulatability",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("text", "simulator"),
    views=("both",),
    variants=WEIGHTS,
    cite="Hase et al. 2020 (LAS), section 3; Chan et al. 2022 (FRAME), section 3",
    formula="mean of s_xr",
    describe="How often a simulator that reads input and rationale guesses the system's answer.",
    avoid=(
        "Not alone: a rationale that only restates the answer reaches 1, and so may one that is ignored where the "
        "input says enough. Read it beside leakage and RQ."
    ),
)
def simulatability(case: TextCase, *, weights: Weights = "pt") -> Score:
    """1 if the simulator guesses the answer from input and rationale."""
    if case.answer is None:
        return undefined(UNREAD)
    return Score(float(case.guessed(weights, "both")))


@metric(
    "rq",
    family="simulation",
    symbol="RQ",
    title="Rationale quality",
    direction="higher",
    range=(-1.0, 1.0),
    best=None,
    needs=("text", "simulator"),
    views=("input", "both"),
    variants=WEIGHTS,
    cite="Wiegreffe et al. 2021, section 4",
    formula="mean of s_xr - s_x",
    describe=(
        "How much more often the answer is guessed with the rationale than without it; at most 1 minus the "
        "accuracy without."
    ),
    avoid=(
        "Not for comparing different data or simulators, on which its ceiling depends; and not without leakage "
        "beside it, since giving the answer away raises it."
    ),
)
def rq(case: TextCase, *, weights: Weights = "pt") -> Score:
    """What the rationale adds for this example: -1, 0 or 1."""
    if case.answer is None:
        return undefined(UNREAD)
    return Score(float(case.guessed(weights, "both")) - float(case.guessed(weights, "input")))


@metric(
    "leakage",
    family="simulation",
    symbol="leak",
    title="Leakage",
    direction="none",
    range=(0.0, 1.0),
    best=None,
    needs=("text", "simulator"),
    views=("rationale",),
    variants=WEIGHTS,
    cite="Hase et al. 2020 (LAS), section 3 (leakage indicator k)",
    formula="mean of s_r",
    describe=(
        "How often the answer can be guessed from the rationale alone. A rationale that merely restates the answer"
        " has leakage 1."
    ),
    avoid=("Not as a fault by itself: a good reason points to its answer too. Read it beside simulatability and RQ."),
)
def leakage(case: TextCase, *, weights: Weights = "pt") -> Score:
    """1 if the simulator guesses the answer from the rationale alone."""
    if case.answer is None:
        return undefined(UNREAD)
    return Score(float(case.guessed(weights, "rationale")))


@metric(
    "las",
    family="simulation",
    symbol="LAS",
    title="Leakage-adjusted simulatability",
    direction="higher",
    range=(-1.0, 1.0),
    best=None,
    needs=("text", "simulator"),
    views=("input", "rationale", "both"),
    variants={
        f"{weights}{'' if leak == 'both' else '_' + leak}": {"weights": weights, "leak": leak}
        for weights in ("pt", "np")
        for leak in ("both", "leaking", "not_leaking")
    },
    cite="Hase et al. 2020 (LAS), equations 1 and 2",
    formula="(mean of s_xr - s_x where s_r = 1  +  mean of s_xr - s_x where s_r = 0) / 2",
    describe=(
        "RQ within the rationales that leak the answer and within those that do not, both groups weighing alike."
    ),
    avoid=(
        "Not where one group is small, since it then decides as much as the large one, and where one is empty the "
        "value is not defined: look at the variants of the groups, and their counts."
    ),
    reduce=las_of_sums,
)
def las(case: TextCase, *, weights: Weights = "pt", leak: Leak = "both") -> Score:
    """The example's difference, and its group."""
    if case.answer is None:
        return undefined(UNREAD)
    found, leaks = rq(case, weights=weights).value, case.guessed(weights, "rationale")
    if leak != "both":
        if leaks != (leak == "leaking"):
            return undefined(ONE_GROUP)
        # The value of one group: both halves of the mean are that group's.
        return Score(found, parts=np.array([1.0, found, 1.0, found]))
    parts = np.array([leaks, leaks * found, not leaks, (not leaks) * found], dtype=np.float64)
    return Score(found, parts=parts)
