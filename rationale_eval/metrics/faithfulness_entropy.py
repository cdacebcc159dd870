"""Comprehensiveness and sufficiency without a target class: what erasure does to the whole distribution.

Two forms of the ERASER scorer beside the drop of one probability: the difference of entropies, and the
Kullback-Leibler divergence of the perturbed from the whole distribution. Natural logarithms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rationale_eval.metrics.faithfulness import rationale_words
from rationale_eval.metrics.record import Score, metric, undefined

if TYPE_CHECKING:
    from rationale_eval.engine.case import Asks, Case, Removal

Floats = NDArray[np.float64]

INFINITE: Final = "a label has probability 0 on the whole input but not on the perturbed one"


def entropy_of(probabilities: Floats) -> float:
    """Entropy in nats, 0 to ln(choices). The numbers are scaled to sum to 1 first, as the ERASER scorer does."""
    p = np.asarray(probabilities, dtype=np.float64) / np.sum(probabilities)
    return float(-np.sum(p[p > 0] * np.log(p[p > 0])))


def entropy_drop(whole: Floats, part: Floats) -> Score:
    """H(whole) - H(part), in nats."""
    return Score(entropy_of(whole) - entropy_of(part))


def divergence(whole: Floats, part: Floats) -> Score:
    """KL(part || whole) = sum of part ln(part / whole), at least 0, in nats; undefined where it is infinite."""
    p, q = np.asarray(part, dtype=np.float64) / np.sum(part), np.asarray(whole, dtype=np.float64) / np.sum(whole)
    present = p > 0
    if (q[present] == 0).any():
        return undefined(INFINITE)
    return Score(float(np.sum(p[present] * np.log(p[present] / q[present]))))


def _register(family: Literal["comprehensiveness", "sufficiency"], form: Literal["entropy", "kl"]) -> None:
    measure: Callable[[Floats, Floats], Score] = entropy_drop if form == "entropy" else divergence
    perturbed = "x without r" if family == "comprehensiveness" else "r"

    def ask(case: Case, *, percent: float | None = 20.0, removal: Removal = "delete") -> Asks[Score]:
        """Compares the distributions with and without (or with only) the best `percent` % of the words.

        Args:
            case: Needs a model and scores.
            percent: 0 to 100; None takes the rationale's own selection.
            removal: How words are taken away.
        """
        words = rationale_words(case, percent)
        if isinstance(words, str):
            return undefined(words)
        other = case.without(words, removal) if family == "comprehensiveness" else case.only(words, removal)
        whole, part = yield [case.whole(), other]
        return measure(whole, part)

    facts: dict[str, Any] = {
        "family": "faithfulness",
        "range": (-np.inf, np.inf) if form == "entropy" else (0.0, np.inf),
        "best": None,
        "needs": ("model", "scores"),
        "variants": {"top20": {}, "hard": {"percent": None}},
        "cite": "DeYoung et al. 2020, released scorer",
    }
    short = "comp" if family == "comprehensiveness" else "suff"
    if form == "entropy":
        metric(
            f"{family}_entropy",
            **facts,
            symbol=f"{short}-H",
            title=f"{family.capitalize()}, entropy form",
            direction="none",
            formula=f"H(p(.|x)) - H(p(.|{perturbed})), nats",
            describe=(
                "How much more certain the model is of the whole input than of the perturbed one, whatever label it"
                " names."
            ),
            avoid="Not as a measure of faithfulness by itself: a flip to another certain label shows as 0.",
        )(ask)
    else:
        metric(
            f"{family}_kl",
            **facts,
            symbol=f"{short}-KL",
            title=f"{family.capitalize()}, Kullback-Leibler form",
            direction="higher" if family == "comprehensiveness" else "lower",
            formula=f"KL(p(.|{perturbed}) || p(.|x)), nats",
            describe=("How far the perturbed distribution is from the whole one, over all labels."),
            avoid=(
                "Not by the mean alone: it is unbounded, so a few certain examples can carry it; look at the "
                "distribution first."
            ),
        )(ask)


for _family in ("comprehensiveness", "sufficiency"):
    _register(_family, "entropy")
    _register(_family, "kl")
