"""The examples behind a number of a card: the texts of its sources and their scores, in a window of its own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from rationale_eval.axioms.files import SCORES
from rationale_eval.desk import audit_examples
from rationale_eval.desk.audit_examples import Behind, source_name
from rationale_eval.desk.audits import AuditView, Card
from rationale_eval.ui import address, downloads
from rationale_eval.ui.frame_words import WORDS
from rationale_eval.ui.numbers import count, interval, number
from rationale_eval.ui.text import md_text

_EFFECTS = {"equivalent": "keeps the meaning", "contrastive": "changes the meaning"}


def show(views: list[AuditView], cards: list[Card]) -> None:
    """Opens the window if the address names a number."""
    run, _, key = (address.get("card") or "").partition(":")
    check, _, name = (address.get("behind") or "").partition("/")
    card = next((each for each in cards if each.run == run and each.key == key), None)
    if card is None or check not in card.checks or name not in card.checks[check].numbers:
        return
    view = next(each for each in views if each.run == run)
    _window(view, card, check, name)


def _close() -> None:
    address.put(card=None, behind=None)


@st.dialog("Examples behind this number", width="large", on_dismiss=_close)
def _window(view: AuditView, card: Card, check: str, name: str) -> None:
    shown = card.checks[check].numbers[name]
    st.markdown(md_text(f"{WORDS[check].title}: {card.key} on {card.data}"))
    st.caption(
        md_text(
            f"{' '.join(filter(None, (_name(check, name), number(shown.value), interval(shown.low, shown.high))))}, "
            f"{count(shown.seeds, 'seed')}. Click a row to read its texts; click a head to sort."
        )
    )
    found = _behind(str(view.folder), (view.folder / SCORES).stat().st_mtime_ns, card, check, name)
    rows = found.rows
    if rows.empty:
        st.text("No example has a value here.")
        return
    state = st.dataframe(
        _headed(rows, found.sources),
        hide_index=True,
        height=min(440, 38 + 35 * len(rows)),
        on_select="rerun",
        selection_mode="single-row",
        key=f"behind-{card.run}-{card.key}-{check}-{name}",
        alt=f"Examples with texts and scores of {count(len(found.sources), 'source')}",
    )
    picked = list(state["selection"]["rows"]) if state else []
    _texts(rows.iloc[picked[0]] if picked else rows.iloc[0], found.sources)
    downloads.table(rows, "examples_behind", key="behind", formats=("csv", "jsonl"))


@st.cache_data(max_entries=32, show_spinner="Reading the scores")
def _behind(folder: str, changed: int, card: Card, check: str, name: str) -> Behind:
    return audit_examples.behind(Path(folder), card, check, name)


def _texts(row: pd.Series, sources: tuple[str, ...]) -> None:
    """One example in full."""
    if row.get("input"):
        st.caption("Input")
        st.text(str(row["input"]))
    if isinstance(row.get("answer"), str) and row["answer"]:
        st.caption(f"The system's answer: {md_text(row['answer'])}")
    for source in ("generated", "edited") if "edit" in row else sources:
        text, score = row.get(f"text: {source}"), row.get(f"score: {source}")
        if text is None or (isinstance(text, float) and text != text):
            continue
        words = _edit(row["edit"]) if source == "edited" else source_name(source)
        scored = number(None if pd.isna(score) else float(score))
        with st.container(border=True, gap="xsmall"):
            st.caption(md_text(f"{words}, score {scored}"))
            st.text(str(text) or "(empty)")


def _headed(rows: pd.DataFrame, sources: tuple[str, ...]) -> pd.DataFrame:
    """Columns as people call them, the difference and the scores in front."""
    found = rows.copy()
    if "edit" in found:
        found["edit"] = [_edit(name) for name in found["edit"]]
    front = [name for name in ("difference", "rating", "edit") if name in found]
    scores = [name for name in found if str(name).startswith("score: ")]
    rest = [name for name in found if name not in front and name not in scores]
    found = found[[*front, *scores, *(name for name in rest if name != "seed"), "seed"]]
    if rows["seed"].nunique() < 2:
        found = found.drop(columns="seed")
    return found.rename(columns=lambda name: _head(str(name)))


def _head(name: str) -> str:
    kind, parted, source = name.partition(": ")
    return f"{kind}: {source_name(source)}" if parted else name.replace("_", " ")


def _edit(name: str) -> str:
    return f"{source_name(name)} ({_EFFECTS.get(name.partition('/')[0], '')})"


def _name(check: str, name: str) -> str:
    if name.startswith(("margin_", "gap", "relative", "explaining", "rho")):
        return WORDS[check].number
    return source_name(name)
