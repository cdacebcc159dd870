"""Is the explanation steady, and does it predict what perturbation does? Max-sensitivity and infidelity (Yeh et al.
2019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rationale_eval.metrics.faithfulness import NO_WORDS
from rationale_eval.metrics.record import Score, metric, undefined

if TYPE_CHECKING:
    from rationale_eval.engine.case import Asks, Case, Removal

DRAWS: Final = 10
RADIUS: Final = 0.02


@metric(
    "max_sensitivity",
    family="faithfulness",
    symbol="sens",
    title="Max-sensitivity",
    direction="lower",
    range=(0.0, np.inf),
    best=0.0,
    needs=("model", "scores", "explainer"),
    variants={"radius0.02": {}},
    cite="Yeh et al. 2019, definition 2",
    formula="max over draws of |phi(x + e) - phi(x)| / |phi(x)|, e uniform in an L-infinity ball",
    describe="Largest relative change of the word scores when the input embeddings are shaken a little.",
    avoid="Never alone: a constant explanation has the best value, 0.",
)
def max_sensitivity(case: Case, *, draws: int = DRAWS, radius: float = RADIUS) -> Asks[Score]:
    """Largest relative Euclidean change of the seen words' scores; undefined where all scores are zero."""
    scores = case.scores[case.seen]
    if not len(scores):
        return undefined(NO_WORDS)
    size = float(np.linalg.norm(scores))
    if size == 0:
        return undefined("all scores are zero")
    answers = yield [case.explained_again(radius, case.seed + draw) for draw in range(draws)]
    return Score(max(float(np.linalg.norm(answer[case.seen] - scores)) / size for answer in answers))


@metric(
    "infidelity",
    family="faithfulness",
    symbol="infd",
    title="Infidelity",
    direction="lower",
    range=(0.0, np.inf),
    best=0.0,
    needs=("model", "scores"),
    variants={"scale_free": {}, "raw": {"scale_free": False}},
    cite="Yeh et al. 2019, definition 1, with word-removal perturbations",
    formula="mean over draws of (b * sum of scores of removed words - (p(y|x) - p(y|x without them)))^2",
    describe=(
        "Whether the sum of the scores of randomly removed words tells the drop in probability. `scale_free` fits "
        "one factor b first, `raw` takes b = 1."
    ),
    avoid=(
        "Not for scores that are no contributions, such as magnitudes and ranks; and not by `raw` for scores on "
        "another scale than probabilities, where it is meaningless."
    ),
)
def infidelity(case: Case, *, draws: int = DRAWS, removal: Removal = "pad", scale_free: bool = True) -> Asks[Score]:
    """Mean squared difference over `draws` seeded subsets in which each seen word is removed with probability 1/2.

    b = E[s d] / E[s^2] for predicted sums s and observed drops d; where every predicted sum is 0, b is 0.
    """
    places = np.flatnonzero(case.seen)
    if not len(places):
        return undefined(NO_WORDS)
    chance = np.random.default_rng(case.seed)
    subsets = [places[chance.random(len(places)) < 0.5] for _ in range(draws)]
    whole, *parts = yield [case.whole(), *(case.without(subset, removal) for subset in subsets)]
    drops = np.array([whole[case.target] - part[case.target] for part in parts])
    predicted = np.array([case.scores[subset].sum() for subset in subsets])
    if scale_free:
        square = float(np.mean(predicted**2))
        predicted = predicted * (float(np.mean(predicted * drops)) / square if square else 0.0)
    return Score(float(np.mean((predicted - drops) ** 2)))
