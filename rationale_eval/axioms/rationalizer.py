"""What answers and explains in an audit: a task model with its rationales, trained anew under every condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.registry import Registry
from rationale_eval.training.progress import Report, silent


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a rationalizer works.

    Args:
        folder: A folder of its own for what is not finished.
        device: Where models run.
        seed: Of all its chance.
        report: Told of every step of a training.
    """

    folder: Path
    device: str = "auto"
    seed: int = 0
    report: Report = silent


Speak = Callable[[RationaleDataset, Sequence[RationaleDataset], Place], list[Spoken]]
"""Learns from training data (with the labels of the condition) and speaks of each of some data sets, in order."""


@dataclass(frozen=True, slots=True)
class Rationalizer:
    """Facts about one rationalizer and the function that does it.

    Args:
        name: Snake-case name.
        title: The name in words.
        describe: What answers, and where its rationales come from.
        cite: Source.
        speak: See `Speak`.
    """

    name: str
    title: str
    describe: str
    cite: str
    speak: Speak


RATIONALIZERS: Final[Registry[Rationalizer]] = Registry("rationalizer")
"""All of them, once `rationale_eval.axioms.rationalizers` is imported."""


def rationalizer(name: str, *, title: str, describe: str, cite: str) -> Callable[[Speak], Speak]:
    """Registers the decorated function."""

    def register(speak: Speak) -> Speak:
        RATIONALIZERS.add(name, Rationalizer(name, title, describe, cite, speak))
        return speak

    return register
