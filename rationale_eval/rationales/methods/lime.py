"""LIME: a weighted linear model of the output around the text, fitted to random removals of words."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.engine.case import REMOVALS, Asks, Case, Removal
from rationale_eval.errors import UsageError
from rationale_eval.rationales.perturbation import VALUES, seen_words, spread_out, value
from rationale_eval.rationales.record import Found, method

REGRESSIONS: Final = ("ridge", "lasso")


@method(
    "lime",
    title="LIME",
    family="perturbation",
    signed=True,
    deterministic=False,
    options={"removal": REMOVALS, "output": tuple(VALUES), "regression": REGRESSIONS},
    cite="Ribeiro, Singh and Guestrin 2016, eq. 2; sampling and kernel for text as in its released code",
    describe=(
        "Coefficients of a linear model of the output, fitted to texts with random words removed and weighted by "
        "closeness to the whole."
    ),
    avoid=(
        "Not where runs must agree closely: coefficients vary with the draw, so raise the samples where two seeds"
        " disagree. Not where words act together, which a linear model cannot say."
    ),
)
def lime(
    case: Case,
    *,
    samples: int = 100,
    width: float = 25.0,
    regression: str = "ridge",
    alpha: float = 1.0,
    removal: Removal = "delete",
    output: str = "probability",
) -> Asks[Found]:
    """The s that, with some c, minimises sum_z w(z) (f(z) - c - <s, z>)^2 + alpha ||s||^2; with lasso alpha ||s||_1.

    The first sample is the whole text; each other one keeps a random subset of the words, all numbers of removed
    words equally likely. w(z) = exp(-d^2 / (2 (width / 100)^2)), d the cosine distance between z and the whole.
    The notes hold the weighted R^2 of the fit.
    """
    # Only this method needs scikit-learn, and reading it takes a second of every process's start.
    from sklearn.linear_model import Lasso, Ridge

    if samples < 2 or width <= 0 or alpha < 0:
        raise UsageError("lime: 'samples' must be 2 or more, 'width' above 0 and 'alpha' 0 or more")
    places = seen_words(case)
    if not len(places):
        return Found(np.full(len(case.words), np.nan))
    kept = draw_subsets(len(places), samples, np.random.default_rng(case.seed))
    answers = yield [case.without(places[~keep], removal) for keep in kept]
    values = np.array([value(answer, case.target, output) for answer in answers])
    weights = closeness(kept, width)
    model = {"ridge": Ridge, "lasso": Lasso}[regression](alpha=alpha)
    fit = model.fit(kept.astype(np.float64), values, sample_weight=weights)
    quality = float(fit.score(kept.astype(np.float64), values, sample_weight=weights))
    return Found(spread_out(case, places, fit.coef_), {"r_squared": quality})


def draw_subsets(words: int, samples: int, draw: np.random.Generator) -> NDArray[np.bool_]:
    """Which words each sample keeps, booleans `[samples, words]`; the first keeps all."""
    kept = np.ones((samples, words), dtype=bool)
    for sample, removed in zip(kept[1:], draw.integers(1, words + 1, size=samples - 1), strict=True):
        sample[draw.permutation(words)[:removed]] = False
    return kept


def closeness(kept: NDArray[np.bool_], width: float) -> NDArray[np.float64]:
    """Weight of each sample in (0, 1], float64 `[samples]`; a sample without words is at cosine distance 1."""
    distance = 1 - np.sqrt(kept.mean(axis=1))
    weights: NDArray[np.float64] = np.exp(-(distance**2) / (2 * (width / 100) ** 2))
    return weights
