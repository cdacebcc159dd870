"""Two nouns or adjectives joined by "and" or "or" that can change places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rationale_eval.rationales.english.clauses import finite
from rationale_eval.rationales.english.edit import sentence_case
from rationale_eval.rationales.english.lexicon import count
from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.english.tokens import Token, tokens

COMMON_WORD: Final = 100
"""What stands in lower case less often in a million sentences is taken for a name where the tagger says so."""
_SUBJECTS: Final = frozenset(listed("it they he she you we i"))
_BOUND_LEFT: Final = frozenset(listed("ADJ NOUN PROPN DET NUM ADV CCONJ PRON"))
_BOUND_RIGHT: Final = frozenset(listed("NOUN PROPN ADJ ADP CCONJ PART PRON SCONJ"))


def exchanged(text: str) -> Iterator[str]:
    """The text with two conjuncts exchanged, for every pair of one shape to neither of which more belongs."""
    words = tokens(text)
    for place, word in enumerate(words):
        if word.low not in ("and", "or") or not 0 < place < len(words) - 1:
            continue
        begin, end = _left(words, place), _right(words, place)
        if (
            begin is None
            or end is None
            or [w.pos for w in words[begin:place]] != [w.pos for w in words[place + 1 : end]]
        ):
            continue
        # "This is a car and a child can ride": the second noun is the subject of another clause.
        if end < len(words) and finite(words[end]) and any(map(finite, words[:begin])):
            continue
        # "Looking for shells and napping": one is a thing, the other what is done.
        if words[place - 1].low.endswith("ing") != words[end - 1].low.endswith("ing"):
            continue
        made = _exchange(text, words, (begin, place, end))
        if made is not None:
            yield made


def _exchange(text: str, words: tuple[Token, ...], places: tuple[int, int, int]) -> str | None:
    begin, place, end = places
    start, stop = words[begin].start, words[end - 1].end
    one, other = text[start : words[place - 1].end], text[words[place + 1].start : stop]
    joint = text[words[place - 1].end : words[place + 1].start]
    if joint.split() != [words[place].text] or one.casefold() == other.casefold():
        return None
    if not text[:start].strip():
        one, other = as_inside(one), sentence_case(other, one[:1].isupper())
    return text[:start] + other + joint + one + text[stop:]


def _left(words: tuple[Token, ...], joint: int) -> int | None:
    """Where the conjunct before a conjunction begins: a noun with its article, or an adjective."""
    last = words[joint - 1]
    if last.pos not in ("NOUN", "ADJ"):
        return None
    begin = joint - 2 if joint > 1 and last.pos == "NOUN" and words[joint - 2].pos == "DET" else joint - 1
    beyond = words[begin - 1] if begin else None
    if beyond is None or beyond.low in _SUBJECTS:
        return begin
    return None if beyond.pos in _BOUND_LEFT or beyond.low == "of" or beyond.form in ("Part", "Ger") else begin


def _right(words: tuple[Token, ...], joint: int) -> int | None:
    """Where the conjunct after a conjunction ends."""
    last = joint + 2 if words[joint + 1].pos == "DET" else joint + 1
    if last >= len(words) or words[last].pos not in ("NOUN", "ADJ"):
        return None
    beyond = words[last + 1] if last + 1 < len(words) else None
    if beyond is None:
        return last + 1
    return None if beyond.pos in _BOUND_RIGHT or beyond.form in ("Part", "Ger") else last + 1


def as_inside(clause: str) -> str:
    """A clause from the beginning of a sentence as it stands inside one: names and "I" keep their capital."""
    first = tokens(clause)[0]
    name = first.pos == "PROPN" and count(first.low) < COMMON_WORD
    capitals = first.text.isupper() and len(first.text) > 1
    return clause if name or capitals or first.low == "i" else sentence_case(clause, False)
