"""Integrated gradients: the gradient averaged along the straight line from a baseline to the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from rationale_eval.errors import UsageError
from rationale_eval.rationales.attribution import (
    BASELINES,
    Baseline,
    Point,
    Probe,
    Subject,
    along_the_line,
    word_scores,
)
from rationale_eval.rationales.record import Found, Merge, Output, method

QUADRATURES: Final = ("riemann_right", "riemann_left", "riemann_middle", "riemann_trapezoid", "gausslegendre")
"""Rules for the integral, those of captum."""


@method(
    "integrated_gradients",
    title="Integrated gradients",
    family="gradient",
    signed=True,
    deterministic=True,
    options={"baseline": BASELINES, "quadrature": QUADRATURES},
    cite="Sundararajan, Taly and Yan 2017, eq. 1",
    describe=(
        "Scores add up to the difference between the output for the text and for the baseline, up to the "
        "convergence delta kept in the notes."
    ),
    avoid=(
        "Not where the delta is not small (raise the steps), and not for comparing results of different "
        "baselines, on which the scores depend."
    ),
)
def integrated_gradients(
    probe: Probe,
    subjects: Sequence[Subject],
    *,
    steps: int = 50,
    baseline: Baseline = "pad",
    quadrature: str = "gausslegendre",
    output: Output = "logit",
    merge: Merge = "sum",
) -> list[Found]:
    """s_i = <e_i - b_i, integral over a in [0, 1] of df(b + a (e - b))/de_i>."""
    # Reading captum takes a second, which would be one of every process's start.
    from captum.attr._utils.approximation_methods import approximation_parameters

    if steps < 2:
        raise UsageError(f"integrated_gradients: 'steps' must be 2 or more, not {steps}")
    sizes, places = (of(steps) for of in approximation_parameters(quadrature))
    points = [Point(i, place, size) for i in range(len(subjects)) for place, size in zip(places, sizes, strict=True)]
    tokens = probe.gradients(subjects, points, along_the_line, output=output, baseline=baseline)
    ends = [Point(i, place) for i in range(len(subjects)) for place in (0.0, 1.0)]
    values = np.array(probe.outputs(subjects, ends, output=output, baseline=baseline)).reshape(-1, 2)
    sums = np.array([sum(row.sum() for row in rows) for rows in tokens])
    deltas = sums - (values[:, 1] - values[:, 0])
    return [
        Found(scores, {"convergence_delta": float(delta)})
        for scores, delta in zip(word_scores(probe, subjects, tokens, output, merge), deltas, strict=True)
    ]
