"""Clauses of a plain sentence: where its main verb stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.english.tokens import Token

OPENERS: Final = frozenset(
    listed("if when because since although though while unless until as after before whenever where whether once")
)
"""Words that open a subordinate clause."""
RELATIVE: Final = frozenset(listed("who that which whom whose"))
THIRD_PERSON: Final = frozenset(listed("he she it they him her them his its their hers theirs himself herself itself"))


def finite(token: Token) -> bool:
    """Whether a word is a finite verb."""
    return token.pos in ("VERB", "AUX") and token.form == "Fin"


def main_verb(text: str, words: Sequence[Token]) -> int | None:
    """Place of the first finite verb of the main clause of the first sentence that has one; None where there is none.

    Clauses in front ("if ...,", "because ...,") and relative clauses after a noun are passed over.
    """
    place, skipping = 0, False
    while place < len(words):
        word = words[place]
        before = words[place - 1] if place else None
        begins = before is None or ends_clause(text, before, word)
        if begins and word.low in OPENERS:
            skipping = True
        elif skipping and before is not None and (ends_clause(text, before, word) or word.low == "then"):
            skipping = False
        if not skipping and word.low in RELATIVE and before is not None and before.pos in ("NOUN", "PROPN", "PRON"):
            # The first finite verb after it is the relative clause's own.
            own = next((at for at in range(place + 1, len(words)) if finite(words[at])), None)
            if own is None:
                return None
            place = own + 1
            continue
        # What begins a sentence and looks finite is a participle or a command.
        if place and not skipping and finite(word):
            return place
        place += 1
    return None


def ends_clause(text: str, before: Token, after: Token) -> bool:
    """Whether a sign between two words ends a clause."""
    return any(sign in text[before.end : after.start] for sign in ",.;:!?")
