"""The right side of Probe: the model's answer before and after, and what moved."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from rationale_eval.desk.probing import Answer, Without
from rationale_eval.ui import charts
from rationale_eval.ui.colours import CATEGORIES, CONTROL
from rationale_eval.ui.numbers import count, number
from rationale_eval.ui.text import md_text

CHOICE: Final = 40
"""Characters of a choice beside its bar."""


def show(before: Answer, edited: Answer, without: Without | None, dropped: int = 0) -> None:
    """The answer to the text as it was and as it is now.

    Args:
        before: To the text as it was.
        edited: To the edited text, all its words in place.
        without: The answers without the dropped words; None where none is dropped.
        dropped: How many are.
    """
    now = edited.probabilities if without is None else without.rest
    was, here = int(np.argmax(before.probabilities)), int(np.argmax(now))
    one, other = st.columns(2)
    one.metric(
        "Before",
        md_text(before.choices[was], cap=CHOICE),
        md_text(number(float(before.probabilities[was]))),
        delta_color="off",
        delta_arrow="off",
    )
    change = float(now[was] - before.probabilities[was])
    other.metric(
        "After",
        md_text(edited.choices[here], cap=CHOICE),
        md_text(number(float(now[here]))),
        delta_color="off",
        delta_arrow="off",
    )
    _bars(before, now)
    st.caption(_moved(before.choices[was], edited.choices[here], change, same=was == here))
    if without is not None and dropped:
        _removal(edited, without, dropped)
    if edited.truncated:
        st.caption("The text is longer than the model reads; its end was cut off, and words there have no score.")


def _removal(edited: Answer, found: Without, words: int) -> None:
    """What the dropped words say of the decision, by the engine's own definitions."""
    choice = md_text(edited.choices[found.target], cap=CHOICE)
    st.caption(
        f"{count(words, 'word')} dropped. For {choice}: comprehensiveness {number(found.comprehensiveness)} (its "
        f"probability falls by so much without them), sufficiency {number(found.sufficiency)} (by so much with them "
        "alone)."
    )


def _bars(before: Answer, now: NDArray[np.float64]) -> None:
    names = [charts.label(choice, cap=CHOICE) for choice in before.choices]
    figure = charts.figure(height=110 + 56 * len(names), x="probability")
    for label, values, colour in (("after", now, CATEGORIES[0]), ("before", before.probabilities, CONTROL)):
        figure.add_trace(
            go.Bar(
                name=label,
                y=list(range(len(names))),
                x=[float(value) for value in values],
                text=[number(float(value)) for value in values],
                textposition="auto",
                orientation="h",
                marker={"color": colour},
                hovertemplate="%{x:.4f}<extra>" + label + "</extra>",
            )
        )
    figure.update_layout(barmode="group", bargap=0.3, legend={"traceorder": "reversed"})
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(tickmode="array", tickvals=list(range(len(names))), ticktext=names, autorange="reversed")
    told = "; ".join(
        f"{name}: {number(float(one))} before, {number(float(other))} after"
        for name, one, other in zip(names, before.probabilities, now, strict=True)
    )
    charts.show(figure, key="probe-bars", alt=f"Probability of each choice. {told}.")


def _moved(was: str, here: str, change: float, *, same: bool) -> str:
    if same and abs(change) < 0.0005:
        return "Nothing moved."
    how = "rises" if change > 0 else "falls"
    sentence = f"{md_text(was, cap=CHOICE)} {how} by {number(abs(change))}"
    return f"{sentence}." if same else f"The decision changes to {md_text(here, cap=CHOICE)}: {sentence}."
