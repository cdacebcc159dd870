"""What systems say about examples besides word scores: predictions and free text, made here or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A system's answer.

    Args:
        example_id: The example.
        label: Index of the predicted choice.
        probabilities: float64 `[choices]`, or None where only the label is known.
    """

    example_id: str
    label: int
    probabilities: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class TextRationale:
    """A free-text rationale.

    Args:
        example_id: The example.
        text: The rationale; may be empty.
        target: Index of the choice it argues for, or None.
    """

    example_id: str
    text: str
    target: int | None = None


T = TypeVar("T")


class Outputs(Generic[T]):
    """One system's outputs for one data set, in its order; can be read again and again.

    Args:
        system: The name shown in tables.
        source: Called for every pass.
    """

    def __init__(self, system: str, source: Callable[[], Iterable[T]]):
        self.system = system
        self._source = source

    def __iter__(self) -> Iterator[T]:
        return iter(self._source())
