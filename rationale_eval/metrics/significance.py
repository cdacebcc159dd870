"""Is the difference between two systems on the same examples more than chance? Paired tests and their correction.

Permutation: under the null hypothesis it does not matter which of the two systems an outcome came from, so outcomes
are swapped within units at random (Noreen 1989; for metrics that are not means: Yeh 2000). A unit is an example, or a
cluster of examples that share a premise or document, which is swapped as a whole. For means this is the sign-flip test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr

from rationale_eval.errors import UsageError
from rationale_eval.metrics.record import Reduce
from rationale_eval.metrics.statistics import Floats, chunks

DRAWS: Final = 10_000
"""Random swaps where not all can be tried: the smallest p is 1/10001, and a p of 0.05 has a standard error of 0.002."""

EXACT_UNITS: Final = 13
"""Up to so many units that differ, all 2^units swaps (8192) are tried, which is fewer than the random ones."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a two-sided test.

    Args:
        p: The p-value, 0 to 1; NaN if there is nothing to test.
        name: What was done, for people to read.
    """

    p: float
    name: str


def permutation_test(first: Floats, second: Floats, reduce: Reduce, *, draws: int = DRAWS, seed: int = 0) -> Outcome:
    """Paired permutation test of reduce(sum of first) - reduce(sum of second).

    Args:
        first: The first system's sums within each unit, float64 `[units, parts]`.
        second: The second's, same units in the same order.
        reduce: From summed parts `[..., parts]` to values `[...]`.
        draws: Random swaps, where there are too many units to try all.
        seed: Seed of the draw.

    Returns:
        p: the share of swaps whose difference is at least as large in absolute value. All swaps if at most
        `EXACT_UNITS` units differ; otherwise (1 + count) / (1 + draws) over random ones, which keeps the test valid
        (Phipson and Smyth 2010). Swaps in which a value is undefined count as at least as large.

    Raises:
        UsageError: If the shapes differ or `draws` is below 1.
    """
    if first.shape != second.shape or draws < 1:
        raise UsageError("a paired test needs the same units for both systems, and at least one draw")
    middle, half = (first + second).sum(axis=0) / 2, (first - second) / 2
    half = half[(half != 0).any(axis=1)]
    observed = (
        float(abs(reduce(middle + half.sum(axis=0)) - reduce(middle - half.sum(axis=0)))) if len(first) else np.nan
    )
    if np.isnan(observed):
        return Outcome(float("nan"), "none: a value is undefined")
    if not len(half):
        return Outcome(1.0, "paired permutation, all units equal")
    # Equal up to rounding is equal: the observed arrangement must always count.
    bar = observed - 1e-10 * max(1.0, observed)
    exact = len(half) <= EXACT_UNITS
    total = 2 ** len(half) if exact else draws
    draw, count = np.random.default_rng(seed), 0
    tables = None if exact else _tables(half)
    for start, stop in chunks(total, len(half) if tables is None else tables.shape[1]):
        if tables is None:
            swapped = _all_swaps(start, stop, len(half)).astype(np.float64) @ half
        else:
            swapped = _random_sums(draw, stop - start, tables)
        shift = half.sum(axis=0) - 2 * swapped
        differences = np.abs(reduce(middle + shift) - reduce(middle - shift))
        count += int((~(differences < bar)).sum())
    if exact:
        return Outcome(count / total, f"paired permutation, exact ({total} swaps)")
    return Outcome((1 + count) / (1 + draws), f"paired permutation, {draws} draws")


def _all_swaps(start: int, stop: int, units: int) -> NDArray[np.int64]:
    """Rows `start` to `stop` of all 0/1 patterns over the units; 1 swaps the unit."""
    return (np.arange(start, stop)[:, None] >> np.arange(units)) & 1


_BITS: Final = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)


def _tables(half: Floats) -> Floats:
    """What each byte of swaps adds: eight units make 256 patterns, whose sums are looked up and not made again.

    Args:
        half: `[units, parts]`.

    Returns:
        `[parts, bytes, 256]`; bytes come in fours, and units that are only filled in add nothing.
    """
    width = 32 * ((len(half) + 31) // 32)
    filled = np.zeros((half.shape[1], width))
    filled[:, : len(half)] = half.T
    return np.asarray(filled.reshape(half.shape[1], width // 8, 8) @ _BITS.T)


def _random_sums(draw: np.random.Generator, rows: int, tables: Floats) -> Floats:
    """Sums over the swapped units of `rows` random swaps, `[rows, parts]`."""
    # Whole 32-bit words for each row: what is drawn then does not depend on how the rows are cut into chunks.
    drawn = draw.integers(0, 256, size=(rows, tables.shape[1]), dtype=np.uint8)
    bytes_ = np.ascontiguousarray(drawn.T)
    sums = np.zeros((len(tables), rows))
    for part, own in zip(sums, tables, strict=True):
        if own.any():  # the counts below a mean never differ
            for table, byte in zip(own, bytes_, strict=True):
                part += table[byte]
    return sums.T


def mcnemar_test(
    first: NDArray[np.bool_], second: NDArray[np.bool_], kind: Literal["exact", "mid-p"] = "exact"
) -> Outcome:
    """McNemar's test on paired right/wrong outcomes.

    Args:
        first: Whether the first system was right, booleans `[examples]`.
        second: Whether the second was, same examples.
        kind: "exact": binomial test on the examples where just one is right; never too small. "mid-p": half the
            probability of the observed count is left out, which is less conservative and hardly ever too small
            (Fagerland, Lydersen and Laake 2013).

    Returns:
        Two-sided p; 1 where the two never differ.

    Raises:
        UsageError: On an unknown kind.
    """
    if kind not in ("exact", "mid-p"):
        raise UsageError(f"McNemar's test is 'exact' or 'mid-p', not '{kind}'")
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    fewer, differ = min(only_first, only_second), only_first + only_second
    # Where both counts are equal the doubled tail holds the observed count twice, and exceeds 1 by its probability.
    p = 2 * float(bdtr(fewer, differ, 0.5))
    if kind == "mid-p" and differ:
        p -= math.comb(differ, fewer) / (1 << differ)
    return Outcome(min(1.0, p), f"McNemar, {kind}")


def holm(p_values: ArrayLike) -> Floats:
    """Holm's step-down correction: controls the chance of any false alarm among all tests (Holm 1979).

    Args:
        p_values: `[tests]`; NaN stays NaN and does not count as a test.

    Returns:
        Corrected p-values `[tests]`.
    """
    given = np.asarray(p_values, dtype=np.float64)
    corrected = np.full(given.shape, np.nan)
    places = np.flatnonzero(~np.isnan(given))
    order = places[np.argsort(given[places], kind="stable")]
    steps = given[order] * (len(order) - np.arange(len(order)))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return corrected
