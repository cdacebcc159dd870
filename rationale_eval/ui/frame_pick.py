"""Which audits, metrics and simulators are shown: one row of pickers, and the reading of what they name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import streamlit as st

from rationale_eval.axioms.files import REPORT
from rationale_eval.desk import audits
from rationale_eval.desk.audits import AuditView, Card
from rationale_eval.desk.desk import Desk
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import address, page
from rationale_eval.ui.numbers import count
from rationale_eval.ui.terms import term
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.run_list import Listed

MOST: Final = 200
"""Finished audits that are offered: the newest."""

VARIANTS: Final = {"both": "PT and NP", "pt": "PT", "np": "NP"}
NEW: Final = "new"
"""In the address: the form of a new audit is shown in place of the cards."""


def finished(desk: Desk) -> list[Listed]:
    """The audits that can be shown, newest first."""
    return desk.runs(kind="audit", states=("finished",), limit=MOST)


def pick(desk: Desk, known: Sequence[Listed]) -> tuple[list[AuditView], list[Card]]:
    """Draws the pickers; returns the audits and the cards they leave."""
    titles = {each.row.id: _title(each) for each in known}
    left, middle, right, button = st.columns([4, 3, 3, 2], vertical_alignment="bottom")
    with left:
        ids = st.multiselect(
            "Audits",
            list(titles),
            default=_asked(titles),
            format_func=lambda id: titles[id],
            placeholder="one or several",
            help="Several stand under each other: other data, other metrics, another protocol.",
            key="frame-audits",
        )
    address.put(audits=ids)
    views = _read(desk, ids)
    names = list(dict.fromkeys(card.metric for view in views for card in view.cards))
    asked = [name for name in address.get_all("metrics") if name in names]
    with middle:
        metrics = st.multiselect(
            "Metrics",
            names,
            default=asked,
            placeholder="all of them",
            key=f"frame-metrics-{'-'.join(names)}",
        )
    address.put(metrics=metrics)
    with right:
        shown = address.get("simulators", "both")
        variant = (
            st.segmented_control(
                "Simulators",
                list(VARIANTS),
                default=shown if shown in VARIANTS else "both",
                format_func=lambda name: VARIANTS[name],
                help=f"PT: {term('pt')} NP: {term('np')}",
                key="frame-simulators",
            )
            or "both"
        )
    address.put(simulators=None if variant == "both" else variant)
    with button:
        if st.button("New audit", icon=":material/add:", key="frame-new", width="stretch"):
            address.put(**{NEW: "1"})
            st.rerun()
    cards = [
        card
        for view in views
        for card in view.cards
        if (not metrics or card.metric in metrics)
        and (variant == "both" or not card.variant.startswith(("pt", "np")) or card.variant.startswith(variant))
    ]
    return views, cards


def _asked(titles: dict[str, str]) -> list[str]:
    """From the address: audits, or a run that is one; else the newest."""
    own = "audits" in st.query_params or "run" not in st.query_params
    named = address.get_all("audits") if own else st.query_params.get_all("run")
    return [id for id in dict.fromkeys(named) if id in titles] or list(titles)[:1]


def _title(listed: Listed) -> str:
    config = f"{listed.row.title or 'audit'}"
    return f"{config.removeprefix('audit of ')} ({listed.row.id[-4:]})"


def _read(desk: Desk, ids: Sequence[str]) -> list[AuditView]:
    found = []
    for id in ids:
        folder = desk.run(id).folder
        try:
            found.append(_view(str(folder), (folder / REPORT).stat().st_mtime_ns, id, audits.command_of(desk, id)))
        except (RationaleEvalError, OSError) as error:
            sentence = str(error) if isinstance(error, RationaleEvalError) else "its folder is not there any more."
            page.problem(f"The audit {id} cannot be shown: {sentence}")
    return found


@st.cache_data(max_entries=64, show_spinner=False)
def _view(folder: str, changed: int, id: str, command: str | None) -> AuditView:
    return audits.read(Path(folder), id, command)


def describe(views: Sequence[AuditView]) -> None:
    """Under the pickers: how much the cards rest on, and what of it says nothing."""
    for view in views:
        accuracy = view.accuracy.get("generated")
        told = [
            f"{view.data}: {count(view.examples, 'example')}, task model {view.protocol['rationalizer']}",
            f"learned from {count(view.learned_from, 'example')}",
            *((f"accuracy {accuracy:.2f}",) if accuracy is not None else ()),
            f"{count(view.seeds, 'seed')}, references {view.protocol['reference']}",
        ]
        st.caption(md_text(", ".join(told) + "."))
        if view.deaf:
            names = ", ".join(f"{weights} that sees {seen} ({source})" for source, weights, seen in view.deaf[:4])
            more = f" and {len(view.deaf) - 4} more" if len(view.deaf) > 4 else ""
            st.caption(
                md_text(f"Simulators that learned nothing, so that what rests on them says nothing: {names}{more}."),
            )
