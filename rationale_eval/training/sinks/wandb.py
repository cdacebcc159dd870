"""Weights & Biases: a project there, or offline files (`WANDB_MODE=offline`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rationale_eval.training.sinks.record import Sink, Subject

PROJECT: Final = "rationale_eval"
STEP: Final = "optimizer_step"


class WandB:
    """Logs to Weights & Biases.

    Args:
        target: The project.
    """

    def __init__(self, target: str | None):
        self.target = target or PROJECT
        self._run: Any = None

    def open(self, subject: Subject) -> None:
        """Begins or goes on with an entry of the run's id."""
        import wandb

        self._run = wandb.init(
            project=self.target,
            id=subject.id,
            name=subject.title or subject.id,
            config=dict(subject.config),
            dir=str(subject.folder),
            resume="allow",
        )
        # Its own step counter only ever grows; ours begins anew with every stage.
        self._run.define_metric(STEP)
        self._run.define_metric("*", step_metric=STEP)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One metric for each name, over our step."""
        self._run.log({**values, STEP: step})

    def close(self, finished: bool) -> None:
        """Ends the entry; one of a run that stopped counts as failed until the run goes on."""
        self._run.finish(exit_code=0 if finished else 1)


def make(target: str | None) -> Sink:
    """A Weights & Biases sink."""
    return WandB(target)
