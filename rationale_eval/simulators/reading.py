"""How a small simulator reads: the words and pairs of neighbours of the choice, of the rationale and of the input.

How much of the rationale also stands in the choice or in the input is told to it as such (as the exact-match feature
of Chen et al. 2017, "Reading Wikipedia to Answer Open-Domain Questions", section 3.2): comparing words needs no
knowledge of language, but a network that starts from random weights cannot learn it from a thousand examples.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.simulators.view import RATIONALE

WORD: Final = re.compile(r"\w+|[^\w\s]")

UNKNOWN: Final = 0
"""Number of all n-grams that are not known."""

PARTS: Final = 3
"""The choice, the rationale, the inputs."""

OVERLAPS: Final = 4
"""Shares of: the choice's words in the rationale, the choice's in the inputs, the rationale's in the inputs, the
rationale's in the choice."""

Bags = tuple[list[str], list[str], list[str]]


def words_of(text: str) -> list[str]:
    """Words and marks in lower case."""
    return WORD.findall(text.lower())


def ngrams(words: Sequence[str]) -> list[str]:
    """Words, and pairs of neighbours."""
    return [*words, *(f"{left} {right}" for left, right in itertools.pairwise(words))]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The n-grams that a simulator knows.

    Args:
        ids: N-gram to number, from 1; 0 stands for all others.
    """

    ids: Mapping[str, int]

    @classmethod
    def of(cls, data: RationaleDataset, *, most: int, least: int = 2) -> Vocabulary:
        """The most frequent n-grams of a data set that occur at least `least` times, ties in alphabetical order."""
        counts: Counter[str] = Counter()
        for example in data:
            for text in (*example.inputs.values(), *example.choices):
                counts.update(ngrams(words_of(text)))
        known = sorted((each for each, count in counts.items() if count >= least), key=lambda n: (-counts[n], n))
        return cls({each: place + 1 for place, each in enumerate(known[:most])})

    def __len__(self) -> int:
        return len(self.ids) + 1


@dataclass(frozen=True, eq=False)
class Read:
    """Examples as arrays. A row is one reading: a classification has one, a question with options one for each.

    Args:
        ids: Example ids.
        features: int64 `[all n-grams]`: those of row 0's choice, rationale, inputs, then of row 1's, ...
        sizes: int64 `[rows, 3]`: how many each part of a row has.
        overlaps: float32 `[rows, 4]`.
        rows: int64 `[examples, choices]`: the rows of each example, -1 beyond its choices.
        labels: int64 `[examples]`: the answer to be guessed.
    """

    ids: tuple[str, ...]
    features: NDArray[np.int64]
    sizes: NDArray[np.int64]
    overlaps: NDArray[np.float32]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each row's n-grams begin, int64 `[rows + 1]`."""
        return np.concatenate([[0], np.cumsum(self.sizes.sum(axis=1))])


def read(data: RationaleDataset, vocabulary: Vocabulary) -> Read:
    """Reads a view of a data set; examples without an answer are left out."""
    options = data.task.kind == "multiple_choice"
    features: list[int] = []
    sizes: list[list[int]] = []
    overlaps: list[list[float]] = []
    rows: list[list[int]] = []
    ids, labels = [], []
    for example in data:
        if example.label is None:
            continue
        rows.append([])
        for choice in example.choices if options else ("",):
            bags = _bags(example, choice)
            rows[-1].append(len(sizes))
            overlaps.append(_overlaps(bags))
            found = [[vocabulary.ids.get(each, UNKNOWN) for each in ngrams(words)] for words in bags]
            sizes.append([len(each) for each in found])
            for each in found:
                features.extend(each)
        ids.append(example.id)
        labels.append(example.label)
    height = max((len(each) for each in rows), default=1)
    return Read(
        tuple(ids),
        np.array(features, dtype=np.int64),
        np.array(sizes, dtype=np.int64).reshape(-1, PARTS),
        np.array(overlaps, dtype=np.float32).reshape(-1, OVERLAPS),
        np.array([each + [-1] * (height - len(each)) for each in rows], dtype=np.int64).reshape(-1, height),
        np.array(labels, dtype=np.int64),
    )


def join(first: Read, second: Read) -> Read:
    """The examples of one, then those of the other, under the ids they have."""
    height = max(first.rows.shape[1], second.rows.shape[1])
    rows = [np.where(each.rows < 0, -1, each.rows + start) for each, start in ((first, 0), (second, len(first.sizes)))]
    return Read(
        (*first.ids, *second.ids),
        np.concatenate([first.features, second.features]),
        np.concatenate([first.sizes, second.sizes]),
        np.concatenate([first.overlaps, second.overlaps]),
        np.concatenate([np.pad(e, ((0, 0), (0, height - e.shape[1])), constant_values=-1) for e in rows]),
        np.concatenate([first.labels, second.labels]),
    )


def _bags(example: Example, choice: str) -> Bags:
    inputs = [word for name, text in example.inputs.items() if name != RATIONALE for word in words_of(text)]
    return words_of(choice), words_of(example.inputs.get(RATIONALE, "")), inputs


def _overlaps(bags: Bags) -> list[float]:
    choice, said, inputs = (set(each) for each in bags)
    return [_share(choice, said), _share(choice, inputs), _share(said, inputs), _share(said, choice)]


def _share(of: set[str], within: set[str]) -> float:
    return len(of & within) / len(of) if of else 0.0
