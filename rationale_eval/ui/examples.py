"""The page Examples: pickers, the table, and the example that is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.example import detail
from rationale_eval.desk.notes import Note, Notes
from rationale_eval.desk.slate import Column, Slate, slate_of
from rationale_eval.desk.slate_query import Filter, Order, Places, place_of, rows, select
from rationale_eval.desk.sources import Source
from rationale_eval.ui import downloads, examples_detail, examples_pickers, page
from rationale_eval.ui.address import open_page
from rationale_eval.ui.examples_table import ID, page_of, pages, table
from rationale_eval.ui.examples_view import View, filter_of, open_part, order_of, view
from rationale_eval.ui.text import md_text

MOST_RUNS: Final = 200
MOST_ROWS: Final = 100_000
"""Examples of one download, the first in the order that is shown."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is looked at: the view, the evaluations, what people said about their examples."""

    seen: View
    slate: Slate
    sources: Sequence[Source]
    notes: Notes
    own: Sequence[Note]
    systems: Sequence[str]

    @property
    def starred(self) -> frozenset[str]:
        return frozenset(each.example for each in self.own if each.kind == "star")


def show(desk: Desk) -> None:
    """Draws the page."""
    found = desk.runs(kind="evaluate", states=("finished",), limit=MOST_RUNS)
    if not found:
        page.empty(
            "No evaluation yet",
            "Here you read what the numbers are made of: each example with the words that every method held for the "
            "reason, what people marked, the model's answer, and its scores beside those of all others.",
        )
        if st.button("Begin on the page Home", type="primary", icon=":material/home:"):
            open_page("home")
        return
    seen, notes = view(), Notes(desk.workspace, desk.access)
    if "run" in st.query_params and seen.one("run") not in {each.row.id for each in found}:
        page.problem(f"There is no finished evaluation {seen.one('run')} in this workspace; here is another.")
    first, second, third = st.columns([5, 5, 3], vertical_alignment="bottom")
    with first:
        ids = examples_pickers.evaluation(seen, found)
    sources = [Source(desk.run(id), desk) for id in ids]
    slate = opened(sources)
    said = notes.all()
    known = [each for each in said if each.kind == "slice"]
    if seen.one("slice") not in {each.text for each in known}:
        open_part(seen)
    with second:
        systems = examples_pickers.systems(seen, slate)
    with third:
        examples_pickers.slices(seen, known)
    at = _Looked(seen, slate, sources, notes, [each for each in said if each.data == slate.about.data], systems)
    examples(at)
    seen.to_url()


def opened(sources: Sequence[Source]) -> Slate:
    """The slate; its first making shows how far it is."""
    place = st.empty()

    def progress(done: int, total: int) -> None:
        share = done / max(1, total)
        place.progress(share, f"Reading this evaluation for the first time: {done:,d} of {total:,d} examples")

    slate = slate_of(sources, progress=progress)
    place.empty()
    if slate.about.missing:
        st.warning(md_text(slate.about.missing, cap=600), icon=":material/description:")
    return slate


def examples(looked: _Looked) -> None:
    """The second row of pickers, the table, and the example that is open."""
    seen, slate = looked.seen, looked.slate
    left, right = st.columns([3, 7], vertical_alignment="bottom")
    with left:
        examples_pickers.search(seen)
    with right:
        examples_pickers.order(seen, slate)
    with st.container(horizontal=True, vertical_alignment="center"):
        examples_pickers.filters(seen, slate, sorted({each.text for each in looked.own if each.kind == "tag"}))
        metrics = examples_pickers.columns(seen, slate)
        examples_pickers.save_slice(seen, looked.notes)
        wanted = filter_of(seen, slate, marked(seen, looked.own))
        order = order_of(seen, slate)
        seen.ask((slate.path, replace(wanted, only=None), order))
        places = _select(str(slate.path), wanted, order)
        st.markdown(f"{len(places):,d} of {slate.about.rows:,d}")
        examples_detail.undo(looked.notes)
    if not len(places):
        st.info("No example fits all of these filters.", icon=":material/filter_list_off:")
        st.button("Show all examples", on_click=seen.clear, key="ex-none")
        return
    shown = [
        each for key in metrics for name in looked.systems if (each := slate.column("score", name, key)) is not None
    ]
    at = opened_at(seen, slate, places)
    table(seen, slate, places, at, shown, looked.starred)
    pages(seen, slate, places, at)
    one(looked, places, at)
    below(looked, places, shown)


@st.cache_data(max_entries=64, show_spinner=False)
def _select(path: str, wanted: Filter, order: Order) -> Places:
    return select(Slate(Path(path)), wanted, order)


def marked(seen: View, own: Sequence[Note]) -> tuple[str, ...] | None:
    """Ids of the examples that carry one of the wanted marks; None where none are wanted."""
    wanted = set(seen.many("mark"))
    if not wanted:
        return None
    kinds = {"star": "starred", "note": "with a note"}
    found = {each.example for each in own if kinds.get(each.kind, f"tag {each.text}") in wanted}
    return tuple(sorted(found))


def opened_at(seen: View, slate: Slate, places: Places) -> int:
    """Which of the examples is open: that of the address if it is among them, else the first."""
    id = seen.one("example")
    place = place_of(slate, id) if id else None
    found = [] if place is None else np.flatnonzero(places == place).tolist()
    return int(found[0]) if found else 0


def one(looked: _Looked, places: Places, at: int) -> None:
    """The example that is open."""
    seen, slate = looked.seen, looked.slate
    found = detail(slate, looked.sources, int(places[at]))
    seen.put("example", found.id)
    around = [int(places[each]) if 0 <= each < len(places) else None for each in (at - 1, at + 1)]
    before, after = (None if each is None else str(rows(slate, [each], [ID])[ID].iloc[0]) for each in around)
    with st.container(horizontal=True, vertical_alignment="center"):
        examples_detail.ways(seen, found, at, len(places), (before, after))
        said = [each for each in looked.own if each.example == found.id]
        examples_detail.marks(looked.notes, slate.about.data, found, said)
        examples_detail.to_probe(looked.sources[0].run.id, found)
    examples_detail.text(slate, found, looked.systems)
    left, right = st.columns([3, 2])
    with left:
        examples_detail.texts(found, looked.systems)
        examples_detail.answers(found)
    with right:
        examples_detail.people(found)
    examples_detail.numbers(slate, found, looked.systems)


def below(looked: _Looked, places: Places, shown: Sequence[Column]) -> None:
    """What to take away, and how to repeat it."""
    wanted = places[:MOST_ROWS]

    def whole() -> pd.DataFrame:
        frame, _ = page_of(looked.slate, wanted, shown, looked.starred)
        frame.insert(1, ID, rows(looked.slate, wanted, [ID])[ID].to_numpy())
        return frame

    downloads.table(whole, "examples", key="ex-download")
    if len(places) > MOST_ROWS:
        st.caption(f"A download holds the first {MOST_ROWS:,d} of these examples; filters choose others.")
    for source in looked.sources:
        if command := source.run.provenance.get("command"):
            page.command(command)
