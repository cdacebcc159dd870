"""What leaves the Compare page: tables for papers and spreadsheets, one report, the command that does the same."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import streamlit as st

from rationale_eval.errors import UsageError
from rationale_eval.ui import compare_data, downloads, page
from rationale_eval.ui.compare_data import View
from rationale_eval.verbs.make_report import about_of
from rationale_eval.verbs.report import report
from rationale_eval.verbs.side_by_side import together
from rationale_eval.verbs.systems import SLICE_FILE, command_words

if TYPE_CHECKING:
    import pandas as pd


def take_away(view: View, values: pd.DataFrame) -> None:
    """Downloads and the command."""
    st.subheader("Take away", anchor=False)
    columns = ["method", "metric", "variant", "value", "ci_low", "ci_high", "n", "coverage", "direction", "reasons"]
    summary = values.assign(method=values["label"])[columns]
    downloads.table(summary, "comparison", key="take", formats=("csv", "jsonl", "latex"))
    with st.container(horizontal=True):
        st.download_button(
            "Download report",
            data=lambda: _report(view, values),
            file_name="report.html",
            mime="text/html",
            key="take-report",
            on_click="ignore",
            icon=":material/download:",
            type="tertiary",
            help="One HTML file with charts, values, tests, definitions and where the numbers come from.",
        )
        if view.ids is not None:
            st.download_button(
                "Download the slice's ids",
                "\n".join(view.ids).encode("utf-8", "replace"),
                SLICE_FILE,
                "text/plain",
                key="take-ids",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
            )
    note = "Prints every paired test that the page shows, with the same intervals and p-values."
    if view.ids is not None:
        note += " The slice's ids are the file above."
    page.command(f"{_command(view, 'compare')}\n{_command(view, 'export')} --out report.html", note=note)


def _command(view: View, verb: str) -> str:
    there = list(dict.fromkeys(each.method for each in view.roster))
    words = command_words(
        verb,
        [each.id for each in view.chosen],
        methods=view.methods if set(view.methods) != set(there) else None,
        metrics=view.keys,
        baseline=view.baseline,
        narrowed=view.ids is not None,
    )
    return shlex.join(words)


def _report(view: View, values: pd.DataFrame) -> bytes:
    tests = together([compare_data.tests(view, key) for key in view.keys])
    try:
        gain = compare_data.gains(view)
    except UsageError:
        gain = None  # fewer than two methods, or none of the metrics it joins
    runs = [view.desk.run(each.id) for each in view.chosen]
    return report(values, tests, about_of(runs, _command(view, "compare"), view.slice), gain).encode("utf-8", "replace")
