"""What repeated training says: mean over seeds with an interval, the seed being the unit.

This is another interval than the bootstrap over examples (`statistics`): that one says how a trained model would fare
on other examples, this one how another training by the same recipe would fare on the same examples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from rationale_eval.errors import UsageError
from rationale_eval.metrics.frames import direction_of
from rationale_eval.metrics.statistics import LEVEL

KEYS = ("method", "metric", "variant")


@dataclass(frozen=True, slots=True)
class Spread:
    """Values of several seeds in short.

    Args:
        n: Seeds with a finite value.
        mean: Their mean; NaN without any.
        sd: Standard deviation of the sample (n - 1); NaN for fewer than two.
        low: Lower end of the interval of the mean; NaN for fewer than two.
        high: Upper end.
        interval: Its name, for example "t, 95 %", or why there is none.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float
    interval: str


def spread(values: Sequence[float], level: float = LEVEL) -> Spread:
    """Mean, standard deviation and t-interval: mean +- t(1 - alpha/2, n - 1) * sd / sqrt(n) (Student 1908).

    Args:
        values: One for each seed; those that are not finite are left out, and `n` says so.
        level: Confidence level.

    Raises:
        UsageError: On a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise UsageError("an interval needs a level between 0 and 1")
    known = np.asarray([value for value in values if math.isfinite(value)], dtype=np.float64)
    nan, n = math.nan, len(known)
    if n < 2:
        mean = float(known[0]) if n else nan
        return Spread(n, mean, nan, nan, nan, "a single seed has no interval" if n else "no seed has a value")
    mean, sd = float(known.mean()), float(known.std(ddof=1))
    half = float(stdtrit(n - 1, (1 + level) / 2)) * sd / math.sqrt(n)
    return Spread(n, mean, sd, mean - half, mean + half, f"t, {100 * level:g} %")


def over_seeds(tables: Sequence[pd.DataFrame], level: float = LEVEL) -> pd.DataFrame:
    """Summaries of several seeds as one table.

    Args:
        tables: One for each seed, with the columns `KEYS` and `value` (see `summary.summarize`).
        level: Confidence level.

    Returns:
        One row for each method, metric and variant that any seed has, in order of first appearance, with the columns
        `KEYS`, seeds, mean, sd, ci_low, ci_high, direction, interval.
    """
    rows = pd.concat([table[[*KEYS, "value"]] for table in tables], ignore_index=True)
    lines = []
    for key, group in rows.groupby(list(KEYS), sort=False, dropna=False):
        found = spread(group["value"].astype(float).tolist(), level)
        lines.append(
            {
                **dict(zip(KEYS, key, strict=True)),
                "seeds": found.n,
                "mean": found.mean,
                "sd": found.sd,
                "ci_low": found.low,
                "ci_high": found.high,
                "direction": direction_of(str(key[1])),
                "interval": found.interval,
            }
        )
    return pd.DataFrame(lines)
