"""Systems of an evaluation: which are controls, and how they are called when several runs stand side by side."""

from __future__ import annotations

from typing import Final

CONTROLS: Final = frozenset({"random", "gold", "inverse_gold", "model", "human", "empty"})
"""What stands beside the systems and is never one: controls, and rows of the model itself and of people."""


def is_control(name: str) -> bool:
    """Whether a system is a control; with several runs its name is "run/method"."""
    return name.rpartition("/")[2] in CONTROLS


def system_name(run: str, method: str, *, alone: bool) -> str:
    """The name of a method of a run, as `compare` gives it."""
    return method if alone else f"{run}/{method}"
