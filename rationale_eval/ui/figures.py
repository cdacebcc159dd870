"""Numbers that stand large and lead to the examples behind them."""

from __future__ import annotations

from typing import Final

import streamlit as st

PREFIX: Final = "figure-"
"""Keys of buttons that begin so are drawn large."""

_STYLE: Final = (
    '<style>[class*="st-key-figure-"] button{padding:0;min-height:0;justify-content:flex-start}'
    '[class*="st-key-figure-"] button p{font-size:1.45rem;font-weight:600;font-variant-numeric:tabular-nums}</style>'
)


def style() -> None:
    """To be called once on a page, before its figures."""
    st.html(_STYLE)
