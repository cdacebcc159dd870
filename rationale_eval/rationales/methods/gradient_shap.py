"""Gradient SHAP: integrated gradients at random places with a little noise, an estimate of expected gradients."""

from __future__ import annotations

from collections.abc import Sequence

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


@method(
    "gradient_shap",
    title="Gradient SHAP",
    family="gradient",
    signed=True,
    deterministic=False,
    options={"baseline": BASELINES},
    cite="Lundberg and Lee 2017; Erion et al. 2021 (expected gradients)",
    describe=(
        "The gradient at random places between baseline and slightly noisy text, averaged. A noisier, cheaper "
        "relative of integrated gradients."
    ),
    avoid=(
        "Not with few samples where the order of words matters: raise the samples where two seeds disagree. As "
        "with every baseline method, not without saying which baseline."
    ),
)
def gradient_shap(
    probe: Probe,
    subjects: Sequence[Subject],
    *,
    samples: int = 20,
    noise: float = 0.1,
    baseline: Baseline = "pad",
    output: Output = "logit",
    merge: Merge = "sum",
) -> list[Found]:
    """s_i = mean over a ~ U(0, 1), z ~ N(0, noise^2) of <e_i + z_i - b_i, df(b + a (e + z - b))/de_i>.

    `noise` is in units of the standard deviation of the embedding table's entries.
    """
    if samples < 1 or noise < 0:
        raise UsageError("gradient_shap: 'samples' must be 1 or more and 'noise' 0 or more")
    spread = noise * float(probe.model.embedding().weight.detach().float().std()) if noise else 0.0
    points = []
    for i, subject in enumerate(subjects):
        draw = np.random.default_rng(subject.seed)
        for place, seed in zip(draw.random(samples), draw.integers(2**62, size=samples), strict=True):
            points.append(Point(i, float(place), 1 / samples, spread, int(seed)))
    tokens = probe.gradients(subjects, points, along_the_line, output=output, baseline=baseline)
    return [Found(scores) for scores in word_scores(probe, subjects, tokens, output, merge)]
