"""Checking and submitting jobs, which needs recipes and methods, and so torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rationale_eval.verbs import jobs
from rationale_eval.workspace.runs import Workspace


def hello(workspace: Workspace) -> dict[str, Any]:
    """Loads what every later question needs; says that it is there."""
    return {"workspace": str(workspace.path)}


def submit_job(workspace: Workspace, job: Mapping[str, Any], placing: Mapping[str, Any]) -> dict[str, str]:
    """Checks a job and queues it; see `verbs.jobs.submit`."""
    run = jobs.submit(dict(job), workspace=workspace, placing=_given(placing))
    return {"id": run.id}


def retry_run(workspace: Workspace, id: str, changes: Mapping[str, str], placing: Mapping[str, Any]) -> dict[str, str]:
    """Asks for the same as a run once more; see `verbs.jobs.retry`."""
    return {"id": jobs.retry(workspace.get(id), changes, placing=_given(placing)).id}


def _given(placing: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in placing.items() if value is not None}
