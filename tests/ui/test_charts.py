"""Figures: made once for what is the same, and anew for what is not."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from rationale_eval.ui import charts


def drawn(rows: pd.DataFrame, palette: dict[str, str]) -> go.Figure:
    made = charts.figure()
    made.add_trace(go.Scatter(x=rows["value"], marker={"color": [palette[each] for each in rows["system"]]}))
    return made


def other(rows: pd.DataFrame, palette: dict[str, str]) -> go.Figure:
    return charts.figure(x="other")


def test_the_same_content_is_one_figure_and_any_difference_another() -> None:
    rows, palette = pd.DataFrame({"system": ["a", "b"], "value": [0.1, 0.2]}), {"a": "#000000", "b": "#ffffff"}
    first = charts.once(drawn, rows, palette)
    assert charts.once(drawn, rows.copy(), dict(palette)) is first
    different = [
        charts.once(drawn, rows.assign(value=[0.1, 0.2 + 1e-15]), palette),
        charts.once(drawn, rows.rename(index={0: 7}), palette),
        charts.once(drawn, rows.assign(more=1), palette),
        charts.once(drawn, rows, palette | {"b": "#fffffe"}),
        charts.once(other, rows, palette),
    ]
    assert len({id(each) for each in [first, *different]}) == 6
    assert list(different[0].data[0].x) == [0.1, 0.2 + 1e-15]
