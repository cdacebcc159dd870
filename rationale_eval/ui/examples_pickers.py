"""What shapes the page Examples: the evaluation, the systems, the order, the filters, the slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from rationale_eval.desk.notes import Note, Notes
from rationale_eval.desk.slate import Column, Slate
from rationale_eval.desk.slate_query import LENGTHS, bounds
from rationale_eval.ui.examples_view import (
    HOW,
    SPREAD,
    SURE,
    WHICH,
    View,
    metrics_of,
    metrics_there,
    range_text,
    ranges,
    sorted_column,
    systems_of,
)
from rationale_eval.verbs.run_list import Listed
from rationale_eval.verbs.systems import opening

ORDERS: Final = {"worst": "worst first", "best": "best first"}
THIRDS: Final = {"": "any", "short": "short", "middle": "middle", "long": "long"}
RIGHT: Final = {"": "any", "right": "right", "wrong": "wrong"}


def evaluation(seen: View, found: Sequence[Listed]) -> list[str]:
    """Which evaluation is looked at; several where the address names several.

    Returns:
        Ids of runs.
    """
    titles = {each.row.id: f"{each.row.title or each.row.id} · {each.row.id}" for each in found}
    several = [each for each in seen.base.many("runs") if each in titles]
    if len(several) > 1:
        chosen = st.multiselect(
            "Evaluations of the same data",
            list(titles),
            default=several,
            format_func=titles.__getitem__,
            key=f"ex-runs-{seen.epoch}",
        )
        several = chosen or several[:1]
        seen.put("runs", *several)
        seen.put("run", several[0])
        return several
    seen.put("runs")
    ids = list(titles)
    wanted = seen.base.one("run")
    at = (
        ids.index(wanted)
        if wanted in titles
        else opening([(each.row.summary or {}).get("results", ()) for each in found])
    )
    one = st.selectbox("Evaluation", ids, index=at, format_func=titles.__getitem__, key=f"ex-run-{seen.epoch}")
    if one != seen.one("run"):
        # What was filtered and shown of another evaluation says nothing about this one.
        seen.replace(**dict.fromkeys((*HOW, *WHICH, "slice", "example"), ()))
    seen.put("run", one)
    return [one]


def systems(seen: View, slate: Slate) -> list[str]:
    """Whose scores and highlights are shown."""
    chosen = st.multiselect(
        "Systems",
        list(slate.about.systems),
        default=systems_of(seen.base, slate),
        key=f"ex-systems-{seen.epoch}",
        placeholder="choose systems",
    )
    usual = list(slate.real or slate.about.systems)
    seen.put("systems", *([] if chosen == usual else chosen))
    return systems_of(seen, slate)


def slices(seen: View, known: Sequence[Note]) -> None:
    """Opens a saved slice."""
    names = {each.id: each.text for each in known}
    at = next((place for place, each in enumerate(known) if each.text == seen.base.one("slice")), None)
    st.selectbox(
        "Slice",
        list(names),
        index=at,
        format_func=names.__getitem__,
        key=f"ex-slice-{seen.epoch}",
        placeholder="all examples" if known else "none saved yet",
        disabled=not known,
        on_change=_open_slice,
        args=(seen, list(known)),
    )


def _open_slice(seen: View, known: list[Note]) -> None:
    id = st.session_state[f"ex-slice-{seen.epoch}"]
    chosen = next((each for each in known if each.id == id), None)
    if chosen is None:
        seen.clear()
        return
    fresh: dict[str, Sequence[str]] = dict.fromkeys((*WHICH, "example"), ())
    fresh |= {name: values for name, values in chosen.view.items() if name in (*WHICH, *HOW)}
    seen.replace(**fresh, slice=[chosen.text])


def order(seen: View, slate: Slate) -> None:
    """What the examples are sorted by, which system's, and whether the worst stand first."""
    extra = {"": "the data set's order"}
    if len(slate.real) > 1 and slate.about.files:
        extra[SPREAD] = "disagreement of highlights"
    if any(each.role == SURE for each in slate.about.columns):
        extra[SURE] = "how sure the model is"
    keys = list(dict.fromkeys([*extra, *(each.key for each in slate.scores())]))
    names = {key: extra.get(key, _plain(key, slate)) for key in keys}
    base, found = seen.base, sorted_column(seen.base, slate)
    now = base.one("metric") if base.one("metric") in extra else found.key if found else ""
    if base.one("order") not in ORDERS:
        now = ""
    left, middle, right = st.columns([5, 4, 4], vertical_alignment="bottom")
    with left:
        metric = st.selectbox(
            "Sort by", keys, index=keys.index(now), format_func=names.__getitem__, key=f"ex-sort-{seen.epoch}"
        )
    if not metric:
        seen.put("order")
        seen.put("by")
        return
    seen.put("metric", metric)
    seen.put("order", seen.one("order") if seen.one("order") in ORDERS else "worst")
    whose = [each.system for each in slate.scores() if each.key == metric]
    if len(whose) > 1:
        column = sorted_column(View(base.values | {"metric": [metric]}), slate)
        with middle:
            by = st.selectbox(
                "of",
                whose,
                index=whose.index(column.system) if column else 0,
                key=f"ex-by-{seen.epoch}",
            )
        seen.put("by", by or "")
    else:
        seen.put("by")
    with right:
        way = st.segmented_control(
            "Order",
            list(ORDERS),
            default=base.one("order") if base.one("order") in ORDERS else "worst",
            format_func=ORDERS.__getitem__,
            key=f"ex-order-{seen.epoch}",
            label_visibility="collapsed",
            required=True,
        )
    seen.put("order", way or "worst")


