"""probe."""

from rationale_eval.ui import page

with page.frame("probe"):
    page.empty("Nothing here yet", "This page is being built.")
