"""Compare: systems by metrics with intervals, tests between them, and what lies behind a number."""

import streamlit as st

from rationale_eval.desk.evaluations import evaluations
from rationale_eval.ui import (
    compare_data,
    compare_launch,
    compare_panels,
    compare_pickers,
    compare_tests,
    compare_views,
    page,
)
from rationale_eval.ui.compare_pictures import pictures
from rationale_eval.ui.compare_take_away import take_away

with page.frame("compare") as desk:
    compare_launch.live(desk)
    there = evaluations(desk)
    if compare_launch.asked():
        if there:
            compare_launch.back()
        compare_launch.form(desk)
    elif not there:
        compare_views.nothing()
        if compare_launch.possible(desk):
            compare_launch.button()
    else:
        compare_launch.button()
        if (view := compare_pickers.pick(desk, there)) is not None:
            table = compare_data.summary(view)
            clicked, places = compare_panels.panels(view, table)
            compare_views.open_examples(view, clicked)
            compare_views.table(view, table)
            tests = st.container()
            pictures(view, table)
            take_away(view, table)
            # Last, so that all else stands there while they run.
            with tests:
                compare_tests.show(view, table, places)
