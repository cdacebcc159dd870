"""What happens as more words are taken: mean curves over k with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go
import streamlit as st

from rationale_eval.desk import compare_pictures
from rationale_eval.ui import charts, colours, compare_data, downloads
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_parts import MOST_WORDS, Clicked, clicked, pick_metric
from rationale_eval.ui.compare_words import cell, metric_name
from rationale_eval.ui.numbers import number
from rationale_eval.verbs.systems import System

if TYPE_CHECKING:
    import pandas as pd

FILL: Final = 0.08


def curves(view: View, values: pd.DataFrame) -> Clicked | None:
    """Draws the picture; returns what was clicked."""
    keys = [key for key in view.keys if compare_pictures.has_curve(*key.split(":", 1))]
    if not keys:
        st.caption("None of the metrics above keeps a curve: comprehensiveness, sufficiency and deletion do.")
        return None
    key = pick_metric("Curve of", keys, "curve")
    table = compare_data.curves(view, key)
    if not len(table):
        st.caption("These evaluations kept no curves of this metric.")
        return None
    palette = colours.of_systems([each.key for each in view.roster])
    made = charts.once(_picture, table, view.systems, palette, key)
    points = charts.show(made, key="curves", alt=_curve_words(view, table, key), select="points")
    st.caption(
        "Mean over examples at each k with 95 % bootstrap intervals; the metric's value is the mean of its places."
    )
    downloads.table(table, "curves", key="curves-table")
    return clicked(points, key)


def _picture(table: pd.DataFrame, systems: Sequence[System], palette: Mapping[str, str], key: str) -> go.Figure:
    made = charts.figure(x="words taken, most important first (k %)", y=metric_name(key))
    for system in systems:
        rows = table[table["system"] == system.key]
        if not len(rows):
            continue
        colour = palette[system.key]
        dashed = "dot" if system.control else "solid"
        band = [*rows["ci_high"], *rows["ci_low"][::-1]]
        made.add_trace(
            go.Scatter(
                x=[*rows["k"], *rows["k"][::-1]],
                y=band,
                fill="toself",
                fillcolor=colour,
                opacity=FILL,
                mode="none",
                hoverinfo="skip",
                showlegend=False,
            )
        )
        hover = [
            f"{charts.label(system.label)}<br>k {row.k:g} %: {cell(row.value, row.ci_low, row.ci_high, 0)}"
            f"<br>n {row.n:,}"
            for row in rows.itertuples()
        ]
        made.add_trace(
            go.Scatter(
                x=rows["k"],
                y=rows["value"],
                mode="lines+markers",
                name=charts.label(system.label),
                line={"color": colour, "dash": dashed},
                customdata=[[system.run, system.method]] * len(rows),
                hovertext=hover,
                hoverinfo="text",
            )
        )
    return made


def _curve_words(view: View, table: pd.DataFrame, key: str) -> str:
    labels = {each.key: each.label for each in view.systems}
    last = table.groupby("system", sort=False).tail(1)
    said = "; ".join(f"{labels[row.system]} ends at {number(row.value)}" for row in last.itertuples())
    return f"Curves of {metric_name(key)} over the share of words: {said}"[:MOST_WORDS]