def search(seen: View) -> None:
    """Text that stands in an example."""
    text = st.text_input(
        "Search",
        seen.base.one("q"),
        key=f"ex-q-{seen.epoch}",
        placeholder="words of the text, the id, a rationale",
        max_chars=200,
        icon=":material/search:",
    )
    seen.put("q", text or "")


def filters(seen: View, slate: Slate, tags: Sequence[str]) -> None:
    """Label, answers, marks and ranges, folded away."""
    on = sum(bool(seen.many(name)) for name in WHICH if name not in ("q", "who"))
    with st.popover(f"Filters ({on:d})" if on else "Filters", icon=":material/filter_list:", key=f"ex-f-{seen.epoch}"):
        about = slate.about
        if about.gold:
            seen.put("label", *_several("Label", list(about.gold), "label", seen))
        if about.answering:
            _answers(seen, slate)
        if bounds(slate, "words") is not None:
            length = st.segmented_control(
                "Length",
                ["", *LENGTHS],
                default=seen.base.one("length") if seen.base.one("length") in LENGTHS else "",
                format_func=THIRDS.__getitem__,
                key=f"ex-length-{seen.epoch}",
                required=True,
            )
            seen.put("length", length or "")
        marks = ["starred", "with a note", *(f"tag {tag}" for tag in tags)]
        seen.put("mark", *_several("Marked by you and others", marks, "mark", seen))
        _ranges(seen, slate)
        st.button("Show all examples", on_click=seen.clear, key=f"ex-clear-{seen.epoch}", disabled=not on)


def _answers(seen: View, slate: Slate) -> None:
    answering = list(slate.about.answering)
    if len(answering) > 1:
        at = answering.index(seen.base.one("who")) if seen.base.one("who") in answering else 0
        who = st.selectbox("Answers of", answering, index=at, key=f"ex-who-{seen.epoch}") or answering[0]
        seen.put("who", who if who != answering[0] else "")
    choices = list(dict.fromkeys([*slate.about.answers, *slate.about.gold]))
    seen.put("answer", *_several("Answer", choices, "answer", seen))
    if slate.about.gold:
        right = st.segmented_control(
            "The answer is",
            list(RIGHT),
            default=seen.base.one("right") if seen.base.one("right") in RIGHT else "",
            format_func=RIGHT.__getitem__,
            key=f"ex-right-{seen.epoch}",
            required=True,
        )
        seen.put("right", right or "")
    if len(answering) > 1:
        on = st.toggle("Systems answer differently", seen.base.one("differ") == "yes", key=f"ex-differ-{seen.epoch}")
        seen.put("differ", "yes" if on else "")


