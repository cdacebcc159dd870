"""home."""

from rationale_eval.ui import page

with page.frame("home"):
    page.empty("Nothing here yet", "This page is being built.")
