"""Whether a text can mean the same as another, by its words: what a paraphrase must keep."""

from __future__ import annotations

import re
from typing import Final

from rationale_eval.rationales.english.lexicon import lemma, synonyms
from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.english.mentions import mentions
from rationale_eval.rationales.english.negating import negations
from rationale_eval.rationales.english.numbers import IN_WORDS
from rationale_eval.rationales.english.tokens import AUXILIARIES, tokens
from rationale_eval.rationales.text_perturbation import Said, plain

NEW: Final = 0.15
"""Greatest share of the new text's content words that are neither old nor a synonym."""
LENGTHS: Final = (0.5, 2.0)
"""Least and greatest length, in words of the text."""

_WEIGHTS: Final = frozenset(
    listed("all every each some any most many few several almost always usually often sometimes only even more less")
    + listed("must may might would should necessarily probably too very enough both either")
    + listed("because so if while when since but although though unless without therefore unlike")
)
"""Words that say how often, how surely and why; a paraphrase keeps them."""
_ABLE: Final = frozenset(listed("can ca cannot could able unable capable incapable possible impossible"))
_LOOSE: Final = frozenset(listed("of for by in at to with as on than like"))
"""Prepositions that come and go with the order of words."""
_LIGHT: Final = frozenset(listed("be do have make get go also just so one thing way kind able possible not"))


def why_not_same(said: Said, new: str) -> str:
    """Why a text cannot stand for a rationale; empty where nothing speaks against it."""
    old = said.text
    length = len(new.split()) / max(len(old.split()), 1)
    if not new or plain(new) == plain(old) or _bare(new) == _bare(old):
        return "the model repeated the text"
    if not LENGTHS[0] <= length <= LENGTHS[1]:
        return "the paraphrase is too short or too long"
    if negations(new) != negations(old):
        return "the paraphrase has another number of negations"
    if _numbers(new) != _numbers(old):
        return "the paraphrase has other numbers"
    for choice in said.example.choices:
        was, now = mentions(old, choice), mentions(new, choice)
        if was and not now and choice == said.choice:
            return "the paraphrase leaves out the answer"
        if now and not was:
            return "the paraphrase mentions another choice"
    if _weights(new) != _weights(old):
        return "the paraphrase has other words for how often, how surely or why"
    if bool(_ABLE & _words(old)) != bool(_ABLE & _words(new)):
        return "the paraphrase says that something can be, or that it is, where the text does not"
    before, after = frozenset(content(old)), frozenset(content(new))
    if before != _met(before, after):
        return "the paraphrase loses content words"
    if _reversed(old, new):
        return "the paraphrase has its things in another order"
    if len(after - _met(after, before)) > NEW * len(after) or _new_relation(old, new):
        return "the paraphrase adds content words"
    return ""


def _weights(text: str) -> frozenset[str]:
    return _WEIGHTS & _words(text)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.low for word in tokens(text))


def _reversed(old: str, new: str) -> bool:
    """Whether content words that both texts have stand in another order: small models exchange who does what."""
    was, now = content(old), content(new)
    return [word for word in was if word in now] != [word for word in now if word in was]


def _new_relation(old: str, new: str) -> bool:
    """Whether a preposition comes in that only a new relation explains."""
    was, now = ({word.low for word in tokens(each) if word.pos == "ADP"} for each in (old, new))
    return not now <= was | _LOOSE


def content(text: str) -> list[str]:
    """Dictionary forms of the words that carry meaning, each where it first stands."""
    found = (
        lemma(word.low, word.pos if word.pos != "PROPN" else "NOUN")
        for word in tokens(text)
        if word.pos in ("NOUN", "VERB", "ADJ", "ADV", "PROPN") and word.low not in AUXILIARIES
    )
    return list(dict.fromkeys(word for word in found if word not in _LIGHT))


def _met(words: frozenset[str], others: frozenset[str]) -> set[str]:
    """Those of the words that stand among others, themselves or as a synonym."""
    return {word for word in words if word in others or not others.isdisjoint(synonyms(word))}


def _numbers(text: str) -> list[str]:
    found = re.findall(r"\d[\d.,]*\d|\d|[a-z]+", text.casefold())
    return sorted(IN_WORDS.get(word, word) for word in found if word[0].isdigit() or word in _COUNTED)


_COUNTED: Final = frozenset(IN_WORDS.values()) - {"one", "zero"}


def _bare(text: str) -> list[str]:
    return [word.low for word in tokens(text)]
