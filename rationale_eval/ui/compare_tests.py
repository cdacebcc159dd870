"""Which differences are more than chance: chips under the panels, and the table of all tests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from rationale_eval.desk.comparing import together
from rationale_eval.ui import compare_data, downloads
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_words import metric_name
from rationale_eval.ui.numbers import count, duration, interval, number
from rationale_eval.verbs.html import html_text

if TYPE_CHECKING:
    import pandas as pd

ALL_PAIRS: Final = 6
"""Pairs up to which each gets a chip; beyond, neighbours in rank do, and the table has the rest."""

_STYLE: Final = """<style>
.chips {display: flex; flex-wrap: wrap; gap: 4px; font-size: 0.8rem; padding-bottom: 4px}
.chips span {border: 1px solid rgba(128, 128, 128, 0.35); border-radius: 10px; padding: 0 8px; white-space: nowrap;
 overflow: hidden; text-overflow: ellipsis; max-width: 100%}
.chips span.clear {border-color: rgba(0, 114, 178, 0.8); font-weight: 600}
.chips span.tie {opacity: 0.75; border-style: dashed}
</style>"""


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
    for done, key in enumerate(keys):
        if time.monotonic() - began > 0.5:
            left = (time.monotonic() - began) / done * (len(keys) - done)
            bar.progress(done / len(keys), text=f"Testing {done + 1} of {len(keys)} metrics, {duration(left)} left")
        tables.append(compare_data.tests(view, key))
    bar.empty()
    whole = together(tables)
    for key, place in places.items():
        place.html(_chips(whole, table[table["key"] == key], key, {each.key: each.label for each in view.systems}))
    return whole


def _chips(whole: pd.DataFrame, rows: pd.DataFrame, key: str, labels: Mapping[str, str]) -> str:
    metric, _, variant = key.partition(":")
    tests = whole[(whole["metric"] == metric) & (whole["variant"] == variant)] if len(whole) else whole
    if not len(tests):
        return f"{_STYLE}<div class='chips'>One system has this metric; nothing to test.</div>"
    chosen, note = list(tests.itertuples()), ""
    if len(chosen) > ALL_PAIRS:
        lower = tests["direction"].iloc[0] == "lower"
        ranked = rows.dropna(subset="value").sort_values("value", ascending=lower, kind="stable")["system"].tolist()
        near = {frozenset(pair) for pair in pairwise(ranked)}
        neighbours = [each for each in chosen if frozenset((each.first, each.second)) in near]
        if neighbours:
            chosen = sorted(neighbours, key=lambda each: min(ranked.index(each.first), ranked.index(each.second)))
            note = f"<span class='tie'>all {len(tests)} pairs below</span>"
    return f"{_STYLE}<div class='chips'>{''.join(_chip(each, labels) for each in chosen)}{note}</div>"


def _chip(test: Any, labels: Mapping[str, str]) -> str:
    first, second = (labels.get(name, name) for name in (test.first, test.second))
    if test.better == test.second:
        first, second = second, first
    hover = (
        f"difference {number(abs(test.difference))}, p {number(test.p)}, corrected {number(test.p_holm)}, "
        f"{count(test.n_pairs, 'pair')}, {test.test}"
    )
    name = f"{html_text(first, cap=40)} {'&gt;' if test.better else '≈'} {html_text(second, cap=40)}"
    return f"<span class='{'clear' if test.better else 'tie'}' title=\"{html_text(hover)}\">{name}</span>"


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
