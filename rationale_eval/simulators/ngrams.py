"""Words and word pairs of a text, with their places: what the leakage model of RORA reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.example import Span

MOST: Final = 10_000
"""Most n-grams of a vocabulary (Jiang et al. 2024)."""

_WORD: Final = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")


def places(text: str) -> dict[str, list[Span]]:
    """The 1- and 2-grams of a text in lower case, words joined by a space, each with its places in order."""
    words = [(found.group().lower(), found.span()) for found in _WORD.finditer(text)]
    known: dict[str, list[Span]] = {}
    for word, span in words:
        known.setdefault(word, []).append(span)
    for (first, (start, _)), (second, (_, end)) in pairwise(words):
        known.setdefault(f"{first} {second}", []).append((start, end))
    return known


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Numbers of n-grams, the most frequent first.

    Args:
        number: n-gram to number, from 0.
    """

    number: Mapping[str, int]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """Of the n-grams that stand in most texts; of equally frequent ones the first in the alphabet."""
        counts = Counter(each for text in texts for each in places(text))
        ordered = sorted(counts, key=lambda each: (-counts[each], each))[:MOST]
        return cls({each: number for number, each in enumerate(ordered)})

    def read(self, text: str) -> NDArray[np.int64]:
        """The set of known n-grams of a text, ascending int64 `[n-grams]`; may be empty."""
        return np.array(sorted(self.number[each] for each in places(text) if each in self.number), dtype=np.int64)


def join(spans: Iterable[Span], text: str) -> list[Span]:
    """Spans that overlap, or that only white space parts, made one; in order."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and (start <= joined[-1][1] or not text[joined[-1][1] : start].strip()):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def fill(text: str, spans: Sequence[Span], parts: Sequence[str]) -> str:
    """The text with each span replaced by a part."""
    pieces, last = [], 0
    for (start, end), part in zip(spans, parts, strict=True):
        pieces += [text[last:start], part]
        last = end
    return "".join([*pieces, text[last:]])
