"""KernelSHAP: Shapley values of the words, estimated by a weighted regression over coalitions of words."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from rationale_eval.engine.case import REMOVALS, Asks, Case, Removal
from rationale_eval.errors import UsageError
from rationale_eval.rationales.perturbation import VALUES, seen_words, spread_out, value
from rationale_eval.rationales.record import Found, method

Coalitions = tuple[NDArray[np.bool_], NDArray[np.float64]]
"""Which words take part, booleans `[coalitions, words]`, and the weight of each coalition."""


@method(
    "kernel_shap",
    title="KernelSHAP",
    family="perturbation",
    signed=True,
    deterministic=False,
    options={"removal": REMOVALS, "output": tuple(VALUES)},
    cite="Lundberg and Lee 2017, theorem 2; Covert and Lee 2021 for paired sampling",
    describe=(
        "Estimates of Shapley values that add up exactly to the difference between the output for the text and "
        "for no words; exact where all subsets fit into the samples."
    ),
    avoid=(
        "Not for long texts with few samples: their number must grow with the number of words. Not where texts "
        "with many holes make the model erratic."
    ),
)
def kernel_shap(
    case: Case, *, samples: int = 200, removal: Removal = "delete", output: str = "probability"
) -> Asks[Found]:
    """Argmin over s of sum_z w(z) (f(z) - f(none) - <s, z>)^2 with sum_i s_i = f(all) - f(none).

    w is the Shapley kernel (n - 1) / (C(n, |z|) |z| (n - |z|)).
    """
    if samples < 2:
        raise UsageError(f"kernel_shap: 'samples' must be 2 or more, not {samples}")
    places = seen_words(case)
    kept, weights = coalitions(len(places), samples, np.random.default_rng(case.seed))
    whole, none, *answers = yield [
        case.whole(),
        case.without(places, removal),
        *(case.without(places[~keep], removal) for keep in kept),
    ]
    nothing = value(none, case.target, output)
    gains = np.array([value(answer, case.target, output) - nothing for answer in answers])
    found = solve(kept, weights, gains, value(whole, case.target, output) - nothing)
    return Found(spread_out(case, places, found), {"exact": float(len(kept) >= 2 ** len(places) - 2)})


def solve(
    kept: NDArray[np.bool_], weights: NDArray[np.float64], gains: NDArray[np.float64], total: float
) -> NDArray[np.float64]:
    """The weighted regression with the last word's score eliminated by the constraint that scores add up to `total`.

    Args:
        kept: Booleans `[coalitions, words]`.
        weights: float64 `[coalitions]`.
        gains: What each coalition adds to no words at all, float64 `[coalitions]`.
        total: What all words add.

    Returns:
        float64 `[words]`.
    """
    words = kept.shape[1]
    if words < 2:
        return np.full(words, total)
    last = kept[:, -1:].astype(np.float64)
    root = np.sqrt(weights)[:, None]
    others, *_ = np.linalg.lstsq(
        root * (kept[:, :-1] - last), (root * (gains[:, None] - total * last))[:, 0], rcond=None
    )
    return np.append(others, total - others.sum())


def coalitions(words: int, samples: int, draw: np.random.Generator) -> Coalitions:
    """Coalitions and their weights: all where they fit into `samples`, else the heaviest sizes whole, the rest drawn.

    Sizes s and n - s weigh the same and come in pairs, each drawn coalition with its complement, which removes most
    of the variance.
    """
    if words < 2:
        return np.zeros((0, words), dtype=bool), np.zeros(0)
    masses = {size: (words - 1) / (size * (words - size)) for size in range(1, words)}
    if 2**words - 2 <= samples:
        return _whole(words, list(masses), masses)
    sizes = list(range(1, words // 2 + 1))
    taken: list[int] = []
    left = samples
    while sizes:
        size = sizes[0]
        pair = sorted({size, words - size})
        needed = sum(comb(words, each) for each in pair)
        share = _mass(pair, masses) / sum(_mass({each, words - each}, masses) for each in sizes)
        if left * share < needed:
            break
        taken, left, sizes = taken + pair, left - needed, sizes[1:]
    kept, weights = _whole(words, taken, masses)
    if not sizes or left < 2:
        return kept, weights
    mass = np.array([_mass({each, words - each}, masses) for each in sizes])
    drawn = []
    for size in draw.choice(sizes, size=left // 2, p=mass / mass.sum()):
        inside = np.zeros(words, dtype=bool)
        inside[draw.permutation(words)[:size]] = True
        drawn += [inside, ~inside]
    each_weighs = mass.sum() / len(drawn)
    return np.vstack([kept, *drawn]), np.append(weights, np.full(len(drawn), each_weighs))


def _mass(sizes: set[int] | list[int], masses: dict[int, float]) -> float:
    return sum(masses[size] for size in sizes)


def _whole(words: int, sizes: list[int], masses: dict[int, float]) -> Coalitions:
    kept, weights = [np.zeros((0, words), dtype=bool)], []
    for size in sizes:
        inside = np.zeros((comb(words, size), words), dtype=bool)
        for row, members in enumerate(combinations(range(words), size)):
            inside[row, list(members)] = True
        kept.append(inside)
        weights += [masses[size] / len(inside)] * len(inside)
    return np.vstack(kept), np.array(weights, dtype=np.float64)
