"""How the examples' own values are spread, system by system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from rationale_eval.ui import charts, colours, compare_data
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_parts import MOST_WORDS, Clicked, clicked, pick_metric
from rationale_eval.ui.compare_words import metric_name
from rationale_eval.ui.numbers import number

if TYPE_CHECKING:
    import pandas as pd


def distributions(view: View, values: pd.DataFrame) -> Clicked | None:
    """Draws the picture; returns what was clicked."""
    key = pick_metric("Distribution of", view.keys, "spread")
    spreads = compare_data.distributions(view, key)
    if not spreads:
        st.caption("No example has a value of this metric.")
        return None
    systems = {each.key: each for each in view.systems}
    palette = colours.of_systems([each.key for each in view.roster])
    made = charts.figure(height=90 + 44 * len(spreads), x=metric_name(key), legend=False)
    for place, each in enumerate(spreads):
        system, colour = systems[each.system], palette[each.system]
        here = (each.places >= each.quartiles[0]) & (each.places <= each.quartiles[-1])
        places, half = each.places[here], 0.42 * each.density[here]
        made.add_trace(
            go.Scatter(
                x=[*places, *places[::-1]],
                y=[*(place - half), *(place + half)[::-1]],
                fill="toself",
                fillcolor=colour,
                opacity=0.35,
                line={"color": colour, "width": 1},
                mode="lines",
                hoverinfo="skip",
            )
        )
        low, first, middle, third, high = each.quartiles
        text = (
            f"{charts.label(system.label)}<br>median {number(middle)}, middle half {number(first)} to {number(third)}"
            f"<br>mean {number(each.mean)}, all {number(low)} to {number(high)}<br>n {each.n:,}"
        )
        made.add_trace(
            go.Scatter(
                x=[first, third],
                y=[place, place],
                mode="lines",
                line={"color": colour, "width": 5},
                hoverinfo="skip",
            )
        )
        made.add_trace(
            go.Scatter(
                x=[middle, each.mean],
                y=[place, place],
                mode="markers",
                marker={
                    "symbol": ["line-ns-open", "diamond"],
                    "size": [18, 9],
                    "color": colour,
                    "line": {"width": [3, 1], "color": ["#ffffff", "#ffffff"]},
                },
                customdata=[[system.run, system.method]] * 2,
                hovertext=[text, text],
                hoverinfo="text",
            )
        )
    labels = [charts.label(systems[each.system].label, cap=28) for each in spreads]
    made.update_yaxes(
        tickvals=list(range(len(spreads))),
        ticktext=labels,
        range=[len(spreads) - 0.5, -0.5],
        showgrid=False,
        title=None,
    )
    said = "; ".join(f"{systems[each.system].label} median {number(each.quartiles[2])}" for each in spreads)
    points = charts.show(
        made, key="spread", alt=f"Distributions of {metric_name(key)}: {said}"[:MOST_WORDS], select="points"
    )
    st.caption(
        "The shape is the share of examples near each value, each system to its own height; thick line the middle "
        "half, bar the median, diamond the mean of the examples' own values."
    )
    return clicked(points, key)
