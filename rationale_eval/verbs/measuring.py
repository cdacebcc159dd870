"""What a training will take: a few of its own steps on this machine, timed, in a process that does nothing else."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import torch

from rationale_eval.models.network import quiet
from rationale_eval.training.checkpoints import KEEP
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import fit
from rationale_eval.training.signals import StopNow
from rationale_eval.verbs.job import TrainJob
from rationale_eval.verbs.peak import peak_memory
from rationale_eval.verbs.train import Checked, check
from rationale_eval.workspace.quotas import size_of
from rationale_eval.workspace.runs import Workspace

STEPS: Final = 4
"""Steps of each stage; the first, in which everything is made ready, is not counted where there is another."""

SECONDS: Final = 15.0
"""After so long no further step of a stage is begun."""

BATCHES: Final = 3
"""Batches of examples that are prepared; a stage of a few examples is as quick to prepare as it will be for many."""


@dataclass(slots=True)
class _Clock:
    """Hears of every step, and ends the stage when it has heard enough."""

    begun: float
    times: list[float]

    def __call__(self, step: int, total: int, note: str) -> None:
        now = time.monotonic()
        self.times.append(now)
        if len(self.times) >= STEPS or now - self.begun > SECONDS:
            raise StopNow

    @property
    def seconds_per_step(self) -> float:
        """The median without the first step; that of the first where there is no other."""
        found = [later - earlier for earlier, later in pairwise([self.begun, *self.times])]
        return median(found[1:] or found)


def measure(job: TrainJob, workspace: Workspace) -> dict[str, Any]:
    """Trains for a few steps in a temporary folder and throws the result away.

    Args:
        job: The training.
        workspace: Where runs that it names are kept; nothing is written there.

    Returns:
        `stages`: one `seconds_per_step` each; `seconds_per_evaluation`: of all development examples, estimated from one
        batch of them; `train_examples`, `dev_examples`; `memory`: most bytes this process held at a time; `model` and
        `checkpoints`: bytes on the disk; `device`.

    Raises:
        UsageError: See `verbs.train.check`.
    """
    checked = check(job, workspace, here=True)
    settings = checked.settings
    batch = settings.batch_size * settings.accumulate
    small = Checked(checked.job, checked.train.limit(batch * BATCHES), checked.dev.limit(settings.batch_size), settings)
    recipe = small.recipe(workspace)
    stages: list[float] = []
    evaluation = stored = 0.0
    with tempfile.TemporaryDirectory(prefix="rationale-eval-") as scratch:
        for place, stage in enumerate(recipe.stages()):
            folder = Path(scratch) / str(place)
            clock = _Clock(time.monotonic(), [])
            fit(
                stage.learner,
                stage.data,
                stage.settings,
                folder=folder,
                journal=Journal(None),
                seed=job.seed,
                report=clock,
            )
            stages.append(clock.seconds_per_step)
            stored = max(stored, size_of(folder))
            for module in stage.learner.modules().values():
                module.eval()
            begun = time.monotonic()
            with torch.no_grad():
                stage.learner.evaluate()
            evaluation = time.monotonic() - begun
        with quiet():
            recipe.save(Path(scratch) / "model")
        model = size_of(Path(scratch) / "model")
    held_out = max(1, len(small.dev))
    dev = len(checked.dev)
    return {
        "stages": stages,
        "seconds_per_evaluation": evaluation * dev / held_out,
        "train_examples": len(checked.train),
        "dev_examples": dev,
        "memory": peak_memory(),
        "model": model,
        "checkpoints": KEEP * stored,
        "device": str(recipe.model.device),
    }
