"""home."""

from rationale_eval.desk.overview import overview
from rationale_eval.ui import home_parts, page, train_run

with page.frame("home") as desk:
    train_run.undo(desk)
    found = overview(desk)
    if found.empty:
        home_parts.nothing(desk)
    else:
        home_parts.live(desk, found)
        home_parts.stopped(desk, found)
        home_parts.latest(desk, found)
        home_parts.counts(found)
        home_parts.starts(desk)
    page.reproduce("runs", "list", "--workspace", str(desk.workspace.path))
