"""Probe: edit an example and watch the decision move."""

from rationale_eval.ui import page, probe_bench, probe_pick, probe_start

with page.frame("probe") as desk:
    offers = probe_pick.models(desk)
    if not offers:
        probe_start.empty(desk)
    elif (picked := probe_pick.row(desk, offers)) is not None:
        subject = probe_start.open_subject(desk, picked)
        if subject is not None:
            probe_bench.body(desk, probe_pick.asker(desk), subject)