def _several(label: str, options: list[str], name: str, seen: View) -> list[str]:
    """A choice of several values of the view."""
    there = [each for each in seen.base.many(name) if each in options]
    names = {"Label": "Label", "Answer": "Answer"}
    return st.multiselect(
        names.get(label, "Marks"), options, default=there, key=f"ex-{name}-{seen.epoch}", placeholder="all"
    )


def _ranges(seen: View, slate: Slate) -> None:
    """A slider for each number that is bounded."""
    there = {each.name: each for each in slate.scores()}
    set_ = {column.name: (low, high) for column, low, high in ranges(seen.base, slate)}
    chosen = st.multiselect(
        "Numbers between bounds",
        list(there),
        default=list(set_),
        format_func=lambda name: f"{_plain(there[name].key, slate)} of {there[name].system}",
        key=f"ex-range-{seen.epoch}",
        placeholder="choose metrics",
        max_selections=6,
    )
    texts = []
    for name in chosen:
        found = _slider(there[name], set_.get(name), seen, slate)
        if found is not None:
            texts.append(found)
    seen.put("range", *texts)


def _slider(column: Column, now: tuple[float, float] | None, seen: View, slate: Slate) -> str | None:
    ends = bounds(slate, column.name)
    if ends is None:
        st.caption("This number is not defined for any example.")
        return None
    low, high = ends
    if low == high:
        st.caption("This number is the same for all examples.")
        return None
    st.text(f"{_plain(column.key, slate)} of {column.system}")
    first, last = now or ends
    chosen = st.slider(
        "between",
        low,
        high,
        (min(max(first, low), high), max(min(last, high), low)),
        step=(high - low) / 200,
        key=f"ex-slider-{column.name}-{seen.epoch}",
        label_visibility="collapsed",
        format="%.3f",
    )
    return range_text(column, *chosen)


def columns(seen: View, slate: Slate) -> list[str]:
    """Which metrics the table shows."""
    there = metrics_there(slate)
    with st.popover("Columns", icon=":material/view_column:", key=f"ex-c-{seen.epoch}"):
        chosen = st.multiselect(
            "Metrics in the table",
            there,
            default=metrics_of(seen.base, slate),
            format_func=lambda key: _plain(key, slate),
            key=f"ex-show-{seen.epoch}",
        )
    seen.put("show", *([] if chosen == metrics_of(View(seen.part(("metric", "by"))), slate) else chosen))
    return metrics_of(seen, slate)


def _plain(key: str, slate: Slate) -> str:
    """A metric's name; with its variant where there are several."""
    metric, _, variant = key.partition(":")
    variants = {each.variant for each in slate.scores() if each.metric == metric}
    return metric if len(variants) < 2 else f"{metric} ({variant})"


def save_slice(seen: View, notes: Notes) -> None:
    """Keeps the present view under a name."""
    with st.popover("Save slice", icon=":material/bookmark_add:", disabled=notes.access.read_only, key="ex-save"):
        with st.form("ex-save-form", border=False, clear_on_submit=True):
            name = st.text_input("Name", max_chars=80, placeholder="wrong and unfaithful")
            if st.form_submit_button("Save", type="primary"):
                notes.save_slice(name, seen.part((*WHICH, *HOW)))
                seen.replace(slice=[" ".join(name.split())])
                st.rerun()
        for each in notes.slices():
            left, right = st.columns([4, 1], vertical_alignment="center")
            left.text(each.text)
            if right.button("Delete", key=f"ex-unslice-{each.id}", type="tertiary"):
                notes.delete(each.id)
                st.session_state["ex-undo"] = (each.id, each.text)
                st.rerun()
