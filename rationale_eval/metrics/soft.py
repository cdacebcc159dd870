"""Soft erasure (Zhao and Aletras 2023): words fade in proportion to their score in place of being cut out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.metrics.faithfulness import NO_WORDS
from rationale_eval.metrics.record import Score, metric, undefined

if TYPE_CHECKING:
    from rationale_eval.engine.case import Asks, Case

DRAWS: Final = 10


def _normalised(case: Case) -> NDArray[np.float64] | str:
    """Scores mapped to [0, 1] by min and max over the seen words, 0 for the rest; or why that is impossible."""
    if not case.seen.any():
        return NO_WORDS
    scores = case.scores[case.seen]
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        return "all scores are equal"
    unit = np.zeros(len(case.words))
    unit[case.seen] = (scores - low) / (high - low)
    return unit


def _soft(case: Case, draws: int, *, keep_important: bool) -> Asks[Score]:
    unit = _normalised(case)
    if isinstance(unit, str):
        return undefined(unit)
    retain = unit if keep_important else 1.0 - unit
    nothing = np.zeros(len(case.words))
    whole, empty, *parts = yield [
        case.whole(),
        case.soft(nothing, 0),
        *(case.soft(retain, case.seed + draw) for draw in range(draws)),
    ]
    y = case.target
    floor = 1.0 - max(0.0, whole[y] - empty[y])
    if floor == 1.0:
        return undefined("the empty input is as good as the whole one")
    drops = np.array([max(0.0, whole[y] - part[y]) for part in parts])
    gains = (1.0 - drops - floor) / (1.0 - floor) if keep_important else drops / (1.0 - floor)
    return Score(float(np.clip(gains, 0.0, 1.0).mean()))


@metric(
    "soft_sufficiency",
    family="faithfulness",
    symbol="Soft-NS",
    title="Soft normalised sufficiency",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("model", "scores"),
    variants={"draws10": {}},
    cite="Zhao and Aletras 2023, Soft-NS (directions of the masks as in the paper, from memory, unconfirmed)",
    formula="clip((S(x') - S0) / (1 - S0), 0, 1), S(x') = 1 - max(0, p(y|x) - p(y|x')), S0 = S(zeroed input)",
    describe=(
        "Elements of a word's embedding survive with probability equal to its score scaled to [0, 1], averaged "
        "over draws with a fixed seed; high means that the named words suffice."
    ),
    avoid=(
        "Not for single examples or few draws, since it is random by nature; not where an empty input does as "
        "well, for there it is undefined."
    ),
)
def soft_sufficiency(case: Case, *, draws: int = DRAWS) -> Asks[Score]:
    """Mean over `draws` seeded draws; every draw is normalised and clipped by itself."""
    return (yield from _soft(case, draws, keep_important=True))


@metric(
    "soft_comprehensiveness",
    family="faithfulness",
    symbol="Soft-NC",
    title="Soft normalised comprehensiveness",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("model", "scores"),
    variants={"draws10": {}},
    cite="Zhao and Aletras 2023, Soft-NC (directions of the masks as in the paper, from memory, unconfirmed)",
    formula="clip(max(0, p(y|x) - p(y|x')) / (1 - S0), 0, 1), S0 = 1 - max(0, p(y|x) - p(y|zeroed input))",
    describe=(
        "Elements of a word's embedding vanish with probability equal to its score scaled to [0, 1], averaged over"
        " draws with a fixed seed; high means that the decision needs the named words."
    ),
    avoid=(
        "Not for single examples or few draws, since it is random by nature; not where an empty input does as "
        "well, for there it is undefined."
    ),
)
def soft_comprehensiveness(case: Case, *, draws: int = DRAWS) -> Asks[Score]:
    """Mean over `draws` seeded draws; every draw is normalised and clipped by itself."""
    return (yield from _soft(case, draws, keep_important=False))
