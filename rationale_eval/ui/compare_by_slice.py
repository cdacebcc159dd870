"""One metric on parts of the data: by label, by whether the model is right, by length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from rationale_eval.desk.compare_slices import group_of
from rationale_eval.ui import charts, colours, compare_data, downloads
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_parts import MOST_WORDS, Clicked, clicked, pick_metric, whiskers
from rationale_eval.ui.compare_words import cell, metric_name
from rationale_eval.ui.numbers import number

if TYPE_CHECKING:
    import pandas as pd


def by_slice(view: View, values: pd.DataFrame) -> Clicked | None:
    """Draws the picture; returns what was clicked."""
    parts = compare_data.slices(view.desk, view.chosen)
    if not parts:
        st.caption("Nothing is known of the examples that would part them: no labels, no predictions, no lengths.")
        return None
    kinds = list(dict.fromkeys(group_of(name) for name in parts))
    one, two = st.columns(2)
    with one:
        key = pick_metric("Metric", view.keys, "slice-metric")
    with two:
        kind = st.selectbox("Parted by", kinds, key="slice-kind")
    chosen = {name: ids for name, ids in parts.items() if group_of(name) == kind}
    table = compare_data.by_slice(view, key, chosen)
    if not len(table):
        st.caption("No example has a value of this metric.")
        return None
    palette = colours.of_systems([each.key for each in view.roster])
    names = list(chosen)
    systems = [each for each in view.systems if (table["system"] == each.key).any()]
    made = charts.figure(height=110 + len(names) * (20 + 14 * len(systems)), x=metric_name(key))
    for place, system in enumerate(systems):
        rows = table[table["system"] == system.key].dropna(subset="value")
        shift = (place - (len(systems) - 1) / 2) * 0.8 / max(1, len(systems))
        made.add_trace(
            go.Scatter(
                x=rows["value"],
                y=[names.index(each) + shift for each in rows["slice"]],
                mode="markers",
                name=charts.label(system.label),
                marker={"size": 9, "color": palette[system.key], "symbol": "diamond" if system.control else "circle"},
                error_x=whiskers(rows, colour=palette[system.key]),
                customdata=[[system.run, system.method]] * len(rows),
                hovertext=[
                    f"{charts.label(row.label)}, {charts.label(row.slice)}<br>"
                    f"{cell(row.value, row.ci_low, row.ci_high, row.undefined)}<br>n {row.n:,}"
                    for row in rows.itertuples()
                ],
                hoverinfo="text",
            )
        )
    made.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[f"{charts.label(name, cap=32)} ({len(chosen[name]):,})" for name in names],
        range=[len(names) - 0.5, -0.5],
        showgrid=False,
        title=None,
    )
    said = "; ".join(f"{row.label} on {row.slice} {number(row.value)}" for row in table.itertuples())
    points = charts.show(made, key="slices", alt=f"{metric_name(key)} by slice: {said}"[:MOST_WORDS], select="points")
    st.caption(
        "Values with 95 % intervals on each part alone. A difference that is seen after the fact is a question; the "
        "slice picker above tests it."
    )
    downloads.table(table.drop(columns=["key"]), "slices", key="slices-table")
    return clicked(points, key)
