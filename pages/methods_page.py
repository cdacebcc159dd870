"""What each metric, method and recipe computes, and when not to use it."""

import streamlit as st

from rationale_eval.ui import address, methods_detail, methods_list, page

with page.frame("methods") as desk:
    known = methods_list.everything(desk)
    left, right = st.columns([2, 3], gap="large")
    with left:
        asked = (address.get("metric") or "").partition(":")[2]
        picked = methods_list.pick(known)
    with right:
        if picked is not None:
            methods_detail.show(picked, asked if picked.kind == "metric" else "")
    if picked is not None and picked.kind == "recipe":
        page.reproduce("train", picked.name, "--describe")
    elif picked is not None and picked.kind == "method":
        page.reproduce("extract", "--list")
