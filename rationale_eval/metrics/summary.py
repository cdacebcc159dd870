"""From example scores to the table people read: one line for each method, metric and variant, with an interval."""

from __future__ import annotations

from typing import Final, Literal

import pandas as pd

from rationale_eval.metrics.frames import KEYS, check_frame, direction_of, read_group
from rationale_eval.metrics.statistics import LEVEL, RESAMPLES, intervals

SUMMARY_COLUMNS: Final = (
    *KEYS,
    "value",
    "ci_low",
    "ci_high",
    "n",
    "coverage",
    "direction",
    "interval",
    "reasons",
)


def summarize(
    frame: pd.DataFrame,
    *,
    method: Literal["bca", "percentile"] = "bca",
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Corpus values with bootstrap intervals.

    Args:
        frame: Per-example scores with the columns `frames.COLUMNS`, of one data set and model. Where `cluster` is
            given, whole clusters are resampled.
        method: "bca" or "percentile", see `statistics.interval`.
        level: Confidence level.
        resamples: Number of bootstrap resamples.
        seed: Seed of the draw.

    Returns:
        One row for each (method, metric, variant), in order of first appearance, with the columns
        `SUMMARY_COLUMNS`: `n` defined examples, `coverage` their share of all (0 to 1), `interval` how the
        interval was made and why not otherwise, `reasons` why examples were left out, with counts.

    Raises:
        UsageError: If a column is missing or an example has two scores of the same kind.
    """
    check_frame(frame)
    names, groups = [], []
    for key, rows in frame.groupby(list(KEYS), sort=False, dropna=False):
        names.append(key)
        groups.append(read_group(rows))
    found = intervals([group.sample() for group in groups], method=method, level=level, resamples=resamples, seed=seed)
    lines = []
    for name, group, interval in zip(names, groups, found, strict=True):
        note = "; ".join(filter(None, [interval.method, group.problem or interval.reason]))
        lines.append(
            {
                **dict(zip(KEYS, name, strict=True)),
                "value": interval.value,
                "ci_low": interval.low,
                "ci_high": interval.high,
                "n": len(group.ids),
                "coverage": len(group.ids) / group.total,
                "direction": direction_of(name[1]),
                "interval": note,
                "reasons": group.reasons,
            }
        )
    return pd.DataFrame(lines, columns=list(SUMMARY_COLUMNS))
