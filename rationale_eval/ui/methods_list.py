"""The list of everything there is to use, searched and filtered; what is picked stands in the address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from rationale_eval.desk import facts
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.facts import KINDS, Fact
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import address, page
from rationale_eval.ui.numbers import count
from rationale_eval.ui.text import md_text

_ALL: Final = "all"


def everything(desk: Desk) -> list[Fact]:
    """Metrics, and all else that the warm process knows; without it the metrics alone, and a sentence why."""
    metrics = _metrics()
    try:
        with st.spinner("Reading the records of methods and recipes; the first time takes some seconds."):
            return [*metrics, *facts.other_facts(facts.warm_facts(desk))]
    except RationaleEvalError as error:
        page.problem(f"Only metrics can be shown: {error}")
        return metrics


@st.cache_data(max_entries=1, show_spinner=False)
def _metrics() -> list[Fact]:
    return facts.metric_facts()


def pick(known: Sequence[Fact]) -> Fact | None:
    """Search box, filters and list; returns what is picked, or None where nothing fits."""
    kind = _kind()
    words = st.text_input(
        "Search",
        value=address.get("search", "") or "",
        placeholder="a name, a word, an author",
        icon=":material/search:",
        label_visibility="collapsed",
        key="methods-search",
    )
    kinds = [each for each in KINDS if any(one.kind == each for one in known)]
    if words.strip():
        found = facts.chosen(known, words=words)
        kinds = [each for each in kinds if any(one.kind == each for one in found)]
        if not kinds:
            address.put(search=words)
            st.caption(f"Nothing mentions {md_text(words)}. Fewer or shorter words find more.")
            return None
        kind = kind if kind in kinds else kinds[0]
    else:
        found = list(known)
    kind = (
        st.segmented_control(
            "Kind",
            kinds,
            default=kind if kind in kinds else kinds[0],
            format_func=lambda each: f"{KINDS[each]} ({sum(one.kind == each for one in found)})",
            label_visibility="collapsed",
            key=f"methods-kind-{'-'.join(kinds)}",
        )
        or kinds[0]
    )
    found = facts.chosen(found, kind=kind)
    family = _family(kind, list(facts.families(found)))
    found = facts.chosen(found, kind=kind, family=family)
    picked = _one_of(kind, found)
    address.put(search=words or None, kind=kind, **{kind: picked.name})
    return picked


def _kind() -> str:
    """From the address: named outright, or by the thing itself as in `?recipe=unirex`."""
    if "kind" in st.query_params:
        return str(st.query_params["kind"])
    named = next((each for each in KINDS if each in st.query_params), None)
    return named or address.get("kind") or "metric"


def _family(kind: str, known: Sequence[str]) -> str | None:
    if len(known) < 2:
        return None
    asked = address.get("family")
    picked = st.pills(
        "Family",
        known,
        default=asked if asked in known else None,
        format_func=lambda each: each.replace("_", " "),
        label_visibility="collapsed",
        key=f"methods-family-{kind}-{'-'.join(known)}",
    )
    address.put(family=picked)
    return picked


def _one_of(kind: str, found: Sequence[Fact]) -> Fact:
    asked = (address.get(kind) or "").partition(":")[0]
    names = [each.name for each in found]
    st.caption(f"{count(len(found), 'entry', 'entries')}")
    with st.container(height=460, border=True):
        name = st.radio(
            "What to show",
            names,
            index=names.index(asked) if asked in names else 0,
            format_func=lambda each: each.replace("_", " "),
            label_visibility="collapsed",
            key=f"methods-{kind}-{'-'.join(names)}",
        )
    return next(each for each in found if each.name == name)
