"""The table of the page Examples: twenty rows; a click on a row opens the example, one on a column's head sorts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from rationale_eval.desk.slate import Column, Slate
from rationale_eval.desk.slate_query import PAGE, Places, rows
from rationale_eval.desk.systems import is_control
from rationale_eval.ui.examples_view import View
from rationale_eval.ui.numbers import ARROWS
from rationale_eval.ui.text import md_text

HEIGHT: Final = 330
"""Pixels: some ten rows at once, so that the example below stays in sight; the others are a turn of the wheel away."""

ROW_HEIGHT: Final = 29
MOST_ANSWERS: Final = 3
ID: Final = "example_id"


def table(seen: View, slate: Slate, places: Places, at: int, shown: Sequence[Column], starred: frozenset[str]) -> None:
    """Draws one page.

    Args:
        seen: The view.
        slate: What is looked at.
        places: The wanted examples, in order.
        at: Which of them is open.
        shown: Scores to show.
        starred: Ids that carry a star.
    """
    start = at // PAGE * PAGE
    part = places[start : start + PAGE]
    frame, heads = page_of(slate, part, shown, starred)
    frame.insert(0, "open", ["▸" if start + row == at else "" for row in range(len(frame))])
    config: dict[str, Any] = {
        "open": st.column_config.TextColumn("", width=28),
        "number": st.column_config.NumberColumn("#", width=56, help="Place in the data set."),
        "text": st.column_config.TextColumn("text", width="large" if len(heads) < 3 else "medium"),
        "gold": st.column_config.TextColumn("gold", width=96),
        "answer": st.column_config.TextColumn("answer", width=108),
        "star": st.column_config.TextColumn("star", width=48),
    }
    for name, column in heads.items():
        about = f"{md_text(column.metric)} ({md_text(column.variant)}) of {md_text(column.system)}"
        config[name] = st.column_config.NumberColumn(format="%.3f", width=112, help=about)
    ids = rows(slate, part, [ID])[ID].tolist() if len(part) else []
    key = f"ex-table-{seen.epoch}-{start}-{hash((tuple(part.tolist()), tuple(heads)))}"
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=min(HEIGHT, ROW_HEIGHT * (len(frame) + 1) + 3),
        row_height=ROW_HEIGHT,
        column_config=config,
        on_select=_selected,
        selection_mode=["single-cell", "single-column"],
        alt=f"{len(frame):d} of {len(places):,d} examples with label, answers and scores; a click opens one below",
    )
    st.session_state["ex-rows"] = (key, seen, ids, heads)


def pages(seen: View, slate: Slate, places: Places, at: int) -> None:
    """The pages of the table; another one opens its first example."""
    if len(places) <= PAGE:
        return
    now = at // PAGE + 1
    key = f"ex-page-{seen.epoch}-{now}"  # another widget once another page is shown by other means
    st.pagination(-(-len(places) // PAGE), default=now, key=key, on_change=_turned, args=(seen, slate, places, key))


def _turned(seen: View, slate: Slate, places: Places, key: str) -> None:
    first = (int(st.session_state[key]) - 1) * PAGE
    seen.put("example", str(rows(slate, [int(places[first])], [ID])[ID].iloc[0]))


def _selected() -> None:
    key, seen, ids, heads = st.session_state["ex-rows"]
    chosen = st.session_state[key]["selection"]
    for row, _ in chosen.get("cells", []):
        if row < len(ids):
            seen.put("example", ids[row])
    for name in chosen.get("columns", []):
        column = heads.get(name)
        if column is None:
            seen.replace(order=())
            continue
        same = seen.one("metric") == column.key and seen.one("by") == column.system and seen.one("order") == "worst"
        seen.replace(metric=[column.key], by=[column.system], order=["best" if same else "worst"], example=())


def page_of(
    slate: Slate, part: Places | Sequence[int], shown: Sequence[Column], starred: frozenset[str]
) -> tuple[pd.DataFrame, dict[str, Column]]:
    """Rows as people read them.

    Returns:
        The table, and which of its columns are which scores.
    """
    controls = {name for name in slate.about.systems if is_control(name)}
    answers = [each for each in slate.about.columns if each.role == "answer" and each.system not in controls]
    answers = answers[:MOST_ANSWERS]
    rights = {each.system: each for each in slate.about.columns if each.role == "right"}
    fixed = ["place", ID, "start", "gold"]
    found = rows(slate, part, [*fixed, *(each.name for each in (*answers, *rights.values(), *shown))])
    frame = pd.DataFrame({"number": found["place"] + 1, "text": found["start"].where(found["start"] != "", found[ID])})
    if slate.about.gold:
        frame["gold"] = found["gold"]
    for each in answers:
        name = "answer" if len(answers) == 1 else f"answer {each.system}"
        wrong = found[rights[each.system].name].eq(False)
        frame[name] = found[each.name].fillna("none").where(~wrong, found[each.name] + " ✗")
    heads: dict[str, Column] = {}
    alone, single = len({each.key for each in shown}) == 1, len({each.system for each in shown}) == 1
    for each in shown:
        # A table that shows one metric needs its name once, in the choice of columns; the heads then have room.
        words = [each.system] if alone else [each.metric] if single else [each.metric, each.system]
        name = " ".join([*words, ARROWS.get(each.direction, "")]).strip()
        name = f"{name} {each.variant}" if name in heads else name
        heads[name] = each
        frame[name] = found[each.name]
    frame["star"] = ["★" if id in starred else "" for id in found[ID]]
    return frame, heads
