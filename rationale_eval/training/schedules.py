"""Schedules: pure functions of progress (0 to 1) to a factor; for learning rates, weights and temperatures alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal

Schedule = Callable[[float], float]

ScheduleName = Literal["linear", "cosine", "constant"]

DECAY: Final[dict[str, Schedule]] = {
    "linear": lambda progress: 1.0 - progress,
    "cosine": lambda progress: 0.5 * (1.0 + math.cos(math.pi * progress)),
    "constant": lambda progress: 1.0,
}
"""How a factor falls from 1 over the part of training that follows the warm-up."""


def learning_rate_factor(step: int, total: int, *, warmup: float, schedule: ScheduleName) -> float:
    """Factor on the learning rate at one optimizer step, above 0 and at most 1.

    It grows linearly over the first `warmup` share of the steps to 1, then decays by name; it is above 0 to the last.

    Args:
        step: The step about to be made, from 0.
        total: Steps in all.
        warmup: Share of the steps, 0 to 1.
        schedule: A name in `DECAY`.
    """
    rising = round(warmup * total)
    if step < rising:
        return (step + 1) / (rising + 1)
    return DECAY[schedule]((step - rising) / max(1, total - rising))
