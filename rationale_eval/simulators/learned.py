"""What came of training a simulator, and what every simulator can do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example

Z: Final = 1.645
"""One-sided 95 %: a simulator that is not this many standard errors better than the most frequent answer has not
learned."""


Select = Literal["accuracy", "loss"]
"""What chooses the weights that are kept: how often held-out answers are guessed, or how probable they are held. A
metric that reads probabilities needs the second, for with more training a simulator grows surer than it is right."""


class Simulator(Protocol):
    """A trained simulator."""

    def guesses(self, data: RationaleDataset) -> dict[str, NDArray[np.float64]]:
        """Probabilities of the choices for every example of a view, by id; float64 `[choices]`. Labels are not read."""

    def save(self, folder: Path) -> None:
        """Writes it into a folder."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of a training.

    Args:
        examples: Examples it learned from.
        dev_examples: Held-out examples.
        accuracy: Share of the held-out answers that it guesses, with the weights that were kept.
        majority: Share of the most frequent held-out answer (multiple choice: of guessing blindly).
        learned: Whether the first is more than 1.645 standard errors above the second.
        epochs: Passes until it stopped.
    """

    examples: int
    dev_examples: int
    accuracy: float
    majority: float
    learned: bool
    epochs: float

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def learned(examples: int, held: Sequence[Example], accuracy: float, epochs: float) -> Learned:
    """Holds an accuracy against that of the most frequent answer.

    Args:
        examples: Examples it learned from.
        held: Held-out examples of the view; their labels are the answers to be guessed.
        accuracy: On these.
        epochs: Passes until it stopped.
    """
    count = len(held)
    if len({each.choices for each in held}) == 1:
        majority = float(max(np.bincount([each.label or 0 for each in held])) / count)
    else:
        majority = float(np.mean([1 / len(each.choices) for each in held]))
    bound = majority + Z * math.sqrt(majority * (1 - majority) / count)
    return Learned(examples, count, accuracy, majority, bool(accuracy > bound), epochs)
