"""What the pictures of a comparison share: picking a metric, whiskers, what was clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from rationale_eval.ui import colours
from rationale_eval.ui.compare_words import metric_name

if TYPE_CHECKING:
    import pandas as pd

Clicked = tuple[str, str, str]
"""Run, method and metric of what was clicked."""

MOST_WORDS: Final = 1500
"""Characters of a picture's description."""


def pick_metric(label: str, keys: Sequence[str], key: str) -> str:
    """A picker of one metric among those of the page."""
    return str(st.selectbox(label, keys, format_func=metric_name, key=f"compare-{key}"))


def clicked(points: Sequence[dict[str, Any]], key: str) -> Clicked | None:
    """What a click on a figure means: its points carry run and method.

    Args:
        points: What `charts.show` returns.
        key: The metric.
    """
    if points and "customdata" in points[0]:
        run, method = points[0]["customdata"][:2]
        return str(run), str(method), key
    return None


def whiskers(rows: pd.DataFrame, end: str = "", value: str = "value", colour: str = colours.CONTROL) -> dict[str, Any]:
    """Intervals as a figure draws them.

    Args:
        rows: Columns `value`, `ci_low` and `ci_high` with `end` after them.
        end: See above.
        value: Name of the column of values.
        colour: Of the whiskers.
    """
    return {
        "type": "data",
        "symmetric": False,
        "array": rows[f"ci_high{end}"] - rows[value],
        "arrayminus": rows[value] - rows[f"ci_low{end}"],
        "color": colour,
        "thickness": 1.5,
        "width": 0,
    }
