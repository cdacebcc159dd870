"""All that is known of one metric, method, recipe, prompt or perturbation."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from rationale_eval.desk.facts import Fact
from rationale_eval.ui import page
from rationale_eval.ui.definitions import definitions
from rationale_eval.ui.text import md_text


def show(fact: Fact, variant: str = "") -> None:
    """Draws one record.

    Args:
        fact: The record.
        variant: The variant that was asked for, marked in the list of variants.
    """
    st.header(md_text(fact.title), anchor=False)
    st.caption(md_text(f"{fact.name} · {fact.family.replace('_', ' ')}"))
    st.text(fact.what)
    if fact.formula:
        st.code(fact.formula, language=None, wrap_lines=True)
        st.caption(md_text(fact.notation, cap=600))
    if fact.avoid:
        with st.container(border=True, gap="xsmall"):
            st.caption(":material/do_not_disturb_on: When not to use it")
            st.text(fact.avoid)
    lines = [*fact.lines, *((("Version", str(fact.version)),) if fact.version is not None else ())]
    if fact.cite:
        lines.append(("Source", fact.cite))
    definitions(lines)
    for name, text in fact.texts:
        if text:
            st.caption(md_text(name))
            st.code(text, language=None, wrap_lines=True)
    if fact.variants:
        _table(
            "Variants", [(f"{name}  (asked for)" if name == variant else name, how) for name, how in fact.variants],
            ("variant", "parameters"),
        )  # fmt: skip
    if fact.knobs:
        _table("What can be set", fact.knobs, ("name", "default", "what"))


def reproduce(fact: Fact) -> None:
    """The command that says the same on a terminal, where there is one."""
    words = {
        "method": ("extract", "--data", "bundled/nli", "--methods", "list"),
        "recipe": ("train", fact.name, "--describe"),
        "prompt": ("generate", "--prompt", "list"),
    }.get(fact.kind)
    if words is not None:
        page.reproduce(*words)


def _table(title: str, rows: Sequence[tuple[str, ...]], columns: tuple[str, ...]) -> None:
    st.subheader(title, anchor=False)
    st.dataframe(pd.DataFrame(list(rows), columns=list(columns)), hide_index=True, width="stretch")
