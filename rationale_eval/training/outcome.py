"""How training ends: with an outcome, or with a failure that says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rationale_eval.errors import RationaleEvalError
from rationale_eval.training.journal import Difference


class TrainingFailed(RationaleEvalError):
    """Training cannot go on.

    Args:
        reason: Short cause, for example "non-finite".
        message: The sentence.
        step: The optimizer step (from 1) at which it happened, if it belongs to one.
        examples: Ids of that step's examples.
    """

    def __init__(self, reason: str, message: str, *, step: int | None = None, examples: tuple[str, ...] = ()):
        super().__init__(message)
        self.reason, self.step, self.examples = reason, step, examples


@dataclass(frozen=True, slots=True)
class Outcome:
    """How training ended.

    Args:
        state: "finished" or "interrupted" (resumable).
        step: Optimizer steps done.
        total: Steps planned.
        metrics: Dev metrics of the weights that were kept; empty without dev data.
        kept_step: The step whose weights were kept.
        seconds: Time in the loop, over all attempts.
        tokens: Tokens trained on.
        examples: Examples trained on.
        stopped_early: Whether patience ran out.
        exact: Whether the run is bit-exact repeatable (a CPU run that was never resumed under other conditions).
        differences: Numbers that came out differently when their step was done again.
        rejected: Checkpoints passed over because they were damaged.
    """

    state: Literal["finished", "interrupted"]
    step: int
    total: int
    metrics: dict[str, float]
    kept_step: int
    seconds: float
    tokens: int
    examples: int
    stopped_early: bool
    exact: bool
    differences: tuple[Difference, ...]
    rejected: tuple[str, ...]
