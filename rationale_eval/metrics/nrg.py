"""Normalized relative gain (NRG): one number for faithfulness, plausibility and task performance (UNIREX).

Each metric is stretched over the compared systems so that the worst gets 0 and the best 1; the gains are averaged
within faithfulness, plausibility and task, and these three with equal weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

from rationale_eval.errors import UsageError
from rationale_eval.metrics.record import METRICS

DESIDERATA: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "faithfulness": ("comprehensiveness_aopc", "sufficiency_aopc"),
        "plausibility": ("auprc", "token_f1"),
        "task": ("accuracy",),
    }
)
"""Chan et al. 2022: comprehensiveness and sufficiency; AUPRC and token F1; the task's own metric."""

FACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "title": "Normalized relative gain",
        "formula": "(z - min z) / (max z - min z), or (max z - z) / (max z - min z) where lower is better; mean within"
        " each desideratum, then over desiderata",
        "cite": "Chan et al. 2022 (UNIREX); composite as the mean of the three desiderata agrees with the published"
        " figures, the min-max form of the single gains is not confirmed by the released code",
        "describe": "Ranks systems on all three counts at once, each from the worst system (0) to the best (1).",
        "avoid": "Not for comparing different tables: it is relative to the roster, and adding or dropping one system"
        " changes everyone's number. A gain of 0 or 1 is neither bad nor good by itself.",
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Gains:
    """NRG of a roster of systems.

    Args:
        metrics: Gain of each metric, systems by metrics, 0 to 1; NaN where all systems are equal or a value is missing.
        desiderata: Mean gain within each desideratum, systems by desiderata.
        composite: Mean over desiderata, by system.
        note: What a reader must know, the roster included.
    """

    metrics: pd.DataFrame
    desiderata: pd.DataFrame
    composite: pd.Series
    note: str

    def table(self) -> pd.DataFrame:
        """Desiderata and composite side by side, best composite first, with a column `system`."""
        joined = self.desiderata.assign(composite=self.composite)
        return joined.sort_values("composite", ascending=False, kind="stable").rename_axis("system").reset_index()


def relative_gain(values: Sequence[float] | np.ndarray, direction: str) -> np.ndarray:
    """Min-max gain of one metric over the systems that have a value.

    Args:
        values: One value for each system; NaN is left out and stays NaN.
        direction: "higher" or "lower".

    Returns:
        float64 `[systems]`, 0 (worst) to 1 (best); all NaN where fewer than two values differ.

    Raises:
        UsageError: If the metric has no direction.
    """
    if direction not in ("higher", "lower"):
        raise UsageError("a relative gain needs a metric whose direction is higher or lower")
    given = np.asarray(values, dtype=np.float64)
    known = given[~np.isnan(given)]
    if not len(known) or known.max() == known.min():
        return np.full(given.shape, np.nan)
    gain = (given - known.min()) / (known.max() - known.min())
    return np.asarray(gain if direction == "higher" else 1 - gain, dtype=np.float64)


def nrg(
    values: pd.DataFrame,
    desiderata: Mapping[str, Sequence[str]] = DESIDERATA,
    directions: Mapping[str, str] | None = None,
) -> Gains:
    """Composite NRG of a roster.

    Args:
        values: Corpus values, systems (index) by metrics (columns). Columns are metric names, or "name:variant".
        desiderata: Desideratum to the columns it averages. Every column named must be there.
        directions: Column to "higher" or "lower"; None asks the metrics' records.

    Returns:
        The gains. A metric in which all systems are equal has no gain (NaN, not 0), nor have its desideratum and
        the composite: leave that metric out to compare on the rest. So it is for a system that lacks a value.

    Raises:
        UsageError: If a column is missing, or there are fewer than two systems.
    """
    wanted = [name for names in desiderata.values() for name in names]
    missing = [name for name in wanted if name not in values.columns]
    if missing:
        raise UsageError(f"NRG needs a value of '{missing[0]}' for every system; evaluate it, or leave it out")
    if len(values) < 2 or values.index.has_duplicates:
        raise UsageError("NRG compares at least two systems with different names")
    gains = pd.DataFrame(
        {
            name: relative_gain(
                values[name].to_numpy(dtype=np.float64),
                directions[name] if directions is not None else METRICS[name.partition(":")[0]].direction,
            )
            for name in wanted
        },
        index=values.index,
    )
    parts = pd.DataFrame(
        {name: gains[list(columns)].mean(axis=1, skipna=False) for name, columns in desiderata.items()}
    )
    equal = [name for name in wanted if gains[name].isna().all()]
    note = f"Relative to these {len(values)} systems; another roster gives other numbers."
    if equal:
        note += f" No gain in {', '.join(equal)}: all systems are equal there."
    return Gains(gains, parts, parts.mean(axis=1, skipna=False), note)
