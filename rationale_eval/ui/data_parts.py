"""What the three parts of the page Data share: which part is shown, the pickers, lists of rejected rows, undo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from rationale_eval.data.rejections import Group
from rationale_eval.desk import choices, datasets
from rationale_eval.desk.desk import Desk
from rationale_eval.ui import downloads
from rationale_eval.ui.address import get, put
from rationale_eval.ui.numbers import count
from rationale_eval.verbs.export_set import flat

PARTS: Final = {"look": "Look at a set", "add": "Add a set", "import": "Import outputs"}
SET: Final = "data-set"
"""Key of the picker of the first part."""

_DELETED: Final = "deleted-set"


def picked() -> str:
    """The part that is shown, by its name in the address."""
    wanted = get("part", "look")
    shown = wanted if wanted in PARTS else "look"
    part = st.segmented_control(
        "What to do",
        list(PARTS),
        format_func=lambda each: PARTS[each],
        default=shown,
        key=f"data-part-{shown}",
        label_visibility="collapsed",
        required=True,
    )
    if part != shown:
        put(part=part)
        st.rerun()
    return shown


def pick_data(desk: Desk, *, key: str) -> str | None:
    """A picker of data sets; remembered under `data`."""
    offers = {each.value: each for each in choices.data_sets(desk)}
    values = list(offers)
    wanted = get("data")
    if wanted is not None and wanted not in offers:
        st.caption("The data set of this address is not offered here.")
    value = st.selectbox(
        "Data set",
        values,
        index=values.index(wanted) if wanted in offers else 0,
        format_func=lambda each: (
            f"{offers[each].label}  ({offers[each].about})" if offers[each].about else offers[each].label
        ),
        key=key,
    )
    put(data=value)
    return str(value) if value is not None else None


def pick_split(value: str, *, key: str) -> str:
    """A picker of the splits of a set; remembered under `split`."""
    names = datasets.splits(value)
    wanted = get("split")
    split = st.selectbox("Split", names, index=names.index(wanted) if wanted in names else 0, key=f"{key}-{value}")
    put(split=split)
    return str(split)


def rejections(total: int, groups: Sequence[Group], listed: Path | None, *, key: str) -> None:
    """Rows left out: how many for each reason with the first of them, and all to take away.

    Args:
        total: Rows left out.
        groups: By reason.
        listed: A JSONL file of the rows, one each.
        key: Unique on the page.
    """
    if not total:
        return
    st.caption(f"{count(total, 'row')}, by reason:")
    rows = [
        {
            "rows": each.count,
            "field": each.field or "",
            "reason": each.reason,
            "first rows": ", ".join(str(one.row) for one in each.first if one.row is not None),
        }
        for each in groups
    ]
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, alt=f"{len(rows)} reasons why rows were left out", key=f"{key}-reasons"
    )
    lines = _lines(listed)
    if lines:
        frame = pd.DataFrame(lines, columns=["row", "field", "reason"])
        if len(lines) < total:
            st.caption(f"The first {len(lines):,} of them can be downloaded one by one.")
        downloads.table(frame, "rejected-rows", key=f"{key}-rejected")


def _lines(listed: Path | None) -> list[dict[str, Any]]:
    if listed is None or not listed.is_file():
        return []
    return [json.loads(line) for line in listed.read_text(encoding="utf-8").splitlines()]


def deleted(id: str, name: str) -> None:
    """Remembers what was deleted last, so that it can be brought back."""
    st.session_state[_DELETED] = (id, name)


def undo(desk: Desk) -> None:
    """After a deletion: what was deleted, and a button that brings it back."""
    found = st.session_state.get(_DELETED)
    if found is None:
        return
    id, name = found
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.text(f"The set {name} is put aside.")
        if st.button("Undo", icon=":material/undo:", key="data-undo"):
            back = datasets.restore(desk, id)
            del st.session_state[_DELETED]
            st.session_state.pop(SET, None)  # the picker begins anew with what the address says
            put(data=back.source, part="look")
            st.rerun()
        if st.button("Close", type="tertiary", key="data-undo-close"):
            del st.session_state[_DELETED]
            st.rerun()


def example_table(records: Sequence[Mapping[str, Any]], *, key: str, name: str) -> None:
    """Examples as a table: inputs, label by its name, first rationale, what is marked."""
    rows = [_row(record) for record in records]
    frame = pd.DataFrame(rows)
    st.dataframe(frame, hide_index=True, alt=f"The first {len(rows)} examples", key=f"{key}-examples")
    downloads.table(frame, name, key=f"{key}-examples-file")


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    row = flat(record)
    evidence = record.get("evidence")
    parts = [record["inputs"][name][start:end] for name, spans in (evidence or {}).items() for start, end in spans]
    del row["evidence"]
    return row | {"marked": "" if evidence is None else " … ".join(parts) or "(nothing)"}
