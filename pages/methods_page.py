"""What each metric, method and recipe computes, and when not to use it."""

import streamlit as st

from rationale_eval.ui import address, methods_detail, methods_list, page

with page.frame("methods") as desk:
    found = methods_list.pick(methods_list.known(desk))
    if found:
        left, right = st.columns([2, 5], gap="large")
        with left:
            picked = methods_list.one_of(found)
        with right:
            variant = (address.get("metric") or "").partition(":")[2]
            methods_detail.show(picked, variant if picked.kind == "metric" else "")
            methods_detail.reproduce(picked)
    methods_list.complete(desk)
