"""The Compare page beside its panels: the empty state, the table, what to take away, the way to the examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from rationale_eval.ui import address, downloads, page
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_parts import Clicked
from rationale_eval.ui.compare_words import cell, definition, metric_name, metric_symbol
from rationale_eval.ui.numbers import number
from rationale_eval.ui.text import md_text
from rationale_eval.verbs.html import visible
from rationale_eval.verbs.systems import System

if TYPE_CHECKING:
    import pandas as pd

SHADE: Final = "background-color: rgba(0, 114, 178, 0.2)"


def nothing() -> None:
    """No evaluation yet."""
    page.empty(
        "No evaluation yet",
        "Here the scores of systems stand side by side, with intervals and tests. An evaluation makes them; the demo "
        "on the first page trains a small model and evaluates it.",
    )
    if st.button("Start with the demo", type="primary"):
        address.open_page("home")


def open_examples(view: View, clicked: Clicked | None) -> None:
    """Leaves for the examples behind what was clicked; does nothing where nothing was."""
    if clicked is not None:
        run, method, key = clicked
        shown = {"systems": [method], "by": method, "metric": key, "order": "worst", **view.link}
        address.open_page("examples", run=run, **shown)


def table(view: View, values: pd.DataFrame) -> None:
    """The numbers of the panels: systems by metrics, and in full."""
    systems = [each for each in view.systems if (values["system"] == each.key).any()]
    keys = [key for key in view.keys if (values["key"] == key).any()]
    found = {(row.system, row.key): row for row in values.itertuples()}
    state = st.dataframe(
        _styled(found, systems, keys),
        hide_index=True,
        column_config={"system": st.column_config.TextColumn(pinned=True)}
        | {
            key: st.column_config.TextColumn(metric_symbol(key), help=definition(key), alignment="right")
            for key in keys
        },
        key="values",
        on_select="rerun",
        selection_mode="single-cell",
        alt="Systems by metrics: values with 95 % intervals; the best method of each metric is shaded.",
    )
    st.caption(
        f"Value and 95 % bootstrap interval on {md_text(view.slice or 'all examples')}. The best method is "
        "shaded; controls are never best. A click on a point or a cell opens the examples behind it, the worst first."
    )
    for row, key in state["selection"]["cells"]:
        if (systems[row].key, key) in found:
            open_examples(view, (systems[row].run, systems[row].method, key))
    with st.expander("n, coverage, and why values are missing"):
        _in_full(values)


def _styled(found: dict[tuple[str, str], Any], systems: Sequence[System], keys: Sequence[str]) -> Any:
    """Values and intervals as text, the best shaded."""
    import pandas as pd

    columns: dict[str, list[str]] = {"system": [visible(each.label, 60)[0] for each in systems]}
    for key in keys:
        rows = [found.get((each.key, key)) for each in systems]
        columns[key] = ["" if row is None else cell(row.value, row.ci_low, row.ci_high, row.undefined) for row in rows]
    style = pd.DataFrame(columns).style
    for key in keys:
        best = [place for place, each in enumerate(systems) if getattr(found.get((each.key, key)), "best", False)]
        style = style.apply(lambda column: [SHADE] * len(column), subset=pd.IndexSlice[best, [key]])
    return style


def _in_full(values: pd.DataFrame) -> None:
    st.dataframe(
        {
            "system": values["label"].tolist(),
            "metric": [metric_name(key) for key in values["key"]],
            "value": [number(each) for each in values["value"]],
            "n": values["n"].tolist(),
            "coverage": [f"{each:.1%}" for each in values["coverage"]],
            "not defined": values["undefined"].tolist(),
            "reasons": values["reasons"].tolist(),
        },
        hide_index=True,
        alt="Every value with its number of examples, and why others are left out.",
    )
    downloads.table(values.drop(columns=["key", "control"]), "comparison", key="values")
