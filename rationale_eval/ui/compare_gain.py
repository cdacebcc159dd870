"""Normalized relative gain: one number for faithfulness, plausibility and task, relative to the systems shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rationale_eval.errors import UsageError
from rationale_eval.ui import compare_data, downloads
from rationale_eval.ui.compare_data import View
from rationale_eval.ui.compare_parts import Clicked
from rationale_eval.ui.text import md_text

if TYPE_CHECKING:
    import pandas as pd


def gain(view: View, values: pd.DataFrame) -> Clicked | None:
    """Shows the table; nothing in it can be clicked."""
    st.caption(
        "Each metric is stretched so that the worst of these systems gets 0 and the best 1; gains are averaged within "
        "faithfulness, plausibility and task, and these with equal weight (Chan et al. 2022). Controls take no part."
    )
    try:
        found, note = compare_data.gains(view)
    except UsageError as error:
        st.text(f"Not here: {error}")
        return None
    labels = {each.key: each.label for each in view.systems}
    shown = found.assign(system=[labels.get(each, each) for each in found["system"]])
    columns = [name for name in shown.columns if name != "system"]
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            name: st.column_config.ProgressColumn(name, min_value=0.0, max_value=1.0, format="%.3f") for name in columns
        },
        alt="Normalized relative gain of each system, best first.",
    )
    st.caption(md_text(note, cap=600))
    downloads.table(found, "nrg", key="gain")
    return None
