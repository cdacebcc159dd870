"""What happens word by word along a ranking: decision flips, deletion and insertion curves, agreement with leave-one-
out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rationale_eval.metrics.faithfulness import NO_WORDS
from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.rationales.selection import count

if TYPE_CHECKING:
    from rationale_eval.engine.case import Asks, Case, Removal

_ALL_PAIRS: Final = 1000
"""Words up to which all pairs are compared at once (8 MB for each matrix)."""

CURVE_PERCENTS: Final = tuple(range(0, 101, 10))


@metric(
    "decision_flip",
    family="faithfulness",
    symbol="flip",
    title="Fraction of words until the decision flips",
    direction="lower",
    range=(0.0, 1.0),
    best=0.0,
    needs=("model", "scores"),
    variants={"censored": {}, "flipped_only": {"censor": False}},
    cite="Serrano and Smith 2019; Nguyen 2018 (switching point)",
    formula="min j / n such that argmax p(.|x without the j best words) != argmax p(.|x)",
    describe=(
        "Words are taken away, most important first, until the predicted label changes. Where it never changes the"
        " value is 1 (`censored`) or undefined (`flipped_only`)."
    ),
    avoid=(
        "Not for a label that the model has a strong prior for: taking words away never flips it, and the value "
        "says nothing there."
    ),
)
def decision_flip(case: Case, *, removal: Removal = "delete", censor: bool = True) -> Asks[Score]:
    """Smallest share of words whose removal changes the predicted label.

    Removals are asked about in growing blocks (1, 2, 4, ... words further), so an early flip costs few passes.
    """
    order = case.ranking
    if not len(order):
        return undefined(NO_WORDS)
    predicted = int(np.argmax(case.probabilities))
    done, block = 0, 1
    while done < len(order):
        counts = range(done + 1, min(done + block, len(order)) + 1)
        answers = yield [case.without(order[:size], removal) for size in counts]
        for size, answer in zip(counts, answers, strict=True):
            if int(np.argmax(answer)) != predicted:
                return Score(size / len(order))
        done, block = counts[-1], block * 2
    return Score(1.0) if censor else undefined("the label never flips")


CURVE_VARIANTS: Final[dict[str, dict[str, Any]]] = {"delete": {}, "mask": {"removal": "mask"}}


def _area(curve: Sequence[float]) -> Score:
    """Area under a curve over [0, 1] with equal steps, by the trapezoid rule."""
    return Score(float(np.trapezoid(curve, dx=1 / (len(curve) - 1))), curve=np.array(curve, dtype=np.float64))


@metric(
    "deletion_auc",
    family="faithfulness",
    symbol="del",
    title="Deletion AUC",
    direction="lower",
    range=(0.0, 1.0),
    best=None,
    needs=("model", "scores"),
    variants=CURVE_VARIANTS,
    cite="Petsiuk et al. 2018 (RISE), deletion",
    formula="area under p(y | x without the best q of the words), q from 0 to 1",
    describe=(
        "Probability of the explained choice while words vanish, most important first; a steep early fall gives a "
        "small area."
    ),
    avoid="Not comparable between models whose confidence differs.",
)
def deletion_auc(case: Case, *, removal: Removal = "delete") -> Asks[Score]:
    """Trapezoid area over q = 0, 10, ..., 100 % of the words removed."""
    order = case.ranking
    if not len(order):
        return undefined(NO_WORDS)
    counts = [0 if not q else count(len(order), q) for q in CURVE_PERCENTS]
    answers = yield [case.without(order[:size], removal) for size in counts]
    return _area([answer[case.target] for answer in answers])


@metric(
    "insertion_auc",
    family="faithfulness",
    symbol="ins",
    title="Insertion AUC",
    direction="higher",
    range=(0.0, 1.0),
    best=None,
    needs=("model", "scores"),
    variants=CURVE_VARIANTS,
    cite="Petsiuk et al. 2018 (RISE), insertion",
    formula="area under p(y | the best q of the words alone), q from 0 to 1",
    describe=(
        "Probability of the explained choice while words return to an empty input, most important first; a steep "
        "early rise gives a large area."
    ),
    avoid="Not comparable between models whose confidence differs.",
)
def insertion_auc(case: Case, *, removal: Removal = "delete") -> Asks[Score]:
    """Trapezoid area over q = 0, 10, ..., 100 % of the words present."""
    order = case.ranking
    if not len(order):
        return undefined(NO_WORDS)
    hidden = np.flatnonzero(~case.seen)
    counts = [0 if not q else count(len(order), q) for q in CURVE_PERCENTS]
    answers = yield [case.only([*order[:size], *hidden], removal) for size in counts]
    return _area([answer[case.target] for answer in answers])


@metric(
    "tau_loo",
    family="faithfulness",
    symbol="tau",
    title="Agreement with leave-one-out",
    direction="higher",
    range=(-1.0, 1.0),
    best=1.0,
    needs=("model", "scores"),
    variants={"delete": {}, "mask": {"removal": "mask"}, "ferret": {"removal": "retokenize"}},
    cite="Jain and Wallace 2019; Attanasio et al. 2023 (ferret, taucorr_loo)",
    formula="Kendall's tau-b of scores and p(y|x) - p(y|x without word i)",
    describe=(
        "Rank agreement between the scores and the effect of removing each word alone; undefined where either is "
        "constant."
    ),
    avoid=("Not where evidence is redundant: it is blind to interactions, so that good rationales look bad there."),
)
def tau_loo(case: Case, *, removal: Removal = "delete") -> Asks[Score]:
    """Kendall's tau-b over the seen words; undefined for fewer than two words or a constant vector."""
    places = np.flatnonzero(case.seen)
    if len(places) < 2:
        return undefined("fewer than two words are seen and scored")
    whole, *parts = yield [case.whole(), *(case.without([int(place)], removal) for place in places)]
    effects = np.array([whole[case.target] - part[case.target] for part in parts])
    return _kendall(case.scores[places], effects)


def _kendall(scores: np.ndarray, effects: np.ndarray) -> Score:
    if np.ptp(scores) == 0:
        return undefined("all scores are equal")
    if np.ptp(effects) == 0:
        return undefined("no single word changes the probability")
    return Score(kendall_tau_b(scores, effects))


def kendall_tau_b(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b: (concordant - discordant pairs) / sqrt(pairs untied in x * pairs untied in y).

    All pairs at once: for the few dozen words of a text that is several times quicker than sorting.

    Args:
        x: Float64 `[n]`, not constant.
        y: Float64 `[n]`, not constant.
    """
    if len(x) > _ALL_PAIRS:
        from scipy.stats import kendalltau  # heavy: only where it is used

        return float(kendalltau(x, y).statistic)
    above, beyond = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    untied = np.count_nonzero(above) * np.count_nonzero(beyond)
    return float((above * beyond).sum() / np.sqrt(untied))
