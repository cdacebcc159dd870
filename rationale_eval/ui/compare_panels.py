"""Values with their intervals, one panel a metric; the random control is a grey line in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from rationale_eval.ui import charts, colours
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_parts import MOST_WORDS, Clicked, clicked, whiskers
from rationale_eval.ui.compare_words import cell, definition, metric_name
from rationale_eval.ui.text import md_text

if TYPE_CHECKING:
    import pandas as pd

ROW: Final = 26
"""Pixels of one system."""

IN_ROW: Final = 3
LINE: Final = "random"


def panels(view: View, table: pd.DataFrame) -> tuple[Clicked | None, dict[str, DeltaGenerator]]:
    """Draws the panels.

    Args:
        view: The selection.
        table: Corpus values, see `compare_data.summary`.

    Returns:
        What was clicked, and under each panel, by metric, a place for the outcome of its tests.
    """
    found: Clicked | None = None
    places: dict[str, DeltaGenerator] = {}
    palette = colours.of_systems([each.key for each in view.roster])
    keys = [key for key in view.keys if (table["key"] == key).any()]
    for start in range(0, len(keys), IN_ROW):
        for column, key in zip(st.columns(IN_ROW), keys[start : start + IN_ROW], strict=False):
            rows = table[table["key"] == key]
            with column, st.container(border=True, height="stretch"):
                st.markdown(f"**{md_text(metric_name(key))}**", help=definition(key))
                made = charts.once(_panel, rows, palette)
                points = charts.show(made, key=f"panel-{key}", alt=_words(key, rows), select="points")
                places[key] = st.empty()
            found = clicked(points, key) or found
    return found, places


def _panel(rows: pd.DataFrame, palette: Mapping[str, str]) -> go.Figure:
    lines = rows[rows["method"] == LINE] if (rows["method"] != LINE).any() else rows.iloc[:0]
    dots = rows[~rows.index.isin(lines.index)]
    made = charts.figure(height=64 + ROW * max(2, len(dots)), legend=False)
    for line in lines.itertuples():
        _line(made, line)
    labels = [charts.label(each, cap=28) for each in dots["label"]]
    made.add_trace(
        go.Scatter(
            x=dots["value"],
            y=list(range(len(dots))),
            mode="markers",
            marker={"size": 10, "color": [palette[each] for each in dots["system"]]},
            error_x=whiskers(dots),
            customdata=dots[["run", "method"]].to_numpy(dtype=object).tolist(),
            hovertext=[_hover(each) for each in dots.itertuples()],
            hoverinfo="text",
        )
    )
    for place, each in enumerate(dots.itertuples()):
        if each.value != each.value:
            made.add_annotation(
                x=0, xref="paper", y=place, text=_shown(each), showarrow=False, xanchor="left", font={"size": 12}
            )
    made.update_yaxes(
        title=None,
        tickvals=list(range(len(dots))),
        ticktext=labels,
        range=[len(dots) - 0.4, -0.6],
        showgrid=False,
        fixedrange=True,
    )
    made.update_xaxes(fixedrange=True, nticks=4, tickangle=0, title=None)
    made.update_layout(margin={"l": 8, "r": 12, "t": 18 if len(lines) else 6, "b": 8})
    return made


def _line(made: go.Figure, line: Any) -> None:
    if line.value != line.value:
        return
    if line.ci_low == line.ci_low:
        made.add_vrect(x0=line.ci_low, x1=line.ci_high, fillcolor=colours.CONTROL, opacity=0.15, line_width=0)
    made.add_vline(x=line.value, line={"color": colours.CONTROL, "width": 1.5, "dash": "dot"})
    made.add_annotation(
        x=line.value, y=1, yref="paper", yanchor="bottom", text=charts.label(line.label, cap=20), showarrow=False,
        font={"size": 11, "color": colours.CONTROL}, hovertext=_hover(line),
    )  # fmt: skip


def _hover(row: Any) -> str:
    share = "" if row.coverage == 1 else f", not defined {row.undefined:,}"
    return f"{charts.label(row.label)}<br>{_shown(row)}<br>n {row.n:,}{share}"


def _shown(row: Any) -> str:
    return cell(row.value, row.ci_low, row.ci_high, row.undefined)


def _words(key: str, rows: pd.DataFrame) -> str:
    """The panel in words."""
    said = "; ".join(f"{row.label} {_shown(row)}" for row in rows.itertuples())
    return f"{metric_name(key)}, value and 95 % interval: {said}"[:MOST_WORDS]
