"""Words of an English sentence with their classes: universal part of speech, and whether a verb is finite.

The tagger is denckring-en-pos, an averaged perceptron of UD English-EWT (93 % of the tags right on its test split). It
was trained on contractions in two pieces ("does", "n't") and without signs, and so it is asked. What it often gets
wrong in short plain sentences is set right by rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from rationale_eval.rationales.english.lexicon import is_form_of
from rationale_eval.rationales.english.listed import listed

AUXILIARIES: Final = frozenset(
    listed("am is are was were be been being do does did have has had can could will would shall should may might must")
)
MODALS: Final = frozenset(listed("can could will would shall should may might must"))
BE: Final = frozenset(listed("am is are was were"))

_WORD: Final = re.compile(r"\d[\d,.:]*\d|\d|[^\W\d_]+(?:-[^\W\d_]+)*(?:['’`][^\W\d_]+)*")
_PIECES: Final = re.compile(r"(?i)^(ca|wo|sha|\w+)(n['’`]t)$|^([\w-]+)(['’`](?:s|re|ve|ll|d|m))$|^(can)(not)$")
_END: Final = re.compile(r"[.!?;:]")


@dataclass(frozen=True, slots=True)
class Token:
    """One word, or one of the two pieces of a contraction.

    Args:
        text: As it stands there.
        start: First character.
        end: Character after the last.
        pos: Universal part of speech ("NOUN", "VERB", "AUX", ...).
        form: "Fin", "Inf", "Part" or "Ger" for verbs, else "".
    """

    text: str
    start: int
    end: int
    pos: str
    form: str

    @property
    def low(self) -> str:
        """The word without case, with a straight apostrophe."""
        return self.text.casefold().replace("’", "'").replace("`", "'")


class _Piece(NamedTuple):
    text: str
    start: int
    end: int


@lru_cache(maxsize=8192)
def tokens(text: str) -> tuple[Token, ...]:
    """The words of a text in reading order; every sentence is tagged by itself."""
    found: list[Token] = []
    sentence: list[_Piece] = []
    last = 0
    for word in _WORD.finditer(text):
        if sentence and _END.search(text, last, word.start()):
            found += _tagged(sentence, text)
            sentence = []
        sentence += _pieces(word)
        last = word.end()
    return tuple(found + _tagged(sentence, text)) if sentence else tuple(found)


def _pieces(word: re.Match[str]) -> list[_Piece]:
    parts = _PIECES.match(word[0])
    if parts is None:
        return [_Piece(word[0], word.start(), word.end())]
    place, pieces = word.start(), []
    for part in filter(None, parts.groups()):
        pieces.append(_Piece(part, place, place + len(part)))
        place += len(part)
    return pieces


def _tagged(pieces: list[_Piece], text: str) -> list[Token]:
    from denckring_en_pos import tagger

    labels = [label.partition("|") for label in tagger().tag([piece.text for piece in pieces])]
    made = [
        Token(*piece, pos, form if form != "-" else "") for piece, (pos, _, form) in zip(pieces, labels, strict=True)
    ]
    return _set_right(made, text)


def _set_right(made: list[Token], text: str) -> list[Token]:
    """Rules for what the tagger gets wrong in plain sentences."""
    right: list[Token] = []
    for place, one in enumerate(made):
        before = right[-1] if right else None
        after = made[place + 1] if place + 1 < len(made) else None
        right.append(_right(one, before, after, any(each.pos in ("VERB", "AUX") for each in right)))
    return right


def _right(one: Token, before: Token | None, after: Token | None, has_verb: bool) -> Token:
    low = one.low
    if low in ("n't", "not", "n’t"):
        return _as(one, "PART", "")
    if low in BE or low in MODALS:
        return _as(one, "AUX", "Fin")
    # "a man sits on": a singular noun is followed by what can be its verb, and no verb came before.
    if (
        one.pos == "NOUN"
        and not has_verb
        and before is not None
        and before.pos in ("NOUN", "PROPN", "PRON")
        and (after is None or after.pos in ("ADP", "DET", "ADV", "SCONJ", "PRON", "PART"))
        and (is_form_of(low, "VBZ") or (is_form_of(low, "VB") and is_form_of(before.low, "NNS")))
    ):
        return _as(one, "VERB", "Fin")
    return one


def _as(one: Token, pos: str, form: str) -> Token:
    return Token(one.text, one.start, one.end, pos, form)
