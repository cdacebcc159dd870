"""frame."""

from rationale_eval.ui import page

with page.frame("frame"):
    page.empty("Nothing here yet", "This page is being built.")
