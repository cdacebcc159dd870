"""A job that was checked without loading its model: what a run is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.verbs.job import SomeJob
from rationale_eval.workspace.runs import Run, Workspace


@dataclass(frozen=True, slots=True)
class Checked(Generic[SomeJob]):
    """A job on one data set, checked as far as that goes without loading its model.

    Args:
        job: With every name resolved.
        data: The data set.
    """

    job: SomeJob
    data: RationaleDataset

    @property
    def fingerprint(self) -> str:
        """Content hash of what the work depends on besides the job."""
        return self.data.fingerprint()

    def new_run(self, workspace: Workspace, about: Mapping[str, Any] | None = None) -> Run:
        """A run of its own for the job, to be worked on by the caller.

        Args:
            workspace: Where it is kept.
            about: title, owner, group, parent of the run.
        """
        job = self.job
        return workspace.create_run(
            job.kind,  # type: ignore[arg-type]
            job.record(),
            data=job.data,
            fingerprint=self.fingerprint,
            seed=job.seed,
            command=job.command(),
            about={"title": job.title(), **(about or {})},
        )


def require_same(run: Run, fingerprint: str) -> None:
    """Refuses to work on other data than a run was made for."""
    if fingerprint != run.provenance["data_fingerprint"]:
        raise UsageError(f"the data of run {run.id} changed since it was submitted; start a new run.")
