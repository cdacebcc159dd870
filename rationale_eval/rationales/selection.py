"""From word scores to selected words: which words, how many, and who wins a tie.

Ties go to the earlier word. Words without a score (NaN: the model never saw them) are never selected and not counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Counting = Literal["half_even", "floor", "ceil"]

COUNTING: Final[dict[str, Callable[[float], int]]] = {
    "half_even": lambda words: max(1, round(words)),
    "floor": math.floor,
    "ceil": math.ceil,
}
"""`half_even`: round half to even, at least one word (UNIREX); `floor`: may be none (ferret, FRESH); `ceil`: round up."""


def count_words(words: int, percent: float, counting: Counting = "half_even") -> int:
    """How many of `words` words are `percent` of them (0 to 100); never more than there are.

    The product is rounded to 9 decimals before it is counted, so that 10 % of 70 is 7 and not 7.000000000000001.
    """
    return min(words, COUNTING[counting](round(words * percent / 100, 9)))


def ranking(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of the scored words, most important first; equal scores keep reading order."""
    places = np.flatnonzero(~np.isnan(scores))
    return places[np.argsort(-scores[places], kind="stable")]


def top_n(scores: NDArray[np.float64], n: int) -> NDArray[np.bool_]:
    """Selects the `n` best words. Returns booleans `[words]`."""
    return _mask(len(scores), ranking(scores)[: max(0, n)])


def top_percent(scores: NDArray[np.float64], percent: float, counting: Counting = "half_even") -> NDArray[np.bool_]:
    """Selects the best `percent` (0 to 100) of the scored words. Returns booleans `[words]`."""
    order = ranking(scores)
    return _mask(len(scores), order[: count_words(len(order), percent, counting)])


def above(scores: NDArray[np.float64], threshold: float = 0.0) -> NDArray[np.bool_]:
    """Selects the words whose score is greater than `threshold`. Returns booleans `[words]`."""
    return np.nan_to_num(scores, nan=-np.inf) > threshold


def _mask(size: int, chosen: NDArray[np.intp] | Sequence[int]) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=bool)
    mask[np.asarray(chosen, dtype=np.intp)] = True
    return mask
