"""methods."""

from rationale_eval.ui import page

with page.frame("methods"):
    page.empty("Nothing here yet", "This page is being built.")
