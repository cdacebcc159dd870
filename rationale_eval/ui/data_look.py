"""The page Data, first part: what stands in a set and whether it is fit for use."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from rationale_eval.data.rejections import Group, Rejection
from rationale_eval.desk import datasets
from rationale_eval.desk.desk import Desk
from rationale_eval.ui import charts, data_parts, downloads, page
from rationale_eval.ui.address import open_page, put
from rationale_eval.ui.colours import CATEGORIES
from rationale_eval.ui.numbers import count, duration, number
from rationale_eval.ui.numbers import size as bytes_size
from rationale_eval.ui.text import md_text

FIRST_ROWS: Final = 10_000
"""Examples that are read unless every row is asked for."""

SHOWN: Final = 8
BYTES_A_SECOND: Final = 1_000_000
"""How quickly a set is read, roughly, on one core: for the time that is named before."""

SOME: Final = "the first 10,000"
EVERY: Final = "every row"
MOST_LABELS: Final = 24
BINS: Final = 30


def show(desk: Desk) -> None:
    """Pickers, pictures, tables."""
    first, second, third = st.columns([3, 1, 1])
    with first:
        value = data_parts.pick_data(desk, key=data_parts.SET)
    if value is None:
        return
    with second:
        split = data_parts.pick_split(value, key="data-split")
    with third:
        reading = st.selectbox("Read", [SOME, EVERY], key="data-read", help="Other splits are always compared whole.")
    limit = None if reading == EVERY else FIRST_ROWS
    state = datasets.state(value)
    facts(desk, value, split, limit, state)
    st.subheader("First examples", anchor=False)
    found = _preview(desk, value, split, state)
    if found["refused"]:
        page.problem(found["refused"])
    if found["lines"]:
        st.text("\n".join(found["lines"]))
    data_parts.example_table(found["examples"], key="data", name=_file_name(value, split))
    _actions(desk, value, split)
    page.command(
        "\n".join(
            [
                shlex.join(["rationale-eval", "data", "check", value, "--split", split]),
                shlex.join(["rationale-eval", "data", "show", value, "--split", split]),
            ]
        )
    )


@st.fragment
def facts(desk: Desk, value: str, split: str, limit: int | None, state: str) -> None:
    """Numbers, warnings and pictures; may take seconds the first time."""
    seconds = datasets.size(value, split) / BYTES_A_SECOND
    rows = f"{limit:,} rows" if limit else "every row"
    with st.spinner(
        f"Reading {rows} of {bytes_size(seconds * BYTES_A_SECOND)}: up to {duration(seconds + 2)}", show_time=True
    ):
        report = _report(desk, value, split, limit, state)
    _numbers(report)
    if report["warnings"]:
        st.warning("\n".join(f"- {md_text(each)}" for each in report["warnings"]), icon=":material/warning:")
    else:
        st.success("Nothing suspicious was found.", icon=":material/check:")
    left, right = st.columns(2)
    with left:
        _labels(report)
        _marked(report)
    with right:
        _lengths(report["lengths"], "Words in an example", "examples", key="lengths")
        if report["with_text"]:
            _lengths(report["text_lengths"], "Words in the free-text rationale", "rationales", key="text-lengths")
    _leaks(report)
    groups = [
        Group(each["field"], each["reason"], each["count"], [Rejection(**row) for row in each["first"]])
        for each in report["groups"]
    ]
    own = datasets.own_set(desk, value)
    if own is not None and own.about.get("rejected", {}).get(split):
        st.subheader("Rows left out when it was taken in", anchor=False)
        data_parts.rejections(own.about["rejected"][split], [], datasets.rejected(own, split), key="kept")
    if groups:
        st.subheader("Rows that cannot be used", anchor=False)
        data_parts.rejections(report["rejected"], groups, None, key="data")


@st.cache_data(show_spinner=False, max_entries=64)
def _report(_desk: Desk, value: str, split: str, limit: int | None, state: str) -> dict[str, Any]:
    return datasets.report(_desk, value, split, limit)


@st.cache_data(show_spinner=False, max_entries=64)
def _preview(_desk: Desk, value: str, split: str, state: str) -> dict[str, Any]:
    return datasets.preview(_desk, value, split, SHOWN)


def _numbers(report: Mapping[str, Any]) -> None:
    rows = report["rows"]
    with st.container(horizontal=True):
        st.metric("Examples", f"{rows:,}", border=True)
        st.metric(
            "With highlights", _share(report["with_evidence"], rows), border=True, help="Words that people marked."
        )
        st.metric("With free text", _share(report["with_text"], rows), border=True, help="Reasons that people wrote.")
        st.metric("Words marked", _percent(report["marked_share"]), border=True, help="Mean share, where annotated.")
        st.metric(
            "Duplicates", f"{report['duplicates']:,}", border=True, help="Examples whose inputs stood there before."
        )
        st.metric("Without label", f"{report['unlabelled']:,}", border=True)
    st.caption(md_text(f"{report['split']} split, task {report['task']}, {report['word_rule']} words"))


def _share(part: int, rows: int) -> str:
    return f"{part / rows:.0%}" if rows else "none"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"


def _labels(report: Mapping[str, Any]) -> None:
    labels = dict(list(report["labels"].items())[:MOST_LABELS])
    if not labels:
        return
    made = charts.figure(height=64 + 30 * len(labels), x="examples", legend=False)
    names = [charts.label(name) for name in labels]
    made.add_bar(
        x=list(labels.values()),
        y=[f"{name} " for name in names],
        orientation="h",
        marker_color=CATEGORIES[0],
        text=[f"{each:,}" for each in labels.values()],
        textangle=0,
        hovertemplate="%{y}: %{x:,}<extra></extra>",
    )
    made.update_yaxes(autorange="reversed", type="category")
    st.markdown("**Labels**")
    charts.show(
        made, key="labels", alt="Examples by label: " + "; ".join(f"{name} {n:,}" for name, n in labels.items())
    )
    if len(report["labels"]) > MOST_LABELS:
        st.caption(f"{len(report['labels']) - MOST_LABELS:,} more labels are not drawn.")


def _lengths(counts: Mapping[str, int], x: str, y: str, *, key: str) -> None:
    found = {int(words): number_ for words, number_ in counts.items()}
    if not found:
        return
    low, high = min(found), max(found)
    step = max(1, -(-(high - low + 1) // BINS))
    bins = [0] * ((high - low) // step + 1)
    for words, number_ in found.items():
        bins[(words - low) // step] += number_
    starts = [low + step * place for place in range(len(bins))]
    made = charts.figure(height=220, x="words", y=y, legend=False)
    made.add_bar(
        x=[start + (step - 1) / 2 for start in starts],
        y=bins,
        width=step * 0.92,
        marker_color=CATEGORIES[2],
        customdata=[f"{start}" if step == 1 else f"{start} to {start + step - 1}" for start in starts],
        hovertemplate="%{customdata} words: %{y:,}<extra></extra>",
    )
    st.markdown(f"**{x}**")
    total = sum(found.values())
    mean = sum(words * number_ for words, number_ in found.items()) / total
    charts.show(made, key=key, alt=f"{x}: from {low} to {high}, {number(mean)} on average, {total:,} {y}.")


def _marked(report: Mapping[str, Any]) -> None:
    shares = report["marked_shares"]
    if not shares:
        return
    step = 100 / len(shares)
    made = charts.figure(height=240, x="share of the words that is marked (%)", y="examples", legend=False)
    made.add_bar(
        x=[step * (place + 0.5) for place in range(len(shares))],
        y=list(shares),
        width=step * 0.92,
        marker_color=CATEGORIES[1],
        customdata=[f"{step * place:.0f} to {step * (place + 1):.0f}" for place in range(len(shares))],
        hovertemplate="%{customdata} % marked: %{y:,}<extra></extra>",
    )
    st.markdown("**Share of the words that people marked**")
    charts.show(made, key="marked", alt=f"Share of marked words; the mean is {_percent(report['marked_share'])}.")
    annotators = {int(known): each for known, each in report["annotators"].items()}
    if set(annotators) - {1}:
        told = "; ".join(f"{each:,} by {count(known, 'annotator')}" for known, each in sorted(annotators.items()))
        st.caption(f"Highlights: {told}.")
    if report["nothing_marked"]:
        st.caption(f"In {report['nothing_marked']:,} of them nothing is marked.")


def _leaks(report: Mapping[str, Any]) -> None:
    if not report["overlap"]:
        return
    st.markdown("**Does it leak?** Examples of this split whose inputs also stand in another one.")
    rows = [
        {
            "other split": split,
            "the same": same,
            "the same but for case, spaces and punctuation": report["near_overlap"][split] - same,
            "share": (report["near_overlap"][split]) / report["rows"] if report["rows"] else 0.0,
        }
        for split, same in report["overlap"].items()
    ]
    import pandas as pd

    frame = pd.DataFrame(rows)
    st.dataframe(
        frame,
        hide_index=True,
        key="leaks",
        alt="Examples that also stand in other splits",
        column_config={"share": st.column_config.NumberColumn("share of this split", format="percent")},
    )
    downloads.table(frame, "leakage", key="leaks-file")


def _actions(desk: Desk, value: str, split: str) -> None:
    with st.container(horizontal=True):
        if st.button("Train on it", icon=":material/model_training:", key="data-train"):
            open_page("train", data=value)
        own = datasets.own_set(desk, value)
        if own is not None and st.button(
            "Delete this set",
            icon=":material/delete:",
            key="data-delete",
            disabled=desk.access.read_only,
            help="It can be brought back.",
        ):
            gone = datasets.delete(desk, value)
            data_parts.deleted(gone.id, gone.name)
            st.session_state.pop(data_parts.SET, None)
            put(data=None)
            st.rerun()
    st.caption("The whole split, as our schema (exact) or for a spreadsheet:")
    with st.container(horizontal=True):
        for each in ("jsonl", "csv", "parquet"):
            st.download_button(
                f"Download {each.upper()}",
                data=lambda each=each: datasets.exported(desk, value, split, each),  # type: ignore[misc]
                file_name=f"{_file_name(value, split)}.{each}",
                key=f"data-export-{each}",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
            )


def _file_name(value: str, split: str) -> str:
    base = value.rstrip("/").rpartition("/")[2]
    plain = "".join(character if character.isalnum() or character in "-_" else "-" for character in base)
    return f"{plain[:40] or 'data'}-{split}"
