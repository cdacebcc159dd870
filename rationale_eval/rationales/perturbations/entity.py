"""One thing, name or number replaced by another of its kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from rationale_eval.rationales.english.edit import Edit, edited
from rationale_eval.rationales.english.kinds import COMMON, PROPER, UNCOUNTED, by_word
from rationale_eval.rationales.english.lexicon import inflected, lemma, tag_of
from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.english.mentions import pattern
from rationale_eval.rationales.english.numbers import IN_DIGITS, UNITS
from rationale_eval.rationales.english.tokens import Token, tokens
from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation

Option = tuple[int, int, tuple[str, ...]]
"""Where something stands, and what may stand there in its place."""

_PROPER: Final = by_word(PROPER)
_COMMON: Final = by_word(COMMON)
_UNCOUNTED: Final = frozenset(word for kind in UNCOUNTED for word in COMMON[kind])
_DIGITS: Final = re.compile(r"(?<![\w.,:/$€£#-])\d{1,4}(?![\w:/-]|[.,]\d)")
_PEOPLE: Final = frozenset(listed("man woman person people boy girl lady guy child kid men women"))
"""Before these a colour is none of paint."""


@perturbation(
    "entity",
    effect="contrastive",
    title="Entity and number swap",
    describe=(
        "One thing, drawn among those there are, replaced by another of its kind: a number in digits or words; a name "
        "(weekday, month, country, city, planet, nationality); a thing of one of the everyday kinds (animals, colours, "
        "vehicles, rooms, jobs ...), in its number. Valid: what comes in does not stand in the text already, and no "
        "part of a compound noun is replaced."
    ),
    cite="Lanham et al. 2023 for mistakes of this size; lists and rules ours",
)
def entity(said: Said, rng: np.random.Generator, pool: Pool | None) -> Changed:
    """Draws the thing, and what comes in its place."""
    words = tokens(said.text)
    there = {word.low for word in words} | {lemma(word.low, "NOUN") for word in words}
    options = []
    for start, end, others in (*_numbers(said.text, words), *_names(said.text), *_things(words)):
        if fresh := tuple(other for other in others if other.casefold() not in there):
            options.append((start, end, fresh))
    if not options:
        return not_changed("no number, name or thing of a known kind stands there")
    start, end, others = options[int(rng.integers(len(options)))]
    return Changed(edited(said.text, [Edit(start, end, others[int(rng.integers(len(others)))])]).strip())


def _numbers(text: str, words: tuple[Token, ...]) -> Iterator[Option]:
    for found in _DIGITS.finditer(text):
        value = int(found[0])
        near = (value + 1, value + 2, value - 1, *(() if value > 999 else (2 * value, 3 * value)))
        yield found.start(), found.end(), tuple(str(each) for each in near if each > 1 and each != value)
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) else None
        # "One" is as often a pronoun as a number.
        if word.low not in IN_DIGITS or after is None:
            continue
        value = int(IN_DIGITS[word.low])
        if value > 1 and after.pos in ("NOUN", "ADJ"):
            yield word.start, word.end, tuple(UNITS[each] for each in range(2, 13) if each != value)


def _names(text: str) -> Iterator[Option]:
    for name, others in _PROPER.items():
        for found in pattern(name).finditer(text):
            if found[0][0].isupper() and not found[0].isupper():
                yield found.start(), found.end(), others


def _things(words: tuple[Token, ...]) -> Iterator[Option]:
    for place, word in enumerate(words):
        if word.pos not in ("NOUN", "ADJ"):
            continue
        base = word.low if word.pos == "ADJ" else lemma(word.low, "NOUN")
        others = _COMMON.get(base)
        if others is None or (word.pos == "ADJ" and base not in COMMON["colour"]):
            continue
        beside = (words[place - 1] if place else None, words[place + 1] if place + 1 < len(words) else None)
        if _part_of_more(word, *beside):
            continue
        form = "NN" if word.low == base else tag_of(word.low, "NOUN")
        if form != "NN" and base in _UNCOUNTED:
            continue
        made = others if form == "NN" else tuple(filter(None, (inflected(other, "NNS") for other in others)))
        yield word.start, word.end, made


def _part_of_more(word: Token, before: Token | None, after: Token | None) -> bool:
    """Whether a word means something only together with its neighbour ("White House", "bus stop")."""
    if after is not None and (after.pos == "PROPN" or after.low in _PEOPLE):
        return True
    if before is not None and word.low in _UNCOUNTED and before.low in ("a", "an"):
        return True
    return word.pos == "NOUN" and any(each is not None and each.pos in ("NOUN", "PROPN") for each in (before, after))
