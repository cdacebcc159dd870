"""The page Data, third part: predictions and rationales that another tool made, checked against a set row by row."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

import streamlit as st

from rationale_eval.data.align import Merge
from rationale_eval.data.store import Kind
from rationale_eval.desk import datasets
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.settings import UPLOAD_MB
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import data_parts, page
from rationale_eval.ui.data_add import received
from rationale_eval.ui.numbers import count
from rationale_eval.verbs.import_run import ImportRun, Order

KINDS: Final[Mapping[Kind, str]] = {
    "scores": "word scores",
    "predictions": "predictions",
    "texts": "free-text rationales",
}
TEACHES: Final[Mapping[Kind, str]] = {
    "scores": "One row an example with `id`, `scores` and, unless there is one number for each word, `tokens`; "
    "or one row a token with `id`, `token`, `score`.",
    "predictions": "One row an example with `id` and `label`, or `probabilities`.",
    "texts": "One row an example with `id` and `rationale`, and the `target` it argues for where that is known.",
}
MERGES: Final[Mapping[Merge, str]] = {"sum": "their sum", "mean": "their mean", "max": "the greatest"}
_KINDS: Final[list[Kind]] = list(KINDS)
_MERGES: Final[list[Merge]] = list(MERGES)
_DONE: Final = "import-done"


def show(desk: Desk) -> None:
    """Set, kind, file; and what came of it."""
    first, second, third = st.columns([3, 1, 2])
    with first:
        value = data_parts.pick_data(desk, key="import-set")
    if value is None:
        return
    with second:
        split = data_parts.pick_split(value, key="import-split")
    with third:
        kind = st.selectbox("What the rows hold", _KINDS, format_func=lambda each: KINDS[each], key="import-kind")
    st.caption(TEACHES[kind])
    left, right = st.columns(2)
    with left:
        name = st.text_input("Name of the method or system", key="import-name", max_chars=80, placeholder="my-method")
    with right:
        merge: Merge = "sum"
        if kind == "scores":
            merge = st.selectbox(
                "A word of several tokens gets", _MERGES, format_func=lambda each: MERGES[each], key="import-merge"
            )
    file = st.file_uploader(
        f"JSONL, CSV or Parquet made by the other tool, up to {UPLOAD_MB} MB",
        key="import-file",
        disabled=desk.access.read_only,
    )
    order = Order(value, split, kind, name, merge)
    asked = st.button(
        "Check and import",
        type="primary",
        key="import-go",
        disabled=file is None or not name or desk.access.read_only,
    )
    if asked and file is not None:
        try:
            with st.spinner("Checking every row; up to two minutes", show_time=True):
                st.session_state[_DONE] = datasets.import_outputs(desk, received(desk, file), order), order
        except RationaleEvalError as error:
            st.session_state.pop(_DONE, None)
            page.problem(str(error))
    if _DONE in st.session_state:
        _result(*st.session_state[_DONE])
    page.command(
        Order(value, split, kind, name or "NAME", merge).command("FILE"), note="With the name of your file for FILE."
    )


def _result(done: ImportRun, order: Order) -> None:
    with st.container(border=True):
        if done.run is None:
            st.subheader("Nothing was imported", anchor=False)
            st.caption("Every row must fit, or later comparisons would be about different examples. These do not:")
            data_parts.rejections(done.rejected, done.groups, done.listed, key="import")
            return
        st.subheader("Imported", anchor=False)
        st.text(f"{done.name}: {count(done.rows, 'row')}, kept as run:{done.run.id}")
        told = {name: number for name, number in done.facts.items() if name not in ("labelled", "right")}
        if done.facts.get("labelled"):
            st.metric("Accuracy", f"{done.facts['right'] / done.facts['labelled']:.1%}", border=True, width="content")
        if told:
            st.text("; ".join(f"{name}: {number:,}" for name, number in told.items()))
        if order.kind == "predictions":
            return
        option = "--scores" if order.kind == "scores" else "--texts"
        words = [
            "rationale-eval",
            "evaluate",
            "--data",
            order.data,
            "--split",
            str(order.split),
            option,
            f"run:{done.run.id}",
        ]
        st.caption("They are evaluated like rationales made here:")
        st.code(shlex.join(words), language="bash", wrap_lines=True)
