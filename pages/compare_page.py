"""compare."""

from rationale_eval.ui import page

with page.frame("compare"):
    page.empty("Nothing here yet", "This page is being built.")
