"""Which differences are more than chance: chips under the panels, and the table of all tests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from rationale_eval.ui import compare_data, downloads
from rationale_eval.ui.compare_chips import chips
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_words import metric_name
from rationale_eval.ui.numbers import count, duration, interval, number
from rationale_eval.verbs.side_by_side import together

if TYPE_CHECKING:
    import pandas as pd


SLOW: Final = 100_000
"""Systems, squared, times examples: from here on the tests of one metric may take a second."""


def show(view: View, table: pd.DataFrame, places: Mapping[str, DeltaGenerator]) -> None:
    """Tests what the panels show; chips under them, and all tests here."""
    whole = _judge(view, table, places)
    _all_tests(view, whole)


def _judge(view: View, table: pd.DataFrame, places: Mapping[str, DeltaGenerator]) -> pd.DataFrame:
    """Tests metric by metric, with the time that is left, and writes the outcome under each panel.

    Args:
        view: The selection.
        table: Corpus values.
        places: Where the chips go, by metric.

    Returns:
        All tests, corrected together; empty where there is nothing to test.
    """
    keys, began = list(places), time.monotonic()
    tables: list[pd.DataFrame] = []
    bar = st.empty()
    if len(view.systems) ** 2 * max(each.examples for each in view.chosen) > SLOW:
        bar.progress(0.0, text=f"Testing 1 of {len(keys):d} metrics")
    for done, key in enumerate(keys):
        if done and time.monotonic() - began > 0.5:
            left = (time.monotonic() - began) / done * (len(keys) - done)
            bar.progress(done / len(keys), text=f"Testing {done + 1:d} of {len(keys):d} metrics, {duration(left)} left")
        tables.append(compare_data.tests(view, key))
    bar.empty()
    whole = together(tables)
    for key, place in places.items():
        chips(place, whole, table[table["key"] == key], key)
    return whole


def _all_tests(view: View, whole: pd.DataFrame) -> None:
    if not len(whole):
        return
    labels = {each.key: each.label for each in view.systems}
    clear = int((whole["better"] != "").sum())
    with st.expander(f"All {count(len(whole), 'paired test')}: {clear:,} clear, {len(whole) - clear:,} ties"):
        st.caption(
            "Corrected by Holm over all tests shown; permutation tests swap whole clusters, right-or-wrong metrics get "
            "McNemar's test. Clear: corrected p below 0.05. A tie is no proof that two systems are equal."
        )
        shown = whole.assign(key=whole["metric"] + ":" + whole["variant"])
        st.dataframe(
            {
                "metric": [metric_name(each) for each in shown["key"]],
                "first": [labels.get(each, each) for each in shown["first"]],
                "second": [labels.get(each, each) for each in shown["second"]],
                "difference": [number(each) for each in shown["difference"]],
                "95 % interval": [interval(*each) for each in zip(shown["ci_low"], shown["ci_high"], strict=True)],
                "p": [number(each) for each in shown["p"]],
                "p (Holm)": [number(each) for each in shown["p_holm"]],
                "pairs": shown["n_pairs"].tolist(),
                "better": [labels.get(each, each) if each else "tie" for each in shown["better"]],
                "test": shown["test"].tolist(),
            },
            hide_index=True,
            alt="Every paired test with its difference, interval and p-values.",
        )
        downloads.table(whole, "tests", key="tests")
