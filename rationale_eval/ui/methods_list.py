"""The list of everything there is to use, searched and filtered; what is picked stands in the address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from rationale_eval.desk import facts
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.facts import KINDS, Fact
from rationale_eval.errors import RationaleEvalError
from rationale_eval.ui import address, page
from rationale_eval.ui.numbers import count
from rationale_eval.ui.text import md_text


def known(desk: Desk) -> list[Fact]:
    """Everything; until the warm process has answered for the first time, the metrics alone."""
    metrics = _metrics()
    kept = facts.kept_facts(desk)
    if kept is None and _kind() != "metric":
        kept = _asked(desk)
    return [*metrics, *(facts.other_facts(kept) if kept else ())]


def complete(desk: Desk) -> None:
    """At the end of a page that shows metrics alone: waits for the rest, and shows it when it is there."""
    if facts.kept_facts(desk) is None and _asked(desk) is not None:
        st.rerun()


def _asked(desk: Desk) -> dict[str, Any] | None:
    try:
        with st.spinner("Reading the records of methods and recipes; this takes some seconds, once."):
            return facts.warm_facts(desk)
    except RationaleEvalError as error:
        page.problem(f"Only metrics can be shown: {error}")
        return None


@st.cache_data(max_entries=1, show_spinner=False)
def _metrics() -> list[Fact]:
    return facts.metric_facts()


def pick(listed: Sequence[Fact]) -> list[Fact]:
    """Search box and filters, in one row; returns what fits, all of one kind, and says so where nothing does."""
    kind = _kind()
    left, right = st.columns([2, 5], vertical_alignment="bottom")
    with left:
        words = st.text_input(
            "Search",
            value=address.get("search", "") or "",
            placeholder="a name, a word, an author",
            icon=":material/search:",
            label_visibility="collapsed",
            key="methods-search",
        )
    found = facts.chosen(listed, words=words)
    kinds = [each for each in KINDS if any(one.kind == each for one in found)]
    address.put(search=words or None)
    if not kinds:
        page.empty("Nothing found", "Fewer or shorter words find more; the search looks at names, texts and authors.")
        return []
    kind = kind if kind in kinds else kinds[0]
    with right:
        kind = (
            st.segmented_control(
                "Kind",
                kinds,
                default=kind,
                format_func=lambda each: f"{KINDS[each]} ({sum(one.kind == each for one in found)})",
                label_visibility="collapsed",
                key=f"methods-kind-{'-'.join(kinds)}",
            )
            or kind
        )
    address.put(kind=kind)
    found = facts.chosen(found, kind=kind)
    return facts.chosen(found, kind=kind, family=_family(kind, found))


def _kind() -> str:
    """From the address: named outright, or by the thing itself as in `?recipe=unirex`."""
    if "kind" in st.query_params:
        return str(st.query_params["kind"])
    named = next((each for each in KINDS if each in st.query_params), None)
    return named or address.get("kind") or "metric"


def _family(kind: str, found: Sequence[Fact]) -> str | None:
    known = list(facts.families(found))
    if len(known) < 2:
        return None
    # Who comes by a link to one entry sees it among its relatives.
    linked = next((each.family for each in found if each.name == _asked_for(kind)), None)
    asked = address.get("family", linked)
    picked = st.pills(
        "Family",
        known,
        default=asked if asked in known else None,
        format_func=lambda each: md_text(each.replace("_", " ")),
        label_visibility="collapsed",
        key=f"methods-family-{kind}-{'-'.join(known)}",
    )
    address.put(family=picked)
    return picked


def one_of(found: Sequence[Fact]) -> Fact:
    """The list; returns what is picked."""
    kind, names = found[0].kind, [each.name for each in found]
    asked = _asked_for(kind)
    st.caption(count(len(found), "entry", "entries"))
    with st.container(height=min(560, 48 + 23 * len(names)), border=True):
        name = st.radio(
            "What to show",
            names,
            index=names.index(asked) if asked in names else 0,
            format_func=md_text,
            label_visibility="collapsed",
            key=f"methods-{kind}-{'-'.join(names)}",
        )
    if asked != name:
        address.put(**{kind: name})
    return next(each for each in found if each.name == name)


def _asked_for(kind: str) -> str:
    """The name in the address, without a metric's variant."""
    return (address.get(kind) or "").partition(":")[0]
