"""Where a text mentions a choice, as whole words and whatever the case."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from rationale_eval.data.example import Example


@lru_cache(maxsize=4096)
def pattern(phrase: str) -> re.Pattern[str]:
    """Matches the words of a phrase, without regard to case and to the width of blanks."""
    return re.compile(r"(?<!\w)" + r"\s+".join(map(re.escape, phrase.split())) + r"(?!\w)", re.IGNORECASE)


def mentions(text: str, phrase: str) -> bool:
    """Whether a text holds a phrase as whole words."""
    return bool(phrase.strip()) and pattern(phrase).search(text) is not None


def words_of(phrases: Iterable[str]) -> frozenset[str]:
    """All words of some phrases, without case."""
    return frozenset(word for phrase in phrases for word in re.findall(r"\w+", phrase.casefold()))


def choice_words(example: Example) -> frozenset[str]:
    """All words of an example's choices, without case: what an edit that keeps the meaning leaves alone."""
    return words_of(example.choices)
