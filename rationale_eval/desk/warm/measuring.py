"""A few steps of a training, timed; asked of a process of its own, which ends afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rationale_eval.errors import UsageError
from rationale_eval.verbs.job import TrainJob
from rationale_eval.verbs.jobs import read_job
from rationale_eval.verbs.measuring import measure
from rationale_eval.workspace.runs import Workspace


def measure_job(workspace: Workspace, job: Mapping[str, Any]) -> dict[str, Any]:
    """See `verbs.measuring.measure`."""
    one = read_job(job)
    if not isinstance(one, TrainJob):
        raise UsageError("only trainings are measured.")
    return measure(one, workspace)
