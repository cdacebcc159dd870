"""More pictures of a comparison, one at a time, so that only what is looked at is computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import streamlit as st

from rationale_eval.ui import address
from rationale_eval.ui.compare_by_slice import by_slice
from rationale_eval.ui.compare_curves import curves
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_gain import gain
from rationale_eval.ui.compare_parts import Clicked
from rationale_eval.ui.compare_spread import distributions
from rationale_eval.ui.compare_trade_off import trade_off
from rationale_eval.ui.compare_views import open_examples
from rationale_eval.ui.text import md_text

if TYPE_CHECKING:
    import pandas as pd

PICTURES: Final[dict[str, Callable[[View, pd.DataFrame], Clicked | None]]] = {
    "Curves over k": curves,
    "Distributions": distributions,
    "Trade-off": trade_off,
    "Relative gain": gain,
    "By slice": by_slice,
}


@st.fragment
def pictures(view: View, values: pd.DataFrame) -> None:
    """One picture, chosen above it; the page around it stays."""
    st.subheader("Look closer", anchor=False)
    names = list(PICTURES)
    asked = address.get("picture")
    chosen = st.segmented_control(
        "Picture",
        names,
        default=asked if asked in names else names[0],
        required=True,
        format_func=md_text,
        label_visibility="collapsed",
        key="compare-picture",
    )
    address.put(picture=chosen if chosen != names[0] else None)
    open_examples(view, PICTURES[chosen or names[0]](view, values))
