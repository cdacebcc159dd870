"""Charts: one look for all, with words for those who cannot see them and a click that leads to the examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import plotly.graph_objects as go
import streamlit as st

from rationale_eval.verbs.html import visible

HEIGHT: Final = 320
MOST_KEPT: Final = 200
"""Figures that are kept for all sessions."""

MOST_POINTS: Final = 5_000
"""A chart with more points than this is aggregated first."""

CLICKS: Final = "event+select"
CONFIG: Final[dict[str, Any]] = {"displaylogo": False, "displayModeBar": False, "scrollZoom": False}


def figure(*, height: int = HEIGHT, x: str = "", y: str = "", legend: bool = True) -> go.Figure:
    """An empty figure in the dashboard's look.

    Args:
        height: Pixels.
        x: What the horizontal axis measures, with its direction arrow where it has one.
        y: What the vertical axis measures.
        legend: Show a legend, above the plot.
    """
    layout = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "showlegend": legend,
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        "hoverlabel": {"namelength": -1},
        "xaxis": {"title": {"text": x}, "zeroline": False, "automargin": True},
        "yaxis": {"title": {"text": y}, "zeroline": False, "automargin": True},
        "dragmode": False,
    }
    # Checking each property of a layout is slow; a page of twelve figures would hold all other sessions up.
    return go.Figure(layout=layout, _validate=False)


def label(text: object, *, cap: int = 40) -> str:
    """Outside text in a figure, where Plotly would read some HTML: escaped, on one line, and short.

    Args:
        text: Anything; its `str` is shown.
        cap: Characters shown at most.
    """
    shown, more = visible(text, cap)
    line = " ".join(shown.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"{line}…" if more else line


def once(make: Callable[..., go.Figure], *of: Any) -> go.Figure:
    """A figure made once for all sessions that show the same: it takes longer to make than to send.

    Args:
        make: A function of a module, called with `of`; its figure is shared and must not be changed.
        of: All that the figure is made of: tables, and what is spelled out whole by `repr`.
    """
    spelled = [repr((list(each), list(each.itertuples(name=None)))) if hasattr(each, "itertuples") else repr(each)
               for each in of]  # fmt: skip
    return _once(f"{make.__module__}.{make.__qualname__}", spelled, make, of)


@st.cache_resource(max_entries=MOST_KEPT, show_spinner=False)
def _once(name: str, spelled: list[str], _make: Callable[..., go.Figure], _of: Sequence[Any]) -> go.Figure:
    return _make(*_of)


def show(made: go.Figure, *, key: str, alt: str, select: Literal["points"] | None = None) -> list[dict[str, Any]]:
    """Draws a figure.

    Args:
        made: The figure.
        key: Unique on the page.
        alt: What the picture says, in words, for screen readers.
        select: "points" lets a click on a point rerun the page.

    Returns:
        The points that were clicked, with `customdata` as it was given to the trace; empty without `select`.
    """
    if select is None:
        st.plotly_chart(made, key=key, alt=alt, config=CONFIG)
        return []
    if made.layout.clickmode != CLICKS:
        made.update_layout(clickmode=CLICKS)
    state = st.plotly_chart(made, key=key, alt=alt, config=CONFIG, on_select="rerun", selection_mode="points")
    points: list[dict[str, Any]] = list(state["selection"]["points"]) if state else []
    return points
