"""One run, opened: its curves, its log, what it was asked, and what may be done with it now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.evaluating import writes
from rationale_eval.desk.recipes import recipes
from rationale_eval.desk.training import Curve, allowed, curves, differing, log_tail
from rationale_eval.ui import charts, downloads, page
from rationale_eval.ui.address import open_page, open_run
from rationale_eval.ui.colours import CATEGORIES
from rationale_eval.ui.compare_launch import KIND, NEW, SUBJECT
from rationale_eval.ui.numbers import duration, number
from rationale_eval.ui.states import progress_line, state_badge
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.run_list import Listed
from rationale_eval.verbs.watch import OVER, Look, look
from rationale_eval.workspace.run import Run

LIVE_SECONDS: Final = 2.0
_EVALUATE: Final = {"train": ("model", "Evaluate its rationales"), "generate": ("texts", "Evaluate these texts")}
"""By kind of run: what the form of a new evaluation begins with, and the button that opens it."""


def view(desk: Desk, id: str) -> None:
    """The view of a run; it follows the run by itself while that works."""
    run = desk.run(id)
    if st.button("All runs", icon=":material/arrow_back:", type="tertiary"):
        open_run(None)
    st.subheader(md_text(run.asked.get("title") or run.kind), anchor=False)
    st.caption(md_text(f"{run.id}, asked for by {run.asked.get('owner') or 'somebody'}"))
    seen = look(run)
    if seen.over:
        _now(desk, run, seen)
    else:
        _live(desk, run)
    _asked(desk, run)
    command = run.provenance.get("command")
    if command:
        page.command(str(command), note="Run from the folder in which it was asked for.")


@st.fragment(run_every=LIVE_SECONDS)
def _live(desk: Desk, run: Run) -> None:
    seen = look(run)
    if seen.over:
        st.rerun()
    _now(desk, run, seen)


def _now(desk: Desk, run: Run, seen: Look) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(seen.status.state, stalled=seen.stalled)
        st.caption(md_text(_told(run, seen)))
    if seen.progress is not None and not seen.over:
        progress_line(seen.progress)
    if seen.stalled:
        st.warning(
            "No step for a long time, and its process still holds the run. It may hang or the machine may be busy; "
            "cancel it and resume it from its last checkpoint.",
            icon=":material/hourglass_disabled:",
        )
    _buttons(desk, run)
    if run.kind == "train":
        _pictures(curves(desk, run.id))
    with st.expander("Log", expanded=seen.status.state == "failed", icon=":material/notes:"):
        st.code(log_tail(run) or "Nothing said yet.", language=None, wrap_lines=True, height=260)


def _told(run: Run, seen: Look) -> str:
    status = seen.status
    parts = [f"attempt {status.attempt}"] if status.attempt > 1 else []
    if status.seconds and seen.over:
        parts.append(f"took {duration(status.seconds)}")
    if status.device:
        parts.append(f"on {status.device}")
    if status.message and status.state != "running":
        parts.append(status.message)
    return ", ".join(parts)


def _buttons(desk: Desk, run: Run) -> None:
    """Only what can be done now; every one of them is asked once more of the desk."""
    may = allowed(run)
    with st.container(horizontal=True):
        _onward(desk, run)
        if desk.access.read_only:
            return
        if may["cancel"] is None and st.button("Cancel", icon=":material/stop_circle:", key="run-cancel"):
            _do(lambda: desk.cancel(run.id), "Asked to stop; it keeps its last checkpoint.")
        if may["resume"] is None and st.button(
            "Resume", icon=":material/play_arrow:", key="run-resume", type="primary"
        ):
            _do(lambda: desk.resume(run.id), "In the queue again; it goes on from its last checkpoint.")
        if run.kind == "train" and st.button("Retry with changes", icon=":material/tune:", key="run-retry"):
            open_page("train", again=run.id, recipe=run.config["recipe"])
        if run.kind != "train" and st.button("Retry", icon=":material/replay:", key="run-retry"):
            open_run(desk.retry(run.id).id)
        if may["delete"] is None and st.button("Delete", icon=":material/delete:", key="run-delete"):
            desk.delete(run.id)
            st.session_state[DELETED] = run.id
            open_run(None)


DELETED: Final = "deleted run"
"""In the session: the run that `undo` can bring back."""


def undo(desk: Desk) -> None:
    """After a deletion: what was deleted, and a button that brings it back."""
    id = st.session_state.get(DELETED)
    if id is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.text(f"Run {id} is in the trash.")
        if st.button("Undo", icon=":material/undo:", key="run-undo"):
            del st.session_state[DELETED]
            open_run(desk.restore(id).id)
        if st.button("Close", type="tertiary", key="run-undo-close"):
            del st.session_state[DELETED]
            st.rerun()


def _do(change: Any, said: str) -> None:
    change()
    st.toast(said)
    st.rerun()


def _pictures(found: Mapping[str, Curve]) -> None:
    losses = {name: curve for name, curve in found.items() if _is_loss(name)}
    dev = {name: curve for name, curve in found.items() if "dev/" in name}
    if not losses:
        st.caption("The curves begin with the first step.")
        return
    left, right = st.columns(2)
    with left:
        _lines(losses, "Loss and its terms", key="losses")
    with right:
        if dev:
            _lines(dev, "On development data", key="dev", points=True)
        else:
            st.caption("Development metrics come after the first pass over the data.")
    if dev:
        _dev_table(dev)


def _is_loss(name: str) -> bool:
    return "dev/" not in name and (name.rpartition("/")[2] == "loss" or "loss/" in name)


def _lines(found: Mapping[str, Curve], title: str, *, key: str, points: bool = False) -> None:
    made = charts.figure(x="step", y="", height=300)
    said = []
    for place, (name, curve) in enumerate(found.items()):
        colour = CATEGORIES[place % len(CATEGORIES)]
        # Dashes tell the terms apart without colour.
        dash = ("solid", "dash", "dot", "dashdot")[place % 4]
        shown = [value if math.isfinite(value) else None for value in curve.values]
        made.add_scatter(
            x=curve.steps,
            y=shown,
            name=_short(name),
            mode="lines+markers" if points or len(shown) < 2 else "lines",
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 6},
        )
        last = curve.values[-1]
        said.append(f"{_short(name)} {number(last) if math.isfinite(last) else 'NaN'}")
    st.markdown(f"**{title}**")
    charts.show(made, key=f"curves-{key}", alt=f"{title} over the steps. Last: {', '.join(said)}.")
    bad = [f"{_short(name)} ({curve.not_finite})" for name, curve in found.items() if curve.not_finite]
    if bad:
        st.caption(md_text(f"NaN at some steps, left out of the picture: {', '.join(bad)}."))
    averaged = max(curve.averaged for curve in found.values())
    if averaged > 1:
        st.caption(f"Every point is the mean of {averaged:,} steps.")


def _short(name: str) -> str:
    return name.replace("dev/", "").replace("loss/", "")


def _dev_table(dev: Mapping[str, Curve]) -> None:
    columns = {_short(name): pd.Series(_words(curve.values), index=curve.steps) for name, curve in dev.items()}
    table = pd.DataFrame(columns).rename_axis("step").reset_index()
    with st.expander("Development metrics as a table"):
        st.dataframe(table, hide_index=True, alt="Development metrics by step")
        downloads.table(table, "dev_metrics", key="dev-metrics")


def _words(values: Sequence[float]) -> list[str]:
    return ["NaN" if math.isnan(value) else str(value) if math.isinf(value) else number(value) for value in values]


def _asked(desk: Desk, run: Run) -> None:
    config = run.config
    kind = next((each for each in recipes(desk) or () if each.name == config.get("recipe")), None)
    base: dict[str, Any] = {"config": kind.defaults} if kind is not None else {}
    usual = {"split": "train", "dev_limit": 2000, "device": "auto", "seed": 0} if run.kind == "train" else {}
    found = differing(config, base | usual)
    with st.expander("What it was asked", icon=":material/tune:"):
        st.caption("Only what differs from the recipe's own settings." if kind else "All that it was told.")
        rows = [{"setting": name.removeprefix("config."), "value": _spelled(value)} for name, value in found.items()]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Settings that differ from the defaults")
    summary = run.summary
    if run.kind == "train" and summary is not None:
        st.caption(
            md_text(
                f"{summary['train_examples']} examples, {summary['steps']} steps, kept those of step "
                f"{summary['kept_step']}; {summary['tokens_per_second']:.0f} tokens a second in {summary['precision']}."
            )
        )


def _spelled(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)


def _onward(desk: Desk, run: Run) -> None:
    """Where a finished run is looked at, or what is done with what it made."""
    if run.status.state != "finished":
        return
    if run.kind == "evaluate":
        if st.button("Open in Compare", icon=":material/compare_arrows:", key="run-compare", type="primary"):
            open_page("compare", runs=[run.id], run=run.id)
        if st.button("Open in Examples", icon=":material/article:", key="run-examples"):
            open_page("examples", run=run.id)
    elif run.kind == "audit":
        if st.button("Open in FRAME", icon=":material/fact_check:", key="run-frame", type="primary"):
            open_page("frame", run=run.id)
    elif run.kind in _EVALUATE and not desk.access.read_only and not writes(run.summary):
        subject, what = _EVALUATE[run.kind]
        if st.button(what, icon=":material/compare_arrows:", key="run-evaluate", type="primary"):
            open_page("compare", **{NEW: "1", KIND: subject, SUBJECT: f"run:{run.id}"})


def over(listed: Listed) -> bool:
    """Whether a listed run has come to an end."""
    return listed.row.state in OVER
