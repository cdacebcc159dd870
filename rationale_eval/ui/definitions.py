"""Facts in two columns: a name, and what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from rationale_eval.ui.text import html_text

_LIST: Final = (
    "display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.35rem 1.25rem;margin:0;padding:0;"
    "font-size:.9rem;overflow-wrap:anywhere"
)


def definitions(lines: Sequence[tuple[str, str]]) -> None:
    """Draws names and what they are; both may be outside text."""
    rows = "".join(
        f'<dt style="opacity:.7">{html_text(name)}</dt><dd style="margin:0">{html_text(value)}</dd>'
        for name, value in lines
    )
    st.html(f'<dl style="{_LIST}">{rows}</dl>')
