"""The dashboard's frame: safety check, login gate, navigation. Start it with `rationale-eval ui`."""

import streamlit as st

from rationale_eval.ui import gate, pages, safety

st.set_page_config(page_title="rationale_eval", page_icon=str(pages.ICON), layout="wide")
safety.require()
gate.require()
pages.navigation().run()
