"""What leaves the Compare page: tables for papers and spreadsheets, one report, the command that does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rationale_eval.ui import downloads, page
from rationale_eval.ui.compare_data import View

if TYPE_CHECKING:
    import pandas as pd


def take_away(view: View, values: pd.DataFrame) -> None:
    """Downloads and the command."""
    st.subheader("Take away", anchor=False)
    columns = ["method", "metric", "variant", "value", "ci_low", "ci_high", "n", "coverage", "direction", "reasons"]
    summary = values.assign(method=values["label"])[columns]
    downloads.table(summary, "comparison", key="take", formats=("csv", "jsonl", "latex"))
    words = ["compare", *(each.id for each in view.chosen)]
    there = list(dict.fromkeys(each.method for each in view.roster))
    if set(view.methods) != set(there):
        words += ["--method", ",".join(view.methods)]
    words += ["--metric", ",".join(view.keys)]
    if view.baseline:
        words += ["--baseline", view.baseline]
    note = "Prints every paired test that the page shows, with the same intervals and p-values."
    if view.ids is not None:
        words += ["--ids", "slice.txt"]
        note += " Save the slice's ids first:"
        st.download_button(
            "Download the slice's ids",
            "\n".join(view.ids).encode("utf-8", "replace"),
            "slice.txt",
            "text/plain",
            key="ids",
            on_click="ignore",
            type="tertiary",
            icon=":material/download:",
        )
    page.reproduce(*words, note=note)
