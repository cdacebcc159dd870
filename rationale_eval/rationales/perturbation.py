"""What methods that remove words have in common: the number they explain, and random draws of words to remove.

Such a method is a generator of questions about a case, so that the engine answers it together with every other
method and metric, each distinct question once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rationale_eval.engine.case import Answer, Case


def _log_odds(probability: float) -> float:
    return float(np.log(_positive(probability)) - np.log(_positive(1 - probability)))


def _positive(probability: float) -> float:
    return max(probability, float(np.finfo(np.float64).tiny))


VALUES: Final[Mapping[str, Callable[[float], float]]] = {
    "probability": float,
    "log_probability": lambda probability: float(np.log(_positive(probability))),
    "log_odds": _log_odds,
}
"""The number to explain, as a function of the target choice's probability (the engine answers in probabilities)."""


def value(answer: Answer, target: int, output: str) -> float:
    """The explained number for one answer."""
    return VALUES[output](float(answer[target]))


def spread_out(case: Case, places: NDArray[np.intp], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores of the words at `places` as float64 `[words]`, NaN elsewhere."""
    scores = np.full(len(case.words), np.nan)
    scores[places] = found
    return scores


def seen_words(case: Case) -> NDArray[np.intp]:
    """Indices of the words the model sees; only these take part."""
    return np.flatnonzero(case.encoding.seen)
