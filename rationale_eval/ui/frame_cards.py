"""Scorecards: for each metric and data set three numbers with intervals, two under them, PT and NP side by side."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from rationale_eval.desk import audits
from rationale_eval.desk.audit_latex import latex
from rationale_eval.desk.audits import Card, Check
from rationale_eval.ui import address, downloads, figures
from rationale_eval.ui.frame_words import WORDS
from rationale_eval.ui.numbers import interval, number
from rationale_eval.ui.terms import term
from rationale_eval.ui.text import md_text

FIRST, SECOND = ("reference", "perturbation", "robustness"), ("leakage", "people")
"""The three axioms, and under them the checks of our own."""

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
                st.subheader(md_text(metric), anchor=False, help=term(metric), width="content")
                st.caption(md_text(data), width="content")
                if st.button(
                    "Pictures",
                    icon=":material/insights:",
                    type="tertiary",
                    key=f"pictures-{run}-{metric}",
                    help="Show the pictures of this metric under the cards.",
                ):
                    address.put(picture=f"{run}:{metric}")
            if len(variants) == 1:
                _numbers(variants[0], (FIRST + SECOND,))
            # Two to a row, so that PT and NP of one kind stand side by side.
            for start in range(0, len(variants) if len(variants) > 1 else 0, 2):
                for column, card in zip(st.columns(2, gap="large"), variants[start : start + 2], strict=False):
                    with column:
                        _numbers(card, (FIRST, SECOND))


def _numbers(card: Card, rows: Sequence[tuple[str, ...]]) -> None:
    """The numbers of one variant, in rows."""
    st.markdown(f"**{md_text(variant_name(card.variant))}**", help=term(card.variant))
    for names in rows:
        for column, name in zip(st.columns(max(map(len, rows))), names, strict=False):
            with column:
                _figure(card, card.checks[name])


def _figure(card: Card, check: Check) -> None:
    """A number, its interval, the verdict and the reason."""
    words, found = WORDS[check.name], check.headline
    with st.container(gap=None):
        st.caption(words.number)
        if found is None:
            st.text("–", help=term(words.term))
        elif st.button(
            md_text(number(found[1].value)),
            type="tertiary",
            key=f"{figures.PREFIX}{card.run}-{card.key}-{check.name}",
            help=f"{term(words.term)} Wanted: {words.wanted}. Press to see the examples behind it.",
        ):
            address.put(behind=f"{check.name}/{found[0]}", card=f"{card.run}:{card.key}")
        st.caption(md_text(interval(found[1].low, found[1].high)) or "no interval" if found else "no value")
        st.caption(f"**{md_text(check.verdict)}**: {md_text(check.why)}")


def variant_name(name: str) -> str:
    """A variant as people write it: PT, NP leaking."""
    kind, _, rest = name.partition("_")
    said = {"pt": "PT", "np": "NP"}.get(kind, kind)
    return f"{said} {rest.replace('_', ' ')}".strip() if kind in ("pt", "np") else name.replace("_", " ")


def table(cards: Sequence[Card]) -> None:
    """The same numbers as a table to take away."""
    found = audits.table(cards)
    with st.expander("All numbers as a table", icon=":material/table:"):
        st.dataframe(found, hide_index=True, alt="Scorecards: verdict, number and interval of every check")
        downloads.table(found, "scorecards", key="scorecards")
        downloads.text(lambda: latex(cards), "scorecards.tex", "Download LaTeX", key="scorecards-latex")
