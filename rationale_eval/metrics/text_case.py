"""A case of free text: one example, what a system said about it, and what people said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.example import Example
from rationale_eval.metrics.record import Score, undefined
from rationale_eval.rationales.reading import Reading

Count = Literal["all", "correct", "zero_if_wrong"]
"""Which examples count: all of them; those whose answer is right; or all, with 0 where the answer is wrong (FEB)."""

Answered = Literal["all", "correct", "incorrect"]
"""Which examples count: all of them, or those whose answer is right, or wrong."""

NO_REFERENCE: Final = "the example has no gold rationale"
WRONG: Final = "the answer is not right"
RIGHT: Final = "the answer is right"
NO_ANSWER: Final = "it is not known whether the answer is right"


@dataclass(frozen=True, slots=True, eq=False)
class TokenStates:
    """A text as an encoder sees it.

    Args:
        states: float32 `[tokens, hidden]`.
        real: Booleans `[tokens]`: False for special tokens.
    """

    states: NDArray[np.float32]
    real: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class TextCase:
    """One example under one free-text rationale.

    Args:
        example: The example.
        text: The rationale; may be empty.
        references: Gold rationales to compare it with.
        answer: Index of the system's answer, or None where it gave none that can be read.
        simulated: What simulators answer: probabilities of the choices, float64 `[choices]`, by their weights ("pt",
            "np") and what they see (names in `simulators/view.py`).
        encode: Gives the token states of a text; None where no encoder takes part.
        asked: How the language model is asked again, for metrics that do; None where none takes part.
        seed: Seed for metrics that draw at random; depends on the run's seed and the example only.
    """

    example: Example
    text: str
    references: Sequence[str]
    answer: int | None
    simulated: Mapping[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    encode: Callable[[str], TokenStates] | None = None
    asked: Reading | None = None
    seed: int = 0

    @property
    def reading(self) -> Reading:
        """How the language model is asked again.

        Raises:
            ValueError: If no language model takes part.
        """
        if self.asked is None:
            raise ValueError("this case has no language model")
        return self.asked

    def guessed(self, weights: str, seen: str) -> bool:
        """Whether a simulator guesses the system's answer; of equal probabilities the first choice counts.

        Raises:
            ValueError: If there is no answer or no such simulator.
        """
        return int(np.argmax(self._simulated(weights, seen))) == self.answer

    def probability(self, weights: str, seen: str) -> float:
        """The probability that a simulator gives the system's answer, 0 to 1.

        Raises:
            ValueError: If there is no answer or no such simulator.
        """
        return float(self._simulated(weights, seen)[self.answer])

    def _simulated(self, weights: str, seen: str) -> NDArray[np.float64]:
        if self.answer is None or (weights, seen) not in self.simulated:
            raise ValueError(f"nothing was simulated from {seen} by {weights} simulators")
        return self.simulated[weights, seen]

    @property
    def correct(self) -> bool | None:
        """Whether the answer is the label; None where there is no label. An answer that cannot be read is not right."""
        return None if self.example.label is None else self.answer == self.example.label


def counted(case: TextCase, count: Answered) -> str | None:
    """Why an example does not count under a rule, or None where it does."""
    if count == "all" or case.correct == (count == "correct"):
        return None
    if case.correct is None:
        return NO_ANSWER
    return RIGHT if case.correct else WRONG


def against_references(case: TextCase, count: Count, similarity: Callable[[str, str], float]) -> Score:
    """The greatest similarity to a reference, under a rule for wrong answers.

    Args:
        case: The case.
        count: The rule.
        similarity: Of a text and a reference.
    """
    if not case.references:
        return undefined(NO_REFERENCE)
    if count != "all":
        if case.correct is None:
            return undefined(NO_ANSWER)
        if not case.correct:
            return Score(0.0) if count == "zero_if_wrong" else undefined(WRONG)
    return Score(max(similarity(case.text, reference) for reference in case.references))
