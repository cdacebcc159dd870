"""The lower part of Probe: a reason in words, and whether it lets a simulator guess the model's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.probing import TYPED, Bench, Guesses, Place
from rationale_eval.errors import UsageError
from rationale_eval.ui import page
from rationale_eval.ui.numbers import duration, number
from rationale_eval.ui.probe_edit import PAUSE, SHORT
from rationale_eval.ui.text import md_text

BEFORE: Final = "before"
NOW: Final = "now"
LONG: Final = 2 * SHORT
_LOOK: Final = 2.0


def edit(key: str, original: str) -> str:
    """The reason in words, to be rewritten."""
    label = "Reason in words"
    if len(original) <= LONG and "\n" not in original:
        return st.text_input(label, original, key=f"{key}-reason", live=PAUSE, placeholder="Why is the answer right?")
    return st.text_area(
        label,
        original,
        key=f"{key}-reason",
        height=120,
        help="Ctrl and Enter, or leaving the field, shows the new verdict.",
    )


def verdict(desk: Desk, bench: Bench, inputs: Mapping[str, str], place: Place, original: str, now: str) -> None:
    """What simulators say of the reason as it was and as it is now.

    Args:
        desk: Who asks.
        bench: Answers questions.
        inputs: The edited texts.
        place: Where the example comes from.
        original: The reason as it was.
        now: The reason as it is.
    """
    if place.data == TYPED:
        st.caption("A simulator learns from a data set; pick an example of one to see its verdict.")
        return
    texts = {name: text for name, text in ((BEFORE, original), (NOW, now)) if text.strip()}
    try:
        found = bench.simulate(inputs, place, texts, train=False)
        if found.state == "failed":
            page.problem(found.text)
        if found.state in ("missing", "failed") and _asked(desk):
            found = bench.simulate(inputs, place, texts, train=True)
    except UsageError as error:
        st.caption(md_text(error))
        return
    match found.state:
        case "ready":
            _ready(found, changed=original != now)
        case "training":
            _training(desk, bench, inputs, place, texts)


def _asked(desk: Desk) -> bool:
    """Whether simulators are to be trained: nothing that takes so long begins by itself."""
    st.caption(
        "A simulator is a small model that learns to guess this model's answers from texts and from people's reasons. "
        "There is none for this model and data set yet."
    )
    asked = st.button(
        "Train a simulator",
        icon=":material/model_training:",
        key="probe-teach",
        disabled=desk.access.read_only,
        help="Half a minute to two minutes in the background, once; it is kept.",
    )
    if asked:
        desk.access.require_change("train a simulator")
    return asked


@st.fragment(run_every=_LOOK)
def _training(desk: Desk, bench: Bench, inputs: Mapping[str, str], place: Place, texts: Mapping[str, str]) -> None:
    """While simulators are trained; looks again by itself."""
    with page.told(desk, "probe"):
        found = bench.simulate(inputs, place, texts, train=False)
        if found.state != "training":
            st.rerun()
        left = "" if found.seconds_left is None else f", about {duration(found.seconds_left)}"
        st.caption(
            f":material/progress_activity: A simulator is being trained{left}: {md_text(found.text)}. It is kept, and "
            "answers at once from then on."
        )


def _ready(found: Guesses, *, changed: bool) -> None:
    answer = md_text(found.choices[found.answer], cap=40)
    if NOW in found.both:
        st.markdown(f"{_helps(found, NOW)} {_leaks(found, NOW)}")
    else:
        st.caption("Write a reason to see whether it lets the simulator guess the answer.")
    rows = [("text alone", found.input)]
    for name, said in ((BEFORE, "before"), (NOW, "now")):
        if name in found.both and (name == NOW or changed):
            rows += [(f"text and reason {said}", found.both[name]), (f"reason {said} alone", found.alone[name])]
    st.dataframe(
        pd.DataFrame([_row(found, seen, guess) for seen, guess in rows]),
        hide_index=True,
        alt="What the simulator guesses, by what it sees.",
    )
    how = (
        f"{number(found.accuracy)} of held-out answers guessed, the most frequent answer alone {number(found.majority)}"
    )
    st.caption(
        f"A small simulator, trained to guess this model's answers (here {answer}): {how}."
        + ("" if found.learned else " That is no clear success: do not lean on this verdict.")
    )


def _row(found: Guesses, seen: str, guess: NDArray[np.float64]) -> dict[str, str]:
    best = int(guess.argmax())
    return {
        "it sees": seen,
        "it guesses": found.choices[best],
        f"p({found.choices[found.answer][:40]})": number(float(guess[found.answer])),
    }


def _helps(found: Guesses, name: str) -> str:
    match found.helps(name):
        case 1:
            return "**Helps**: the answer is guessed with the reason, and not without it."
        case -1:
            return "**Misleads**: the answer is guessed without the reason, and not with it."
    if int(found.input.argmax()) == found.answer:
        return "**Changes nothing**: the answer is guessed without the reason as well."
    return "**Does not help**: the answer is not guessed, with or without the reason."


def _leaks(found: Guesses, name: str) -> str:
    if found.leaks(name):
        return "**Leaks**: the reason alone gives the answer away."
    return "**Does not leak**: the reason alone does not give the answer away."
