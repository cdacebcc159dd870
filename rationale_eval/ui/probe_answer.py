"""The right side of Probe: the model's answer before and after, and what moved."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st

from rationale_eval.desk.probing import Answer, Without
from rationale_eval.ui import bars
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
    bars.show(edited.choices, before.probabilities.tolist(), now.tolist())
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


def _moved(was: str, here: str, change: float, *, same: bool) -> str:
    if same and abs(change) < 0.0005:
        return "Nothing moved."
    how = "rises" if change > 0 else "falls"
    sentence = f"{md_text(was, cap=CHOICE)} {how} by {number(abs(change))}"
    return f"{sentence}." if same else f"The decision changes to {md_text(here, cap=CHOICE)}: {sentence}."
