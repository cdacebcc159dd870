"""Words: the unit in which rationales are given, scored and removed.

A word is a stretch of one input field with character offsets, so that what is shown is always the stored text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.example import Evidence, Example
from rationale_eval.errors import UsageError


@dataclass(frozen=True, slots=True)
class Word:
    """Characters `start` to `end` (excluded) of input field `field`."""

    field: str
    start: int
    end: int


WordRule = Callable[[str], list[tuple[int, int]]]

_UNICODE: Final = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_WHITESPACE: Final = re.compile(r"\S+")

WORD_RULES: Final[dict[str, WordRule]] = {
    "unicode": lambda text: [match.span() for match in _UNICODE.finditer(text)],
    "whitespace": lambda text: [match.span() for match in _WHITESPACE.finditer(text)],
}
"""`unicode`: runs of letters, digits and inner apostrophes, and each punctuation mark by itself; for plain prose.
`whitespace`: what stands between white space; for corpora that are tokenised already."""


def split_words(example: Example, rule: str = "unicode") -> tuple[Word, ...]:
    """Words of all input fields, in reading order.

    Args:
        example: The example; its choices are not split, since they are not part of a rationale.
        rule: A name in `WORD_RULES`.

    Raises:
        UsageError: If the rule is unknown.
    """
    if rule not in WORD_RULES:
        raise UsageError(f"there is no word rule '{rule}'; choose one of {', '.join(WORD_RULES)}")
    find = WORD_RULES[rule]
    return tuple(Word(name, start, end) for name, text in example.inputs.items() for start, end in find(text))


def gold_mask(words: Sequence[Word], evidence: Evidence) -> NDArray[np.bool_]:
    """Which words are highlighted: a word counts if any of its characters lies in a span.

    Returns:
        Booleans, shape `[words]`.
    """
    return np.array(
        [any(word.start < end and start < word.end for start, end in evidence.get(word.field, ())) for word in words],
        dtype=bool,
    )
