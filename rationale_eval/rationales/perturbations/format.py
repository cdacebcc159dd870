"""The same words written otherwise: case of the first letter, full stop, quotes, numbers in digits or words."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from rationale_eval.rationales.english.lexicon import count
from rationale_eval.rationales.english.mentions import choice_words
from rationale_eval.rationales.english.numbers import IN_DIGITS, IN_WORDS
from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation

# "One" is as often a pronoun as a number, and zero is rarely written in digits.
_COUNTS: Final = frozenset(IN_DIGITS) - {"zero", "one"}
_NUMBER: Final = re.compile(r"(?<![\w.,:/$€£%#+-])(?:\d{1,2}|[A-Za-z]{3,9})(?![\w%:/+-]|[.,]\d)")
_DOUBLE: Final = re.compile(r'"([^"]+)"')
_SINGLE: Final = re.compile(r"(?<!\w)'([^']+)'(?!\w)")


@perturbation(
    "format",
    effect="equivalent",
    title="Format edits",
    describe=(
        "All that apply of: the first letter in the other case; the full stop at the end added or taken away; double "
        "quotes for single ones and back; numbers from 2 to 20 and the tens in words for digits and back. Numbers that "
        "stand among the choices' words are left alone. Valid: the same words in the same order, but for numbers."
    ),
    cite="edits ours",
)
def format_edits(said: Said, rng: np.random.Generator, pool: Pool | None) -> Changed:
    """Applies every edit that there is a place for."""
    text = said.text.strip()
    if not re.search(r"\w", text):
        return not_changed("there are no words")
    kept = choice_words(said.example)
    edited = _NUMBER.sub(lambda found: _number(found[0], kept), text)
    return Changed(_full_stop(_first_letter(_quotes(edited))))


def _number(word: str, kept: frozenset[str]) -> str:
    low = word.casefold()
    other = IN_WORDS.get(word) if word.isdigit() and word not in ("0", "1") else None
    if low in _COUNTS and (word.islower() or word.istitle()):
        other = IN_DIGITS[low]
    return word if other is None or low in kept or other in kept else other


def _quotes(text: str) -> str:
    if '"' in text:
        return text if text.count('"') % 2 or "'" in text else _DOUBLE.sub(r"'\1'", text)
    return _SINGLE.sub(r'"\1"', text)


def _first_letter(text: str) -> str:
    first = re.match(r"\W*(\w[\w'’-]*)", text)
    # A name, an abbreviation or the word I keeps its capital.
    if first is None or not (first[1].istitle() or first[1].islower()) or re.match(r"I\b", first[1]):
        return text
    if first[1].istitle() and len(first[1]) > 1 and not count(first[1].casefold()):
        return text
    place = first.start(1)
    return text[:place] + text[place].swapcase() + text[place + 1 :]


def _full_stop(text: str) -> str:
    if text.endswith("."):
        return text if text.endswith("..") or re.search(r"\b[A-Za-z]\.$", text) else text[:-1]
    return text if re.search(r"[.!?:;,…][\"'”’)]*$", text) else text + "."
