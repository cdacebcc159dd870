"""What pictures of a comparison are drawn from: curves over k, distributions, the front of a trade-off."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rationale_eval.metrics.curves import CURVE_PERCENTS
from rationale_eval.metrics.faithfulness import ERASER_BINS
from rationale_eval.verbs.result import Result
from rationale_eval.verbs.systems import System

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

BARS: Final = 41
"""Steps of a distribution: the same few points are drawn for a hundred examples and for a million."""

RESAMPLES: Final = 1000

_VARYING: Final = frozenset({"ferret"})
"""Variants that leave out bins, so that the places of a curve mean something else from example to example."""


def has_curve(metric: str, variant: str) -> bool:
    """Whether scores of this kind keep a curve with a fixed place for each k."""
    return variant not in _VARYING and _bins(metric, {}) is not None


def _bins(metric: str, options: Mapping[str, Any]) -> list[float] | None:
    if metric in ("comprehensiveness_aopc", "sufficiency_aopc", "log_odds"):
        return [float(each) for each in options.get("bins", ERASER_BINS)]
    if metric in ("deletion_auc", "insertion_auc"):
        return [float(each) for each in CURVE_PERCENTS]
    return None


def curves(
    results: Mapping[str, Result], systems: Sequence[System], key: str, ids: Collection[str] | None = None
) -> pd.DataFrame:
    """Mean curve of each system over k, with 95 % bootstrap intervals of each place.

    Args:
        results: Results by run.
        systems: Systems.
        key: The metric, "name:variant".
        ids: Examples that count; all when None.

    Returns:
        Columns system, k (percent of the words), value, ci_low, ci_high, n; empty where no curves were kept.
    """
    import pandas as pd

    from rationale_eval.metrics.statistics import intervals, mean_sample

    metric, variant = key.split(":", 1)
    lines: list[dict[str, Any]] = []
    for _, result, own in _by_run(results, systems, ids):
        bins = _bins(metric, _options(result, metric, variant))
        rows = result.examples(metric, variant=variant, columns=["example_id", "cluster", "method", "curve"])
        for system in own:
            found = rows[(rows["method"] == system.method) & rows["curve"].notna()]
            found = found[[len(each) == len(bins or ()) for each in found["curve"]]]
            if bins is None or not len(found):
                continue
            values = np.stack(found["curve"].to_list())
            clusters = found["cluster"].tolist() if found["cluster"].notna().any() else None
            places = intervals([mean_sample(values[:, i], clusters) for i in range(len(bins))], resamples=RESAMPLES)
            lines += [
                {
                    "system": system.key,
                    "k": k,
                    "value": at.value,
                    "ci_low": at.low,
                    "ci_high": at.high,
                    "n": len(values),
                }
                for k, at in zip(bins, places, strict=True)
            ]
    return pd.DataFrame(lines, columns=["system", "k", "value", "ci_low", "ci_high", "n"])


def _options(result: Result, metric: str, variant: str) -> Mapping[str, Any]:
    for each in result.provenance.get("metrics") or ():
        if each.get("metric") == metric and each.get("variant") == variant:
            found: Mapping[str, Any] = each
            return found
    return {}


def _by_run(
    results: Mapping[str, Result], systems: Sequence[System], ids: Collection[str] | None
) -> list[tuple[str, Result, list[System]]]:
    return [
        (run, result if ids is None else result.narrowed(ids), [each for each in systems if each.run == run])
        for run, result in results.items()
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """How one system's example values are spread.

    Args:
        system: The system.
        n: Examples with a value.
        places: Values at which the density is given, float64 `[steps]`.
        density: Share of the examples near each place, 1 at the system's highest; float64 `[steps]`.
        quartiles: Least value, first quartile, median, third quartile, greatest value.
        mean: Mean.
    """

    system: str
    n: int
    places: NDArray[np.float64]
    density: NDArray[np.float64]
    quartiles: tuple[float, float, float, float, float]
    mean: float


def distributions(
    results: Mapping[str, Result], systems: Sequence[System], key: str, ids: Collection[str] | None = None
) -> list[Distribution]:
    """The spread of example values of each system, in the order of the systems, over steps that all share.

    Arguments as `curves`. A system without a value is left out.
    """
    metric, _, variant = key.partition(":")
    values: dict[str, NDArray[np.float64]] = {}
    for _, result, own in _by_run(results, systems, ids):
        rows = result.examples(metric, variant=variant, columns=["method", "value"])
        for system in own:
            found = rows.loc[rows["method"] == system.method, "value"].to_numpy(dtype=np.float64)
            found = found[np.isfinite(found)]
            if len(found):
                values[system.key] = found
    if not values:
        return []
    low, high = min(each.min() for each in values.values()), max(each.max() for each in values.values())
    edges = np.linspace(low, high if high > low else low + 1.0, BARS + 1)
    return [_spread(system.key, values[system.key], edges) for system in systems if system.key in values]


def _spread(system: str, values: NDArray[np.float64], edges: NDArray[np.float64]) -> Distribution:
    counts = np.histogram(values, edges)[0].astype(np.float64)
    # One pass of a small kernel: the eye reads the shape, the quartiles beside it are exact.
    smooth = np.convolve(np.pad(counts, 1), [0.25, 0.5, 0.25], mode="valid")
    least, first, middle, third, greatest = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    return Distribution(
        system,
        len(values),
        (edges[:-1] + edges[1:]) / 2,
        smooth / smooth.max(),
        (float(least), float(first), float(middle), float(third), float(greatest)),
        float(values.mean()),
    )


def front(points: pd.DataFrame, directions: tuple[str, str]) -> list[bool]:
    """Which points no other point beats on both counts.

    Args:
        points: Columns x and y, one row a system; NaN is on no front.
        directions: "higher" or "lower" for each of the two.

    Returns:
        One truth value for each row.
    """
    signs = np.array([-1.0 if each == "lower" else 1.0 for each in directions])
    values = points[["x", "y"]].to_numpy(dtype=np.float64) * signs
    known = np.isfinite(values).all(axis=1)
    return [
        bool(known[i])
        and not any(
            known[j] and (values[j] >= values[i]).all() and (values[j] > values[i]).any() for j in range(len(values))
        )
        for i in range(len(values))
    ]
