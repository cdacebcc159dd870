"""data."""

from rationale_eval.ui import page

with page.frame("data"):
    page.empty("Nothing here yet", "This page is being built.")
