"""What faithfulness costs in plausibility: each system a point, the front marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from rationale_eval.desk import compare_pictures
from rationale_eval.ui import charts, colours
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_parts import MOST_WORDS, Clicked, clicked, pick_metric, whiskers
from rationale_eval.ui.compare_words import cell, direction, family, metric_name
from rationale_eval.ui.text import md_text

if TYPE_CHECKING:
    import pandas as pd


def trade_off(view: View, values: pd.DataFrame) -> Clicked | None:
    """Draws the picture; returns what was clicked."""
    faithful = [key for key in view.keys if family(key) == "faithfulness" and direction(key) != "none"]
    others = [
        key for key in view.keys if family(key) != "faithfulness" and family(key) != "task" and direction(key) != "none"
    ]
    if not faithful or not others:
        st.caption("Pick a metric of faithfulness and one of plausibility above to see what one costs the other.")
        return None
    one, two = st.columns(2)
    with one:
        x = pick_metric("Faithfulness", faithful, "x")
    with two:
        y = pick_metric("Plausibility", others, "y")
    table = values[values["key"] == x].merge(values[values["key"] == y], on=["system", "label", "run", "method"])
    table = table.rename(columns={"value_x": "x", "value_y": "y"})
    controls = {each.key for each in view.systems if each.control}
    methods = table[[each not in controls for each in table["system"]]]
    on_front = dict(zip(methods["system"], compare_pictures.front(methods, (direction(x), direction(y))), strict=True))
    palette = colours.of_systems([each.key for each in view.roster])
    made = charts.figure(height=420, x=metric_name(x), y=metric_name(y), legend=False)
    rows = methods[[on_front[each] for each in methods["system"]]].sort_values("x")
    made.add_trace(
        go.Scatter(
            x=rows["x"], y=rows["y"], mode="lines", line={"color": colours.CONTROL, "dash": "dash"}, hoverinfo="skip"
        )
    )
    made.add_trace(
        go.Scatter(
            x=table["x"],
            y=table["y"],
            mode="markers+text",
            text=[charts.label(each, cap=24) for each in table["label"]],
            textposition="top right",
            marker={
                "size": 12,
                "color": [palette[each] for each in table["system"]],
                "symbol": ["circle" if on_front.get(each) else "circle-open" for each in table["system"]],
                "line": {"width": 2},
            },
            error_x=whiskers(table, "_x", "x"),
            error_y=whiskers(table, "_y", "y"),
            customdata=table[["run", "method"]].to_numpy(dtype=object).tolist(),
            hovertext=[
                f"{charts.label(row.label)}<br>{metric_name(x)} {cell(row.x, row.ci_low_x, row.ci_high_x, 0)}<br>"
                f"{metric_name(y)} {cell(row.y, row.ci_low_y, row.ci_high_y, 0)}"
                for row in table.itertuples()
            ],
            hoverinfo="text",
        )
    )
    # Up and to the right is better on both, whichever way the numbers run.
    made.update_xaxes(autorange="reversed" if direction(x) == "lower" else True)
    made.update_yaxes(autorange="reversed" if direction(y) == "lower" else True)
    names = [row.label for row in methods.itertuples() if on_front[row.system]]
    points = charts.show(made, key="trade-off", alt=f"On the front: {'; '.join(names)}"[:MOST_WORDS], select="points")
    st.caption(
        "Up and to the right is better on both. Filled: on the front, no other method is better on both counts "
        f"({md_text(', '.join(names))}). Controls stand beside and are on no front. The front is of the values alone: "
        "look at the whiskers (95 %) before calling a place on it real."
    )
    return clicked(points, x)
