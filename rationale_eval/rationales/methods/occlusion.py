"""Occlusion: how far the output falls when a window of neighbouring words is removed, averaged over windows."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from rationale_eval.engine.case import REMOVALS, Asks, Case, Removal
from rationale_eval.errors import UsageError
from rationale_eval.rationales.perturbation import VALUES, seen_words, spread_out, value
from rationale_eval.rationales.record import Found, method


@method(
    "occlusion",
    title="Occlusion",
    family="perturbation",
    signed=True,
    deterministic=True,
    options={"removal": REMOVALS, "output": tuple(VALUES)},
    cite="Zeiler and Fergus 2014, section 4.2",
    describe=(
        "The fall of the output when a window slid over the words of a field is removed, averaged over the "
        "windows that hold a word. Catches phrases that leave-one-out misses."
    ),
    avoid=(
        "Not where the exact border of a rationale matters, since a window blurs it; and not for comparing "
        "results of different windows."
    ),
)
def occlusion(
    case: Case, *, window: int = 3, stride: int = 1, removal: Removal = "delete", output: str = "probability"
) -> Asks[Found]:
    """s_i = mean over windows W with i in W of f(x) - f(x without W); windows stay inside one field.

    Windows begin every `stride` words, and one ends with the field's last word, so that every word lies in one.
    """
    if not 1 <= stride <= window:
        raise UsageError(f"occlusion: 'window' must be 1 or more and 'stride' 1 to {max(window, 1)}, not {stride}")
    places = seen_words(case)
    windows = _windows(case, places, window, stride)
    whole, *parts = yield [case.whole(), *(case.without(inside, removal) for inside in windows)]
    start = value(whole, case.target, output)
    falls, counts = np.zeros(len(case.words)), np.zeros(len(case.words))
    for inside, part in zip(windows, parts, strict=True):
        falls[inside] += start - value(part, case.target, output)
        counts[inside] += 1
    return Found(spread_out(case, places, falls[places] / counts[places]))


def _windows(case: Case, places: NDArray[np.intp], size: int, stride: int) -> list[NDArray[np.intp]]:
    """Windows of `size` seen neighbours within a field; a field of fewer words is one window."""
    windows = []
    for _, group in groupby(places, key=lambda place: case.words[place].field):
        inside = np.fromiter(group, dtype=np.intp)
        last = max(0, len(inside) - size)
        windows += [inside[start : start + size] for start in [*range(0, last, stride), last]]
    return windows
