"""An extractive rationale: one score for each word of an example, and a set of them made by one method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.words import Word


@dataclass(frozen=True, slots=True, eq=False)
class WordScores:
    """How much each word mattered, according to one method.

    Args:
        example_id: The example it explains.
        method: Name of the method that made it, for example "integrated_gradients".
        words: The words, as offsets into the example's inputs.
        scores: float64 `[words]`; higher means more important; NaN where the method cannot say (the word was cut off
            before the model saw it).
        target: Index of the explained choice, or None if the method explains none (random and gold controls).
        hard: Booleans `[words]` when the tool that made it also selected words, else None.
        notes: Numbers worth keeping, such as integrated gradients' convergence delta.
    """

    example_id: str
    method: str
    words: tuple[Word, ...]
    scores: NDArray[np.float64]
    target: int | None = None
    hard: NDArray[np.bool_] | None = None
    notes: Mapping[str, float] = field(default_factory=dict)


class Explanations:
    """The rationales of one method for one data set, in the data set's order; can be read again and again.

    Args:
        method: The name shown in tables. Unique within a comparison.
        source: Called for every pass; yields the rationales. Lazily, so that memory does not grow with the data set.
        params: What identifies the method beyond its name (steps, baseline, seed, target rule, model name ...).
    """

    def __init__(
        self, method: str, source: Callable[[], Iterable[WordScores]], params: Mapping[str, Any] | None = None
    ):
        self.method = method
        self.params = dict(params or {})
        self._source = source

    def __iter__(self) -> Iterator[WordScores]:
        return iter(self._source())

    def __repr__(self) -> str:
        return f"Explanations({self.method!r}, {self.params!r})"
