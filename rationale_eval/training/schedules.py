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


def read_schedules(text: str | None) -> dict[str, Schedule]:
    """Schedules of factors by name, from `name:how` parted by commas.

    Args:
        text: `how` is a name in `DECAY`, or a number: the share of training (above 0, at most 1) over which the factor
            rises linearly from 0 to 1.

    Raises:
        ValueError: If it cannot be read.
    """
    found: dict[str, Schedule] = {}
    for part in filter(None, (text or "").split(",")):
        name, _, how = (piece.strip() for piece in part.partition(":"))
        if not name or name in found:
            raise ValueError(f"'{part.strip()}' needs one name and a colon, and each name once")
        found[name] = DECAY[how] if how in DECAY else rising(_share(how))
    return found


def rising(share: float) -> Schedule:
    """A factor that rises linearly from 0 to 1 over the first share of training."""
    return lambda progress: min(1.0, progress / share)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ValueError(f"'{text}' is no schedule: give {', '.join(DECAY)}, or a share of training, such as 0.1")
    return share
