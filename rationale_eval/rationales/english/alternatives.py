"""What may stand in the place of a word: synonyms and antonyms, in its form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rationale_eval.rationales.english.edit import Edit
from rationale_eval.rationales.english.lexicon import antonyms, has_class, inflected, lemma, synonyms, tag_of
from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.english.tokens import Token
from rationale_eval.rationales.english.word_pairs import ANTONYMS, SYNONYMS, negates

NOT_NEGATED: Final = frozenset(
    listed("just even necessarily due human related able military determined industrial personal musical")
)
"""Words whose negative form does not stand where they do ("not unnecessarily")."""
CLASSES: Final = ("NOUN", "VERB", "ADJ", "ADV")


def synonyms_of(token: Token) -> tuple[str, ...]:
    """Words that keep the meaning: what the lexicon lists and `word_pairs` confirms."""
    if token.pos not in CLASSES:
        return ()
    base = lemma(token.low, token.pos)
    listed = synonyms(base)
    return _in_form(token, base, (other for other in SYNONYMS[token.pos].get(base, ()) if other in listed))


def antonyms_of(token: Token) -> tuple[str, ...]:
    """Words of opposite meaning: what the lexicon lists, where `word_pairs` confirms it or the word is just negated."""
    if token.pos not in CLASSES:
        return ()
    base = lemma(token.low, token.pos)
    confirmed = ANTONYMS[token.pos].get(base, ())
    negated = token.pos == "ADJ" or (token.pos == "ADV" and base.endswith("ly"))
    if base in NOT_NEGATED:
        return ()
    found = (other for other in antonyms(base) if other in confirmed or (negated and negates(base, other)))
    return _in_form(token, base, found)


def _in_form(token: Token, base: str, others: Iterable[str]) -> tuple[str, ...]:
    """Dictionary forms as the token's form; those that have no such form are left out."""
    if token.low == base and token.pos in ("ADJ", "ADV"):
        return tuple(others)
    form = form_of(token)
    if form is None:
        return ()
    made = (inflected(other, form) for other in others if has_class(other, token.pos))
    return tuple(word for word in made if word is not None)


def form_of(token: Token) -> str | None:
    """The Penn tag of a token: from its ending, and for verbs from what the tagger says of it."""
    tag = tag_of(token.low, token.pos)
    if token.pos == "VERB" and tag in ("VBD", "VBN"):
        return "VBD" if token.form == "Fin" else "VBN"
    return tag


def same_or_different(text: str, words: Sequence[Token]) -> Iterator[Edit]:
    """Edits that put "the same" for "different" or back, with the article and the preposition that each asks for."""
    for place, word in enumerate(words):
        before = words[place - 1] if place else None
        after = words[place + 1] if place + 1 < len(words) else None
        if word.low == "same" and before is not None and before.low == "the":
            if after is None or after.pos == "AUX" or text[word.end : after.start].strip():
                yield Edit(before.start, word.end, "different")
            elif after.low == "as":
                yield Edit(before.start, after.end, "different from")
            elif after.pos == "NOUN" and after.low != "time":
                yield Edit(before.start, word.end, "different" if tag_of(after.low, "NOUN") == "NNS" else "a different")
        if word.low != "different" or before is None or before.pos in ("NUM", "ADV", "PRON"):
            continue
        if before.low in ("a", "an") and after is not None and after.pos == "NOUN":
            yield Edit(before.start, word.end, "the same")
        elif before.pos == "AUX" and after is not None and after.low in ("from", "than", "to"):
            yield Edit(word.start, after.end, "the same as")
        elif before.pos in ("AUX", "VERB", "ADP") and (after is None or after.pos != "CCONJ"):
            yield Edit(word.start, word.end, "the same")
