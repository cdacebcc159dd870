"""The demonstration as queued runs of one group: those that read the result of another one wait for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from rationale_eval.desk.desk import Desk
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.verbs import demo_jobs
from rationale_eval.verbs.job import Job
from rationale_eval.verbs.run_list import Listed
from rationale_eval.workspace.queue import waiting
from rationale_eval.workspace.quotas import Quotas
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.status import RESUMABLE

GROUP: Final = "demo"
RUNS: Final = 5

TITLES: Final = (
    "Train a model on the bundled examples",
    "Explain its decisions and score the rationales",
    "Have a language model explain",
    "Score its texts",
    "Audit the metrics of texts",
)

_starting = threading.Lock()


def start(desk: Desk, *, seed: int = 0) -> list[Run]:
    """Queues the demonstration, unless it is at work already.

    Returns:
        Its runs, in the order in which they are done.

    Raises:
        UsageError: If the queue has no room for all of them; none is queued then.
        NotAllowed: In a read-only dashboard.
    """
    desk.access.require_change("start the demonstration")
    with _starting:  # two people who press the button at once get the same runs
        live = [each for each in members(desk) if each.row.state in ("queued", "starting", "running")]
        if live:
            return [desk.run(each.row.id) for each in live]
        desk.workspace.prepare()
        room = Quotas.of(desk.workspace.path).queue_length - len(waiting(desk.workspace))
        if room < RUNS:
            raise UsageError(f"the queue has room for {max(0, room)} more runs, and the demonstration is {RUNS}.")
        return _queue(desk, seed)


def _queue(desk: Desk, seed: int) -> list[Run]:
    made: list[Run] = []

    def launch(job: Job) -> Run:
        run = desk.launch(job.model_dump(mode="json"), group=GROUP, title=TITLES[len(made)])
        made.append(run)
        return run

    try:
        trained = launch(demo_jobs.training(seed=seed))
        launch(demo_jobs.evaluation(trained.id, seed=seed))
        texts = launch(demo_jobs.generation(seed=seed))
        launch(demo_jobs.text_evaluation(texts.id, seed=seed))
        launch(demo_jobs.audit(seed=seed))
    except RationaleEvalError:
        for run in reversed(made):
            desk.cancel(run.id)
        raise
    return made


def members(desk: Desk) -> list[Listed]:
    """The runs of the newest demonstration, in the order in which they are done."""
    return sorted(desk.runs(group=GROUP, limit=RUNS), key=lambda each: each.row.id)


def resume(desk: Desk, found: Sequence[Listed]) -> None:
    """Resumes those that have stopped, first the ones that others wait for.

    Raises:
        UsageError: If one of them cannot go on.
        NotAllowed: In a read-only dashboard.
    """
    for each in found:
        if each.row.state in RESUMABLE:
            desk.resume(each.row.id)
