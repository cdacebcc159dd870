"""train."""

import streamlit as st

from rationale_eval.ui import page, train_form, train_launch, train_list, train_run
from rationale_eval.ui.address import opened_run

with page.frame("train") as desk:
    train_run.undo(desk)
    opened = opened_run()
    if opened is not None:
        train_run.view(desk, opened)
    else:
        if train_list.any_live(desk):
            train_list.live(desk)
        left, right = st.columns([2, 1], gap="large")
        with left:
            asked = train_form.steps(desk)
        with right:
            if asked is not None:
                train_launch.panel(desk, *asked)
        train_list.table(desk)
        if asked is not None:
            train_launch.reproduce(asked[0])
