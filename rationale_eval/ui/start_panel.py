"""Beside a form that asks for one job: how long it will take, the button, and the command that does the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.earlier import Estimate
from rationale_eval.ui import page
from rationale_eval.ui.numbers import count, duration
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.jobs import read_job


@dataclass(frozen=True, slots=True)
class Words:
    """What the panel calls things.

    Args:
        kind: The job, one of it.
        unknown: Said in place of a time where nothing alike was done before.
        scaled: How the time was reckoned.
    """

    kind: str
    unknown: str
    scaled: str


def panel(
    desk: Desk,
    words: Words,
    *,
    job: Mapping[str, Any],
    estimate: Callable[[], Estimate | None],
    missing: str | None,
    started: Callable[[], None],
    what: str = "",
) -> None:
    """Draws it.

    Args:
        desk: Where the job is launched.
        words: What things are called.
        job: What is launched, and told as a command.
        estimate: Asked for the time, if nothing is missing.
        missing: What must be picked before it can start, or None.
        started: Called after the job was queued.
        what: What will be done, in a line; outside text is safe here.
    """
    with st.container(border=True):
        if what:
            st.text(what)
        st.caption("Time")
        found = None if missing else estimate()
        if found is None:
            st.text(missing or words.unknown)
        else:
            spread = "" if found.earlier == 1 else f" ({duration(found.low)} to {duration(found.high)})"
            st.text(f"About {duration(found.middle)}{spread}, by {count(found.earlier, f'earlier {words.kind}')} here.")
            st.caption(md_text(words.scaled))
        if st.button(
            md_text(f"Start the {words.kind}"), type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=desk.access.read_only or missing is not None, key=f"{words.kind}-start",
        ):  # fmt: skip
            with st.spinner("Checking the data and the rest"):
                desk.launch(job)
            started()
        if desk.access.read_only:
            st.caption("This dashboard is read-only.")
    if missing is None:
        command = read_job(job).command()
        if command is not None:
            page.command(command)
