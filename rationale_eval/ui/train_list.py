"""The list of trainings: live ones that move by themselves, the others in a table; and some of them compared."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from rationale_eval.desk.desk import Desk
from rationale_eval.ui import downloads, page
from rationale_eval.ui.address import open_run
from rationale_eval.ui.numbers import count, number
from rationale_eval.ui.states import progress_line, state_badge
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.run_list import Listed
from rationale_eval.verbs.run_table import compare_runs
from rationale_eval.workspace.status import PENDING

EVERY: Final = 2.0
MOST: Final = 200
MOST_LIVE: Final = 12


def any_live(desk: Desk) -> bool:
    """Whether some training works or waits."""
    return bool(desk.runs(kind="train", states=PENDING, limit=1))


@st.fragment(run_every=EVERY)
def live(desk: Desk) -> None:
    """Trainings that work or wait, newest first; looks again by itself."""
    found = desk.runs(kind="train", states=PENDING)
    before = st.session_state.get("live trainings", 0)
    st.session_state["live trainings"] = len(found)
    if len(found) < before:
        st.rerun()  # the table below has one more
    for each in found[:MOST_LIVE]:
        live_row(desk, each)
    if len(found) > MOST_LIVE:
        st.caption(f"and {len(found) - MOST_LIVE} more in the queue")


def live_row(desk: Desk, each: Listed) -> None:
    """One live run: its state, how far it is, and the way to its own view."""
    row = each.row
    with st.container(border=True, key=f"live-{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            state_badge(row.state, stalled=each.stalled)
            if st.button(md_text(row.title or row.id), key=f"open-{row.id}", type="tertiary"):
                open_run(row.id)
            if row.state == "queued" and row.message:
                st.caption(md_text(row.message))
        if each.progress is not None:
            progress_line(each.progress)


def table(desk: Desk) -> None:
    """Trainings that are over; a click opens one, several marks compare them."""
    found = [each for each in desk.runs(kind="train", limit=MOST) if each.row.state not in PENDING]
    if not found:
        return
    st.subheader("Earlier trainings", anchor=False)
    frame = pd.DataFrame([_record(desk, each) for each in found])
    picked = st.dataframe(
        frame,
        hide_index=True,
        key="trainings",
        on_select="rerun",
        selection_mode="multi-row",
        alt=f"{count(len(found), 'training')} with state, settings and development metrics",
        column_config={
            "loss": st.column_config.LineChartColumn("loss", width="small", help="Over the steps."),
            "minutes": st.column_config.NumberColumn(format="%.1f"),
        },
    )
    chosen = [found[place] for place in picked["selection"]["rows"] if place < len(found)]
    if len(chosen) == 1 and st.button("Open this run", icon=":material/open_in_full:", key="open-chosen"):
        open_run(chosen[0].row.id)
    if len(chosen) > 1:
        compare(desk, [each.row.id for each in chosen])
    else:
        st.caption("Mark one to open it, several to compare them.")
    downloads.table(frame.drop(columns="loss"), "trainings", key="trainings")


def _record(desk: Desk, each: Listed) -> dict[str, Any]:
    row = each.row
    summary = row.summary or {}
    metrics = summary.get("metrics") or {}
    return {
        "run": row.id,
        "state": row.state,
        "title": row.title,
        "loss": _spark(desk, row.id, row.sequence),
        "seed": row.seed,
        "model": row.model,
        "limit": row.config.get("limit") or row.config.get("sample"),
        **{f"dev {name}": value for name, value in metrics.items()},
        "minutes": (row.seconds or 0) / 60,
        "group": row.group_id,
        "created": (row.created or "")[:16].replace("T", " "),
    }


def _spark(desk: Desk, id: str, sequence: int) -> list[float]:
    return _sparkline(desk, str(desk.workspace.path.absolute()), id, sequence)


@st.cache_data(show_spinner=False, max_entries=1000)
def _sparkline(_desk: Desk, workspace: str, id: str, sequence: int) -> list[float]:
    """About forty losses; kept by the run's last change of state, after which a finished one writes no more."""
    values = [each.value for each in _desk.workspace.index.metrics(id, "loss") if each.value is not None]
    size = max(1, len(values) // 40)
    return [sum(part) / len(part) for part in (values[at : at + size] for at in range(0, len(values), size))]


def compare(desk: Desk, ids: list[str]) -> None:
    """Runs side by side: the keys of their records that differ, and their metrics."""
    found = compare_runs([desk.run(id) for id in ids])
    st.subheader("Side by side", anchor=False)
    st.caption(md_text(f"{found.equal} settings are the same in all."))
    rows = [
        {"what": name, **dict(zip(found.runs, map(_text, values), strict=True))}
        for name, values in found.settings.items()
    ]
    rows += [
        {"what": name, **{run: number(value) for run, value in zip(found.runs, values, strict=True)}}
        for name, values in found.metrics.items()
    ]
    frame = pd.DataFrame(rows)
    st.dataframe(frame, hide_index=True, alt="What differs between the marked runs")
    downloads.table(frame, "runs_compared", key="runs-compared")
    page.reproduce("runs", "compare", *ids, "--workspace", str(desk.workspace.path))


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)


__all__ = ["any_live", "compare", "live", "live_row", "table"]
