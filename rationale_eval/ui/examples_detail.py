"""One example opened: the way to the next, the text with its marks, answers, numbers, and what people noted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from rationale_eval.data.words import split_words
from rationale_eval.desk.example import Detail, verdicts
from rationale_eval.desk.notes import Note, Notes
from rationale_eval.desk.slate import Slate
from rationale_eval.desk.slate_query import Spread, spread
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import example_html, highlights, page
from rationale_eval.ui.address import open_page
from rationale_eval.ui.colours import of_systems
from rationale_eval.ui.examples_view import View
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.predictions import INPUT, OWN

NOTE_ROWS: Final = 90
MOST_WRITTEN: Final = 5


def ways(seen: View, found: Detail, at: int, total: int, neighbours: tuple[str | None, str | None]) -> None:
    """Previous and next, by button and by key."""
    before, after = neighbours
    st.button(
        "Previous",
        key="ex-previous",
        icon=":material/arrow_back:",
        shortcut="k",
        on_click=seen.put,
        args=("example", before or found.id),
        disabled=before is None,
    )
    st.markdown(f"**{md_text(found.id)}** &nbsp; {at + 1:,d} of {total:,d}")
    st.button(
        "Next",
        key="ex-next",
        icon=":material/arrow_forward:",
        shortcut="j",
        on_click=seen.put,
        args=("example", after or found.id),
        disabled=after is None,
    )


def marks(notes: Notes, data: str, found: Detail, said: Sequence[Note]) -> None:
    """The star, and tags and notes to read and to write."""
    star = next((each for each in said if each.kind == "star"), None)
    locked = notes.access.read_only
    st.button(
        "Remove star" if star else "Star",
        key="ex-star",
        icon=":material/star:" if star else ":material/star_border:",
        shortcut="s",
        disabled=locked,
        on_click=_star,
        args=(notes, data, found.id),
    )
    others = [each for each in said if each.kind != "star"]
    label = f"Notes ({len(others):d})" if others else "Notes"
    with st.popover(label, icon=":material/edit_note:", key="ex-notes"):
        for each in others:
            _note(notes, each)
        if not locked:
            _write(notes, data, found)
        elif not others:
            st.caption("Nothing was noted about this example.")


def _star(notes: Notes, data: str, id: str) -> None:
    """Sets the star or takes it away, by what is kept now: two clicks in a hurry are two changes."""
    star = next((each for each in notes.of(data, id) if each.kind == "star"), None)
    try:
        if star:
            notes.delete(star.id)
        else:
            notes.star(data, id)
    except (RationaleEvalError, OSError) as error:
        st.session_state["ex-problem"] = str(error)


def _note(notes: Notes, each: Note) -> None:
    left, right = st.columns([5, 2], vertical_alignment="center")
    with left:
        if each.kind == "tag":
            st.badge(md_text(each.text), icon=":material/label:", color="gray")
        else:
            st.text(each.text)
        st.caption(md_text(", ".join(part for part in (each.owner, each.at[:16].replace("T", " ")) if part)))
    if right.button("Delete", key=f"ex-unnote-{each.id}", type="tertiary", disabled=notes.access.read_only):
        notes.delete(each.id)
        st.session_state["ex-undo"] = (each.id, each.text)
        st.rerun()


def _write(notes: Notes, data: str, found: Detail) -> None:
    with st.form(f"ex-note-{found.place}", border=False, clear_on_submit=True):
        tag = st.text_input("Tag", max_chars=40, placeholder="negation")
        text = st.text_area("Note", max_chars=4000, height=NOTE_ROWS)
        if st.form_submit_button("Keep", type="primary"):
            if tag.strip():
                notes.tag(data, found.id, tag)
            if text.strip():
                notes.note(data, found.id, text)
            st.rerun()


def undo(notes: Notes) -> None:
    """Brings back what was deleted last; says what could not be changed."""
    if sentence := st.session_state.pop("ex-problem", ""):
        page.problem(sentence)
    gone = st.session_state.get("ex-undo")
    if not gone:
        return
    id, text = gone
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(md_text(f"Deleted: {text}", cap=120))
        if st.button("Undo", key="ex-undo-button", icon=":material/undo:", type="tertiary"):
            notes.restore(id)
            st.session_state.pop("ex-undo")
            st.rerun()


def to_probe(run: str, found: Detail) -> None:
    """Opens the example where its words can be changed."""
    if st.button("Open in Probe", key="ex-probe", icon=":material/science:"):
        open_page("probe", run=run, example=found.id)


def text(slate: Slate, found: Detail, systems: Sequence[str]) -> None:
    """The text: a line for each system with word scores, or plain."""
    example = found.example
    if example is None:
        st.info(md_text(slate.about.missing, cap=600), icon=":material/description:")
        return
    colours = of_systems(slate.about.systems)
    scored = [each for name in systems for each in found.scored if each.system == name]
    words = scored[0].words if scored else split_words(example)
    lines = [highlights.Line(each.system, each.scores, colours[each.system]) for each in scored if each.words == words]
    marking = highlights.Marking(example.inputs, words, lines, found.gold(words))
    long = sum(map(len, example.inputs.values())) > highlights.LONG
    whole = long and st.toggle("Show all sentences", key="ex-whole")
    highlights.show(marking, fold=not whole)
    if scored and (note := targets(found)):
        st.caption(md_text(note))


def people(found: Detail) -> None:
    """The reasons that people gave."""
    written = () if found.example is None else found.example.rationales[:MOST_WRITTEN]
    if written:
        st.caption("What people wrote")
    for each in written:
        st.text(each)


def targets(found: Detail) -> str:
    """Which choice the word scores explain, where it is one and the same."""
    chosen = {each.target for each in found.scored if each.target is not None}
    return f"The scores explain the choice “{found.choice(chosen.pop())}”." if len(chosen) == 1 else ""


def answers(found: Detail) -> None:
    """What the model answers."""
    given = [each for each in found.answers if each.seen == INPUT]
    if not given:
        return
    st.caption("The model's answer")
    example_html.probabilities(found, given)
    if all(each.probabilities is None for each in given):
        st.caption("Probabilities were not kept by this older evaluation; evaluate again to see them.")


def texts(found: Detail, systems: Sequence[str]) -> None:
    """Free-text rationales with what simulators make of them."""
    said = [each for name in systems for each in found.answers if each.system == name and each.seen == OWN]
    for each in said:
        example_html.free_text(found, each, verdicts(found, each.system))


def numbers(slate: Slate, found: Detail, systems: Sequence[str]) -> None:
    """Every metric of every system that is shown, and of the model."""
    shown = [name for name in systems if any(each.system == name for each in found.numbers)]
    cells = [
        example_html.Cell(each, _spread(str(slate.path), each.column)) for each in found.numbers if each.system in shown
    ]
    if cells:
        st.caption("Its scores, and where they lie among those of all examples")
        example_html.numbers(shown, cells)


@st.cache_data(max_entries=1024, show_spinner=False)
def _spread(path: str, column: str) -> Spread:
    from pathlib import Path

    return spread(Slate(Path(path)), column)
