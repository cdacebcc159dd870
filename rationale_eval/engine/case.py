"""A case: one example under one rationale, and the questions a metric may ask about it.

A question is a perturbed input. Asking costs nothing; the engine answers all questions of all metrics, methods and
examples together.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.example import Example
from rationale_eval.data.rationale import WordScores
from rationale_eval.data.words import Word, gold_mask
from rationale_eval.models.base import Encoding

Removal = Literal["delete", "mask", "pad", "attention", "zero", "retokenize"]
"""How words are taken away: `delete` drops their tokens and closes the gap; `mask` puts the mask token, `pad` the pad
token in their place; `attention` hides them from attention, positions unchanged; `zero` zeroes their input
embeddings; `retokenize` deletes, decodes to text and tokenises again (as ferret does)."""
REMOVALS: Final = get_args(Removal)

Answer = NDArray[np.float64]
"""Probabilities of the choices, float64 `[choices]`."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A perturbed input: which words of an example are kept, and what happens to the rest.

    Args:
        encoding: The whole example as rows.
        keep: Booleans `[words]`: the words that stay.
        removal: What happens to the others.
        retain: Soft edit: for each word the probability that an element of its embeddings survives, float64
            `[words]`; None for hard removal.
        seed: Seed of the soft edit's draw.
    """

    encoding: Encoding
    keep: NDArray[np.bool_]
    removal: Removal
    retain: NDArray[np.float64] | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Reexplain:
    """Asks for word scores of the same method on the same example with noise on its input embeddings.

    The noise is uniform in an L-infinity ball; the answer is float64 `[words]`.

    Args:
        method: Name of the method that made the rationale.
        encoding: The whole example as rows.
        target: The explained choice.
        radius: Radius of the ball, in units of the embeddings.
        seed: Seed of the draw.
    """

    method: str
    encoding: Encoding
    target: int
    radius: float
    seed: int


Asks = Generator[Sequence[Question | Reexplain], list[Answer], R]
"""A metric or a perturbation-based explainer: yields questions, is sent the answers in the same order, returns R."""


class Case:
    """One example under one rationale.

    Args:
        example: The example.
        words: Its words.
        encoding: Its rows, or None where no model takes part.
        target: Index of the explained choice; fixed once on the full input and never chosen anew on a perturbed one.
        probabilities: Answer to the unperturbed input, or None without a model.
        rationale: The word scores, or None where no rationale takes part.
        seed: Seed for metrics that draw at random; depends on the run's seed and the example only.
    """

    def __init__(
        self,
        example: Example,
        words: Sequence[Word],
        *,
        encoding: Encoding | None = None,
        target: int | None = None,
        probabilities: Answer | None = None,
        rationale: WordScores | None = None,
        seed: int = 0,
    ):
        self.example, self.words, self.seed, self.rationale = example, tuple(words), seed, rationale
        self._encoding, self._target, self._probabilities = encoding, target, probabilities

    @property
    def encoding(self) -> Encoding:
        """The example as the model's rows."""
        if self._encoding is None:
            raise ValueError("this case has no model")
        return self._encoding

    @property
    def target(self) -> int:
        """Index of the explained choice."""
        if self._target is None:
            raise ValueError("this case explains no choice")
        return self._target

    @property
    def scores(self) -> NDArray[np.float64]:
        """Word scores, float64 `[words]`; NaN where the method cannot say."""
        if self.rationale is None:
            raise ValueError("this case has no rationale")
        return self.rationale.scores

    @property
    def hard(self) -> NDArray[np.bool_] | None:
        """Selected words, booleans `[words]`, where the rationale came with a selection of its own."""
        return None if self.rationale is None else self.rationale.hard

    @property
    def probabilities(self) -> Answer:
        """The model's answer to the unperturbed input."""
        if self._probabilities is None:
            raise ValueError("this case has no model")
        return self._probabilities

    @cached_property
    def gold(self) -> NDArray[np.bool_] | None:
        """Gold highlights as booleans `[words]`; None where the example is not annotated."""
        return None if self.example.evidence is None else gold_mask(self.words, self.example.evidence)

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Words that take part in ranking and counting: seen by the model (if there is one) and scored, `[words]`."""
        seen = np.ones(len(self.words), dtype=bool) if self._encoding is None else self._encoding.seen
        return seen if self.rationale is None else seen & ~np.isnan(self.rationale.scores)

    @cached_property
    def ranking(self) -> NDArray[np.intp]:
        """Indices of the seen words, most important first; equal scores keep reading order (stable, lower index
        first).
        """
        places = np.flatnonzero(self.seen)
        return places[np.argsort(-self.scores[places], kind="stable")]

    def whole(self) -> Question:
        """The unperturbed input."""
        return Question(self.encoding, np.ones(len(self.words), dtype=bool), "delete")

    def without(self, words: NDArray[np.intp] | Sequence[int], removal: Removal = "delete") -> Question:
        """The input with `words` (indices) removed: x without r."""
        keep = np.ones(len(self.words), dtype=bool)
        keep[np.asarray(words, dtype=np.intp)] = False
        return Question(self.encoding, keep, removal)

    def only(self, words: NDArray[np.intp] | Sequence[int], removal: Removal = "delete") -> Question:
        """The input with everything but `words` (indices) removed: r alone. Special tokens and prompt text stay."""
        keep = np.zeros(len(self.words), dtype=bool)
        keep[np.asarray(words, dtype=np.intp)] = True
        return Question(self.encoding, keep, removal)

    def explained_again(self, radius: float, seed: int) -> Reexplain:
        """The rationale of the same method after noise on the input embeddings."""
        return Reexplain(
            "" if self.rationale is None else self.rationale.method, self.encoding, self.target, radius, seed
        )

    def soft(self, retain: NDArray[np.float64], seed: int) -> Question:
        """Each element of word i's input embeddings survives with probability `retain[i]`; `seed` fixes the draw."""
        return Question(
            self.encoding, np.ones(len(self.words), dtype=bool), "zero", np.asarray(retain, np.float64), seed
        )
