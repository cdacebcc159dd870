"""The page Data, second part: files become a set of the workspace; what each column means is guessed and confirmed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from rationale_eval.data.folder import DEFAULT_ORDER, file_split
from rationale_eval.data.keeping import Kept
from rationale_eval.desk import datasets
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.settings import UPLOAD_MB
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import data_parts, page
from rationale_eval.ui.address import open_page
from rationale_eval.ui.numbers import count
from rationale_eval.ui.text import md_text

ROLES: Final = {
    "": "not used",
    datasets.INPUT: "input text",
    "label": "label",
    "rationale": "free-text rationale",
    "evidence": "highlights",
    "id": "id",
    "choices": "answer option",
    "answer": "open answer",
}
ENCODINGS: Final = {"": "UTF-8, or by its mark", "latin-1": "Latin-1", "cp1252": "Windows-1252"}
SPLITS: Final = (*reversed(DEFAULT_ORDER), "all")
_ACROSS: Final = 4
_MADE: Final = "made-set"


def show(desk: Desk) -> None:
    """Upload, mapping, name; and what came of it."""
    _made(desk)
    files = st.file_uploader(
        f"Files: JSONL, CSV or Parquet, up to {UPLOAD_MB} MB each; one for each split",
        accept_multiple_files=True,
        key="data-files",
        disabled=desk.access.read_only,
    )
    if not files:
        page.empty(
            "A set of your own",
            "Upload one file for each split. What a file is, is seen from its content; what its columns mean is "
            "guessed, and you confirm it. Rows that cannot be used are listed with the reason; no text is changed.",
        )
        return
    uploads = _splits(desk, files)
    if uploads is None:
        return
    encoding = None
    first = next(iter(uploads.values()))
    with st.expander("More", icon=":material/tune:"):
        encoding = st.selectbox(
            "Encoding of text files", list(ENCODINGS), format_func=lambda each: ENCODINGS[each], key="data-encoding"
        )
    raw = _look(desk, first, None, encoding or None)
    mapping = None if raw["in_schema"] else _mapping(raw)
    seen = _look(desk, first, mapping, encoding or None)
    st.subheader("What will come of it", anchor=False)
    if seen["refused"]:
        page.problem(seen["refused"])
    else:
        st.text("\n".join(seen["lines"]) or "The file is in our own schema; nothing needs to be mapped.")
        data_parts.example_table(seen["examples"], key="add", name="preview")
    _keep(desk, uploads, mapping, encoding or None, ready=not seen["refused"])


def _splits(desk: Desk, files: list[Any]) -> dict[str, str] | None:
    """Split to upload; None while two files have the same one."""
    found: dict[str, str] = {}
    twice = False
    for place, file in enumerate(files):
        upload = received(desk, file)
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        with left:
            st.text(f"{file.name}  ({file.size:,} bytes)")
        with right:
            # The name plays no part but here, where a person can see and change what it suggests.
            guess = file_split(file.name.rpartition(".")[0] or file.name)
            names = list(SPLITS)
            split = st.selectbox(
                "Split",
                names,
                index=names.index(guess) if guess in names else 0,
                key=f"data-split-{place}-{upload[:8]}",
            )
        twice = twice or split in found
        found[split] = upload
    if twice:
        page.problem("two files are said to be the same split; choose another for one of them.")
        return None
    return found


def received(desk: Desk, file: Any) -> str:
    """The SHA-256 of an uploaded file, stored once for each upload of a session."""
    known = st.session_state.setdefault("uploads", {})
    if file.file_id not in known:
        known[file.file_id] = datasets.receive(desk, file.getvalue())
    return str(known[file.file_id])


@st.cache_data(show_spinner="Reading the first rows", max_entries=64)
def _look(_desk: Desk, upload: str, mapping: Mapping[str, str] | None, encoding: str | None) -> dict[str, Any]:
    return datasets.look(_desk, upload, mapping, encoding)


def _mapping(raw: Mapping[str, Any]) -> dict[str, str]:
    """What every column is; the guess is there already."""
    columns: list[str] = raw["columns"]
    st.subheader("The first rows as they stand there", anchor=False)
    st.dataframe(pd.DataFrame(raw["rows"], columns=columns), hide_index=True, alt="First rows", key="add-raw")
    st.subheader("What the columns mean", anchor=False)
    guess = datasets.guessed(columns)
    roles: dict[str, str] = {}
    for start in range(0, len(columns), _ACROSS):
        for cell, column in zip(st.columns(_ACROSS), columns[start : start + _ACROSS], strict=False):
            with cell:
                names = list(ROLES)
                roles[column] = st.selectbox(
                    md_text(column, cap=40),
                    names,
                    index=names.index(guess.get(column, "")),
                    format_func=lambda each: ROLES[each],
                    key=f"role-{start}-{column}-{len(columns)}",
                )
    return datasets.mapping_of(roles)


def _keep(
    desk: Desk, uploads: Mapping[str, str], mapping: Mapping[str, str] | None, encoding: str | None, *, ready: bool
) -> None:
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        name = st.text_input("Name of the set", key="data-name", max_chars=60, placeholder="reviews")
    with right:
        asked = st.button(
            "Keep this set",
            type="primary",
            key="data-keep",
            disabled=not ready or not name or desk.access.read_only,
            width="stretch",
        )
    if asked:
        try:
            with st.spinner("Reading every row; up to two minutes for each split", show_time=True):
                done = datasets.keep(desk, name, uploads, mapping, encoding)
        except RationaleEvalError as error:
            page.problem(str(error))
        else:
            st.session_state[_MADE] = done
            st.rerun()
    words = ["data", "keep", *(f"{split}=FILE" for split in uploads), "--name", name or "NAME"]
    for role, column in (mapping or {}).items():
        words += ["--map", f"{role}={column}"]
    words += ["--encoding", encoding] if encoding else []
    page.command(shlex.join(["rationale-eval", *words]), note="With the names of your files for FILE.")


def _made(desk: Desk) -> None:
    """What came of the files last kept."""
    done: Kept | None = st.session_state.get(_MADE)
    if done is None:
        return
    with st.container(border=True):
        st.subheader("Kept", anchor=False)
        told = "; ".join(f"{split}: {count(rows, 'example')}" for split, rows in done.own.splits.items())
        st.text(f"{done.own.source}   {told}")
        for split, each in done.conversions.items():
            if each.rejected:
                st.text(f"{split}:")
                listed = datasets.rejected(done.own, split)
                data_parts.rejections(each.rejected, each.groups, listed, key=f"made-{split}")
        with st.container(horizontal=True):
            if st.button("Look at it", type="primary", key="data-made-look"):
                del st.session_state[_MADE]
                open_page("data", data=done.own.source, part="look")
            if st.button("Close", type="tertiary", key="data-made-close"):
                del st.session_state[_MADE]
                st.rerun()
