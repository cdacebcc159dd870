"""What verbs that start a run have in common: where the work is done, and what is said then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rationale_eval.commands.output import say, show
from rationale_eval.errors import UsageError

if TYPE_CHECKING:
    from rationale_eval.verbs.job import Job
    from rationale_eval.workspace.run import Run

Queue = Annotated[bool, typer.Option("--queue", help="Only put the run into the queue; a worker will start it.")]
Detach = Annotated[
    bool, typer.Option("--detach", help="Start the run in a process of its own, which outlives this terminal.")
]
Group = Annotated[
    str | None,
    typer.Option("--group", help="Name of the group of runs it belongs to.", metavar="NAME", show_default=False),
]
Priority = Annotated[int, typer.Option("--priority", help="With --queue: higher goes first.")]


def submit_job(
    job: Job,
    workspace: Path | None,
    *,
    detach: bool,
    placing: dict[str, Any] | None = None,
    as_json: bool = False,
) -> None:
    """Submits a job and, if wanted, starts its process; says how to go on.

    Args:
        job: The job.
        workspace: The workspace.
        detach: Start it at once.
        placing: See `jobs.submit`.
        as_json: Whether to print JSON.
    """
    from rationale_eval.verbs.jobs import submit
    from rationale_eval.workspace.runs import Workspace as Place

    run = submit(job, workspace=Place(workspace), placing=placing)
    begin(run, detach=detach, as_json=as_json)


def begin(run: Run, *, detach: bool, as_json: bool) -> None:
    """Starts the process of a queued run, or leaves that to a worker; says which, and what to do next."""
    from rationale_eval.workspace.after import needs

    started = False
    if detach:
        from rationale_eval.workspace.worker import start

        started = start(run)
    if as_json:
        value = {"run": run.id, "state": run.status.state, "started": started, "folder": str(run.folder)}
        show([], as_json=True, value=value)
    elif started:
        show([{"run": run.id, "state": "started in a process of its own"}])
    else:
        show([{"run": run.id, "state": "queued"}])
    if started:
        say(f"next: rationale-eval runs watch {run.id}")
    elif detach:
        wanted = needs(run).coming
        why = f"it needs run {wanted[0]}, which is not finished" if wanted else "every device it may use is taken"
        say(f"{why}, so it waits; next: rationale-eval worker, which starts it in its turn")
    else:
        say("next: rationale-eval worker, which works on what is queued; --once ends it when nothing is left")


@contextmanager
def stoppable() -> Iterator[None]:
    """Says how to go on with what Ctrl-C stopped."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if str(stop):
            say(f"rationale-eval: {stop}")
        raise


def one_way(*, queue: bool, detach: bool) -> None:
    """Refuses both at once."""
    if queue and detach:
        raise UsageError("--queue leaves the start to a worker and --detach starts at once; choose one.")
