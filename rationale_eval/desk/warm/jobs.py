"""Checking and submitting jobs, which needs recipes and methods, and so torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from rationale_eval.errors import UsageError
from rationale_eval.verbs import jobs
from rationale_eval.verbs.job import TrainJob
from rationale_eval.verbs.sweep import Event, members, train_many
from rationale_eval.workspace.queue import waiting
from rationale_eval.workspace.quotas import Quotas
from rationale_eval.workspace.runs import Run, Workspace


def hello(workspace: Workspace) -> dict[str, Any]:
    """Loads what every later question needs; says that it is there."""
    import_module("rationale_eval.desk.warm.probe")
    return {"workspace": str(workspace.path)}


def submit_job(workspace: Workspace, job: Mapping[str, Any], placing: Mapping[str, Any]) -> dict[str, str]:
    """Checks a job and queues it; see `verbs.jobs.submit`."""
    run = jobs.submit(dict(job), workspace=workspace, placing=_given(placing))
    return {"id": run.id}


def retry_run(workspace: Workspace, id: str, changes: Mapping[str, str], placing: Mapping[str, Any]) -> dict[str, str]:
    """Asks for the same as a run once more; see `verbs.jobs.retry`."""
    return {"id": jobs.retry(workspace.get(id), changes, placing=_given(placing)).id}


def sweep(
    workspace: Workspace,
    job: Mapping[str, Any],
    seeds: Sequence[int],
    grid: Mapping[str, Sequence[Any]],
    owner: str | None = None,
) -> dict[str, Any]:
    """Queues a group of trainings; see `verbs.sweep.train_many`."""
    one = jobs.read_job(job)
    if not isinstance(one, TrainJob):
        raise UsageError("only trainings are asked for in groups.")
    wanted = members(one, seeds=seeds, grid=grid)
    workspace.prepare()
    held, room = len(waiting(workspace)), Quotas.of(workspace.path).queue_length
    if held + len(wanted) > room:
        raise UsageError(
            f"this asks for {len(wanted)} trainings; the queue holds {room}, and {held} are waiting in it. Ask for "
            "fewer, or let some finish."
        )
    jobs.JOBS[one.kind].check(next(iter(wanted.values())), workspace)
    told: list[tuple[str, Event]] = []

    def hear(title: str, event: Event, run: Run | None) -> None:
        told.append((title, event))

    group = train_many(one, seeds=seeds, grid=grid, workspace=workspace, queue=True, told=hear, owner=owner)
    return {"group": group.id, "members": told}


def _given(placing: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in placing.items() if value is not None}
