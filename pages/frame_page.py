"""Whether the metrics of free-text rationales can be trusted on this data."""

import streamlit as st

from rationale_eval.ui import address, frame_cards, frame_examples, frame_launch, frame_pick, frame_pictures, page

with page.frame("frame") as desk:
    frame_launch.live(desk)
    known = frame_pick.finished(desk)
    if not known:
        page.empty(
            "No audit yet",
            "An audit holds metrics of free-text rationales to three axioms, a leakage check and people's ratings, and "
            "gives each metric a scorecard on your data.",
        )
        frame_launch.form(desk)
    elif address.get(frame_pick.NEW):
        if st.button("Back to the scorecards", icon=":material/arrow_back:", type="tertiary"):
            address.put(**{frame_pick.NEW: None})
            st.rerun()
        frame_launch.form(desk)
    else:
        views, cards = frame_pick.pick(desk, known)
        frame_pick.describe(views)
        frame_cards.show(cards)
        frame_pictures.show(views, cards)
        frame_cards.table(cards)
        for view in views:
            if view.command is not None:
                page.command(view.command)
        frame_examples.show(views, cards)
