"""Home: jobs at work, newest results, ways to begin."""

from __future__ import annotations

from typing import Final

import streamlit as st

from rationale_eval.desk import demo
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.overview import KINDS, Headline, Overview, headlines, in_turn
from rationale_eval.ui import page
from rationale_eval.ui.address import open_page, open_run
from rationale_eval.ui.numbers import count, interval, number
from rationale_eval.ui.states import progress_line, state_badge
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.run_list import Listed
from rationale_eval.workspace.after import needs
from rationale_eval.workspace.status import PENDING

EVERY: Final = 2.0
MOST_LIVE: Final = 10
ACROSS: Final = 3
MOST_LINES: Final = 3


def live(desk: Desk, before: Overview) -> None:
    """Jobs that work or wait; looks again by itself, and draws the page anew when one has ended."""
    if before.live:
        _live(desk, tuple(each.row.id for each in before.live))


@st.fragment(run_every=EVERY)
def _live(desk: Desk, known: tuple[str, ...]) -> None:
    found = in_turn(desk.runs(states=PENDING))
    if not set(known) <= {each.row.id for each in found}:
        st.rerun()
    if not found:
        return
    st.subheader("At work", anchor=False)
    for each in found[:MOST_LIVE]:
        _job(desk, each)
    if len(found) > MOST_LIVE:
        st.caption(f"and {count(len(found) - MOST_LIVE, 'job')} more in the queue")


def _job(desk: Desk, each: Listed) -> None:
    row = each.row
    with st.container(border=True, gap="small", key=f"job-{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            state_badge(row.state, stalled=each.stalled)
            if st.button(md_text(row.title or row.kind), key=f"job-open-{row.id}", type="tertiary"):
                open_run(row.id)
            if row.state == "queued":
                coming = needs(desk.run(row.id)).coming
                st.caption(
                    md_text(
                        "waits for: " + ", ".join(_title(desk, id) for id in coming) if coming else "next in its turn"
                    )
                )
        if each.progress is not None:
            progress_line(each.progress)


def _title(desk: Desk, id: str) -> str:
    return str(desk.run(id).asked.get("title") or id)


def stopped(desk: Desk, found: Overview) -> None:
    """Runs that failed or were interrupted, and what to do."""
    if not found.stopped:
        return
    with st.expander(f"{count(len(found.stopped), 'run')} stopped before the end", icon=":material/error:"):
        for each in found.stopped:
            with st.container(horizontal=True, vertical_alignment="center"):
                state_badge(each.row.state)
                if st.button(md_text(each.row.title or each.row.kind), key=f"stopped-{each.row.id}", type="tertiary"):
                    open_run(each.row.id)
                st.caption(md_text(each.row.message or ""))
        again = [each for each in demo.members(desk) if each.row.state in ("failed", "interrupted")]
        if again and not desk.access.read_only and st.button("Resume the demonstration", key="resume-demo"):
            demo.resume(desk, demo.members(desk))
            st.rerun()


def latest(desk: Desk, found: Overview) -> None:
    """The newest results with the number that stands for each."""
    if not found.latest:
        return
    st.subheader("Latest results", anchor=False)
    for start in range(0, len(found.latest), ACROSS):
        columns = st.columns(ACROSS)
        for column, each in zip(columns, found.latest[start : start + ACROSS], strict=False):
            with column, st.container(border=True, height="stretch", gap="small", key=f"result-{each.row.id}"):
                _result(each)


def _result(each: Listed) -> None:
    row = each.row
    kind = KINDS.get(row.kind or "", (row.kind or "run",))[0]
    st.caption(md_text(f"{kind}, {_ago(each.age)}"))
    st.markdown(f"**{md_text(row.title or row.id)}**")
    for line in headlines(row)[:MOST_LINES]:
        st.markdown(_line(line))
    with st.container(horizontal=True):
        if row.kind == "evaluate":
            if st.button("Compare", key=f"to-compare-{row.id}", icon=":material/compare_arrows:", type="tertiary"):
                open_page("compare", runs=[row.id], run=row.id)
            if st.button("Examples", key=f"to-examples-{row.id}", icon=":material/article:", type="tertiary"):
                open_page("examples", run=row.id)
        elif row.kind == "audit":
            if st.button("FRAME", key=f"to-frame-{row.id}", icon=":material/fact_check:", type="tertiary"):
                open_page("frame", run=row.id)
        elif st.button("Open", key=f"to-run-{row.id}", icon=":material/open_in_full:", type="tertiary"):
            open_run(row.id)


def _line(line: Headline) -> str:
    label = md_text(line.label.replace("_aopc", ""))
    if isinstance(line.value, str):
        return f"{label}: {md_text(line.value)}"
    beside = " ".join(filter(None, (interval(line.low, line.high), line.note)))
    return (
        f"{label} **{number(line.value)}** :small[{md_text(beside)}]" if beside else f"{label} **{number(line.value)}**"
    )


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "at an unknown time"
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return f"{count(int(seconds // length), unit)} ago"
    return "just now"


def starts(desk: Desk) -> None:
    """Three ways to begin."""
    st.subheader("Begin", anchor=False)
    columns = st.columns(ACROSS)
    with columns[0], st.container(border=True, height="stretch", key="start-demo"):
        st.markdown("**Demonstration**")
        st.caption("Train, explain, score and audit on the bundled examples: everything once, in a few minutes.")
        _demo_button(desk, "Run the demonstration")
    with columns[1], st.container(border=True, height="stretch", key="start-file"):
        st.markdown("**Your own file**")
        st.caption("JSONL, CSV or Parquet with texts, labels and, where there are some, rationales.")
        if st.button("Bring a data set", icon=":material/upload_file:", key="to-data"):
            open_page("data")
    with columns[2], st.container(border=True, height="stretch", key="start-import"):
        st.markdown("**Results of another tool**")
        st.caption("Word scores, highlights or texts made elsewhere, scored here beside others.")
        if st.button("Import outputs", icon=":material/move_to_inbox:", key="to-import"):
            open_page("data", view="import")


def _demo_button(desk: Desk, label: str, *, primary: bool = False) -> None:
    pressed = st.button(
        label,
        icon=":material/play_arrow:",
        key="demo",
        type="primary" if primary else "secondary",
        disabled=desk.access.read_only,
    )
    if pressed:
        with st.spinner("Checking and queueing five jobs; the first time this takes about ten seconds."):
            demo.start(desk)
        st.rerun()


def nothing(desk: Desk) -> None:
    """An empty workspace: what would be here, and the one button that fills it."""
    page.empty(
        "Nothing here yet",
        "This page will show what is in the workspace, what is at work, and the newest results. The demonstration "
        "trains a small model on the bundled examples, explains its decisions by five methods and three controls, has "
        "a language model explain in words, and audits the metrics: about three minutes on two processor cores.",
    )
    _demo_button(desk, "Run the demonstration", primary=True)
    if desk.access.read_only:
        st.caption("This dashboard is read-only; `rationale-eval demo` does the same on the command line.")


def counts(found: Overview) -> None:
    """What is in the workspace, by kind."""
    if not found.kinds:
        return
    st.subheader("In this workspace", anchor=False)
    with st.container(horizontal=True, gap="large"):
        for kind, (one, several) in KINDS.items():
            if kind in found.kinds:
                many = found.kinds[kind]
                st.metric(one if many == 1 else several, f"{many:,}", width="content")
        st.metric("data sets" if len(found.data) != 1 else "data set", f"{len(found.data):,}", width="content")
