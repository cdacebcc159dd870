"""train."""

from rationale_eval.ui import page

with page.frame("train"):
    page.empty("Nothing here yet", "This page is being built.")
