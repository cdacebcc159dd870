"""examples."""

from rationale_eval.ui import page

with page.frame("examples"):
    page.empty("Nothing here yet", "This page is being built.")
