"""Outcomes of tests under a panel, as chips: "a > b" where one is better, "a ≈ b" where it could be chance."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from streamlit.delta_generator import DeltaGenerator

from rationale_eval.ui.numbers import count, number
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


def chips(place: DeltaGenerator, whole: pd.DataFrame, rows: pd.DataFrame, key: str) -> None:
    """Writes the outcome of one metric's tests.

    Args:
        place: Where.
        whole: All tests, corrected together.
        rows: Corpus values of the metric.
        key: The metric.
    """
    metric, _, variant = key.partition(":")
    tests = whole[(whole["metric"] == metric) & (whole["variant"] == variant)] if len(whole) else whole
    if not len(tests):
        place.caption("One system has this metric; nothing to test.")
        return
    chosen, note = list(tests.itertuples()), ""
    if len(chosen) > ALL_PAIRS:
        lower = tests["direction"].iloc[0] == "lower"
        ranked = rows.dropna(subset="value").sort_values("value", ascending=lower, kind="stable")["system"].tolist()
        near = {frozenset(pair) for pair in pairwise(ranked)}
        neighbours = [each for each in chosen if frozenset((each.first, each.second)) in near]
        if neighbours:
            chosen = sorted(neighbours, key=lambda each: min(ranked.index(each.first), ranked.index(each.second)))
            note = f"<span class='tie'>all {len(tests)} pairs below</span>"
    labels = dict(zip(rows["system"], rows["label"], strict=True))
    place.html(f"{_STYLE}<div class='chips'>{''.join(_chip(each, labels) for each in chosen)}{note}</div>")


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
