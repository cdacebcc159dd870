"""Jobs of one kind that work or wait, on the page where their results will be shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from rationale_eval.desk.desk import Desk
from rationale_eval.ui import page
from rationale_eval.ui.states import progress_line, state_badge
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.run_list import Listed
from rationale_eval.workspace.status import PENDING

EVERY: Final = 2.0


def live(desk: Desk, kind: str, done: Callable[[list[str]], None]) -> None:
    """Looks again by itself, and draws the page anew when one has ended.

    Args:
        desk: The desk.
        kind: Of the runs.
        done: Called with the ids of those that have finished since, before the page is drawn anew.
    """
    found = desk.runs(kind=kind, states=PENDING)
    if found:
        _live(desk, kind, tuple(each.row.id for each in found), done)
    for each in desk.runs(kind=kind, states=("failed", "interrupted"), limit=1):
        newest = desk.runs(kind=kind, limit=1)
        if newest and newest[0].row.id == each.row.id:
            page.problem(f"The last one stopped: {each.row.message or each.row.state}. What was done is kept.")
            if not desk.access.read_only and st.button("Resume it", icon=":material/play_arrow:", key=f"{kind}-resume"):
                desk.resume(each.row.id)
                st.rerun()


@st.fragment(run_every=EVERY)
def _live(desk: Desk, kind: str, known: tuple[str, ...], done: Callable[[list[str]], None]) -> None:
    found = desk.runs(kind=kind, states=PENDING)
    ended = [id for id in known if id not in {each.row.id for each in found}]
    if ended:
        finished = [id for id in ended if desk.run(id).status.state == "finished"]
        if finished:
            done(finished)
        st.rerun()
    for each in found:
        _job(desk, kind, each)


def _job(desk: Desk, kind: str, each: Listed) -> None:
    with st.container(border=True, gap="small", key=f"{kind}-{each.row.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            state_badge(each.row.state, stalled=each.stalled)
            st.caption(md_text(each.row.title or each.row.id))
            if not desk.access.read_only and st.button(
                "Cancel", icon=":material/stop_circle:", type="tertiary", key=f"{kind}-cancel-{each.row.id}"
            ):
                desk.cancel(each.row.id)
        if each.progress is not None:
            progress_line(each.progress)
