"""What an audit is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from rationale_eval.verbs.job import Job
from rationale_eval.workspace.runs import Workspace

METRICS: Final = ("simulatability", "rq", "las", "rev", "rora", "masked_rq")


class AuditConfig(Job):
    """Which metrics of free text are held to the axioms, on which data, by which protocol."""

    kind: Literal["audit"] = "audit"
    data: str = Field(description="Name of a data set, or a folder of splits: one to learn from, one to evaluate on.")
    limit: int | None = Field(
        None, ge=50, description="Training examples for the task model, drawn at random; sets train_limit."
    )
    split: str | None = Field(None, description="The split to evaluate on; test, else validation when not given.")
    train_split: str = Field("train", description="The split that task model and simulators learn from.")
    metrics: tuple[str, ...] = Field(METRICS, description="Metrics; a name alone means its pt and its np variant.")
    ratings: str | None = Field(None, description="Explanations that people rated, in the form of feb_human_eval.")
    protocol: dict[str, Any] = Field(default_factory=dict, description="Knobs of the protocol: seeds=3.")

    def resolved(self, workspace: Workspace) -> AuditConfig:
        """See `Job.resolved`; the ratings are named by whole path too."""
        found = super().resolved(workspace)
        path = None if self.ratings is None else Path(self.ratings)
        writer = self.protocol.get("paraphraser")
        if writer is not None and Path(writer).exists():
            found = found.model_copy(update={"protocol": self.protocol | {"paraphraser": str(Path(writer).absolute())}})
        return found.model_copy(update={"ratings": str(path.absolute()) if path and path.exists() else self.ratings})

    def title(self) -> str:
        """The job in a few words, for lists."""
        return f"audit of {', '.join(self.metrics)} on {super().title().rpartition(' on ')[2]}"

    def words(self) -> Iterator[str]:
        """The words of the command line that ask for the same."""
        yield from super().words()
        if self.split is not None:
            yield from ("--split", self.split)
        yield from ("--train-split", self.train_split, "--metrics", ",".join(self.metrics))
        if self.ratings is not None:
            yield from ("--ratings", self.ratings)
        for name, value in self.protocol.items():
            text = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
            yield from ("--set", f"{name}={text}")
