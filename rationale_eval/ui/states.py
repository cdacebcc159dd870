"""How far a run is, as every page shows it: its state in a word and a sign, its progress with the time left."""

from __future__ import annotations

from typing import Final

import streamlit as st

from rationale_eval.ui.numbers import duration
from rationale_eval.ui.text import md_text
from rationale_eval.workspace.progress import Progress
from rationale_eval.workspace.status import State

ICONS: Final[dict[State, str]] = {
    "queued": "schedule",
    "starting": "hourglass_top",
    "running": "progress_activity",
    "finished": "check",
    "failed": "error",
    "cancelled": "stop_circle",
    "interrupted": "pause_circle",
}
_COLOURS: Final = {"finished": "green", "failed": "red", "running": "blue", "starting": "blue"}


def state_badge(state: State, *, stalled: bool = False) -> None:
    """The state as a small sign with its word."""
    if stalled:
        st.badge("stalled", icon=":material/hourglass_disabled:", color="orange")
    else:
        st.badge(md_text(state), icon=f":material/{ICONS[state]}:", color=_COLOURS.get(state, "gray"))  # type: ignore[arg-type]


def progress_line(at: Progress) -> None:
    """A bar with the step, what is being done and the time left."""
    share = min(1.0, at.step / at.total) if at.total else 0.0
    st.progress(share, md_text(progress_words(at)))


def progress_words(at: Progress) -> str:
    """How far a run is, in words."""
    steps = f"step {at.step:,} of {at.total:,}" if at.total else "begins"
    left = at.seconds_left
    time = "" if left is None or not at.total else f", about {duration(left)} left"
    return f"{steps}{time}{', ' if at.text else ''}{at.text}"
