"""Scorecards: for each metric and data set three numbers with intervals, two under them, PT and NP side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rationale_eval.desk import audits
from rationale_eval.desk.audits import Card, Check
from rationale_eval.ui import address, downloads, figures
from rationale_eval.ui.frame_words import WORDS
from rationale_eval.ui.numbers import interval, number
from rationale_eval.ui.terms import term
from rationale_eval.ui.text import md_text

Group = tuple[str, str, str]
"""Audit, data set, metric."""


def groups(cards: Sequence[Card]) -> dict[Group, list[Card]]:
    """Cards of one metric on one data set stand together."""
    found: dict[Group, list[Card]] = {}
    for card in cards:
        found.setdefault((card.run, card.data, card.metric), []).append(card)
    return found


def show(cards: Sequence[Card]) -> None:
    """Draws all cards."""
    figures.style()
    for (run, data, metric), variants in groups(cards).items():
        with st.container(border=True, key=f"card-{run}-{metric}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.subheader(md_text(metric), anchor=False, help=term(metric))
                st.caption(md_text(data))
                if st.button(
                    "Pictures",
                    icon=":material/insights:",
                    type="tertiary",
                    key=f"pictures-{run}-{metric}",
                    help="Show the pictures of this metric under the cards.",
                ):
                    address.put(picture=f"{run}:{metric}")
            # Two to a row, so that PT and NP of one kind stand side by side.
            for start in range(0, len(variants), 2):
                for column, card in zip(st.columns(2, gap="large"), variants[start : start + 2], strict=False):
                    with column:
                        _half(card)


def _half(card: Card) -> None:
    st.markdown(f"**{md_text(_variant(card.variant))}**", help=term(card.variant))
    for column, name in zip(st.columns(3), ("reference", "perturbation", "robustness"), strict=True):
        with column:
            _figure(card, card.checks[name])
    for column, name in zip(st.columns(3), ("leakage", "people"), strict=False):
        with column:
            _figure(card, card.checks[name])


def _figure(card: Card, check: Check) -> None:
    """A number, its interval, the verdict and the reason."""
    words, found = WORDS[check.name], check.headline
    with st.container(gap="xsmall"):
        st.caption(words.number, help=f"{term(words.term)} Wanted: {words.wanted}.")
        if found is None:
            st.text("–")
        elif st.button(
            md_text(number(found[1].value)),
            type="tertiary",
            key=f"{figures.PREFIX}{card.run}-{card.key}-{check.name}",
            help="Show the examples behind this number.",
        ):
            address.put(behind=f"{check.name}/{found[0]}", card=f"{card.run}:{card.key}")
        st.caption(md_text(interval(found[1].low, found[1].high) if found else "") or "no interval")
        st.caption(f"**{md_text(check.verdict)}**: {md_text(check.why)}")


def _variant(name: str) -> str:
    kind, _, rest = name.partition("_")
    said = {"pt": "PT", "np": "NP"}.get(kind, kind)
    return f"{said} {rest.replace('_', ' ')}".strip() if kind in ("pt", "np") else name.replace("_", " ")


def table(cards: Sequence[Card]) -> None:
    """The same numbers as a table to take away."""
    found = audits.table(cards)
    with st.expander("All numbers as a table", icon=":material/table:"):
        st.dataframe(found, hide_index=True, alt="Scorecards: verdict, number and interval of every check")
        downloads.table(found, "scorecards", key="scorecards", formats=("csv", "jsonl", "latex"))
