"""From word scores to selected words. Counting and tie rules are named, because they change results.

Ties: equal scores keep reading order, so the earlier word is selected first. Words without a score (NaN) are neither
selected nor counted. No torch here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.example import Example
from rationale_eval.data.words import gold_mask, split_words
from rationale_eval.errors import InputError, UsageError

Mask = NDArray[np.bool_]

COUNTING: Final[Mapping[str, Callable[[float], int]]] = {
    "half_even": lambda exact: max(1, round(exact)),
    "floor": math.floor,
    "ceil": math.ceil,
}
"""How many words a share of n is. `half_even`: rounded, halves to the even number, at least one (UNIREX);
`floor`: may be none (ferret, FRESH); `ceil`: at least one for any share above zero (ERASER's faithfulness bins)."""


def count(words: int, percent: float, counting: str = "half_even") -> int:
    """How many of `words` words are `percent` per cent.

    Returns:
        A whole number in [0, words].

    Raises:
        UsageError: If the rule is unknown or the percentage lies outside [0, 100].
    """
    if counting not in COUNTING:
        raise UsageError(f"there is no counting rule '{counting}'; choose one of {', '.join(COUNTING)}")
    if not 0 <= percent <= 100:
        raise UsageError(f"a percentage of words lies between 0 and 100, not at {percent}")
    return min(words, COUNTING[counting](words * percent / 100))


def ranking(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of the scored words, most important first, equal scores in reading order."""
    places = np.flatnonzero(~np.isnan(scores))
    return places[np.argsort(-scores[places], kind="stable")]


def top_n(scores: NDArray[np.float64], n: int) -> Mask:
    """Selects the `n` most important words, or all scored words where there are fewer.

    Args:
        scores: float64 `[words]`.
        n: How many; not negative.

    Returns:
        Booleans `[words]`.
    """
    if n < 0:
        raise UsageError(f"a number of words cannot be negative: {n}")
    mask = np.zeros(len(scores), dtype=bool)
    mask[ranking(scores)[:n]] = True
    return mask


def top_k_percent(scores: NDArray[np.float64], percent: float, counting: str = "half_even") -> Mask:
    """Selects the most important `percent` per cent of the scored words, counted by the rule `counting`.

    Returns:
        Booleans `[words]`.
    """
    return top_n(scores, count(int((~np.isnan(scores)).sum()), percent, counting))


def threshold(scores: NDArray[np.float64], at_least: float) -> Mask:
    """Selects the words with a score of `at_least` or more.

    Returns:
        Booleans `[words]`.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(scores >= at_least, dtype=bool)


def gold_length(examples: Iterable[Example], *, share: bool = False, rule: str = "unicode") -> float:
    """Average length of the gold rationales of a data set: ERASER's rule for how many words to select.

    Args:
        examples: The examples; those without highlights are left out.
        share: Whether to return a percentage of each example's words, for `top_k_percent`, or a number of words, for
            `top_n` (rounded by the caller).
        rule: The word rule.

    Raises:
        InputError: If no example has highlights.

    Source: DeYoung et al. 2020, section 5 (top k_d tokens, k_d the average rationale length of data set d).
    """
    lengths = []
    for example in examples:
        if example.evidence is None:
            continue
        words = split_words(example, rule)
        marked = int(gold_mask(words, example.evidence).sum())
        lengths.append(100 * marked / max(1, len(words)) if share else float(marked))
    if not lengths:
        raise InputError("no example has gold highlights, so there is no average rationale length; use top_k_percent")
    return float(np.mean(lengths))


SELECTIONS: Final[Mapping[str, Callable[..., Mask]]] = {
    "top_k_percent": top_k_percent,
    "top_n": top_n,
    "threshold": threshold,
}
"""Selection rules by name; the first argument is the scores, the second the rule's number."""
