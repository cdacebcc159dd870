"""A sentence and its denial: putting a negation in, or taking one out."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from rationale_eval.rationales.english.clauses import ends_clause, main_verb
from rationale_eval.rationales.english.edit import Edit, edited
from rationale_eval.rationales.english.lexicon import inflected, lemma, tag_of
from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.english.tokens import BE, MODALS, Token, tokens

NEGATIONS: Final = frozenset(listed("not n't no never cannot nothing nobody none nowhere neither nor without"))

_POSITIVE: Final = {
    "nothing": "something",
    "nobody": "somebody",
    "nowhere": "somewhere",
    "never": "always",
    "no": "some",
}
_DO: Final = {"does": "VBZ", "do": "VB", "did": "VBD"}
_AUXILIARY: Final = frozenset(listed("has have had does do did"))
_QUESTION: Final = frozenset(listed("what why how when where who which"))
_AFFIRMED: Final = {"any": "some", "anything": "something", "anyone": "someone", "anybody": "somebody"}
_AFTER_NO: Final = frozenset(listed("longer matter way the same"))
_ANY_LONGER: Final = re.compile(r"(?i)\bany\s+(?:longer|more)\b|\banymore\b")
_WHOLE: Final = {"ca": "can", "wo": "will", "sha": "shall"}


def negations(text: str) -> int:
    """How many words of a text negate, contractions without an apostrophe ("doesnt") among them."""
    bare = len(re.findall(r"(?i)\b(?:do|does|did|is|are|was|were|would|could|should|has|have|ca)nt\b", text))
    return bare + sum(word.low in NEGATIONS for word in tokens(text))


def without_negation(text: str) -> str | None:
    """The text with its first negation taken out; None where none can be taken out cleanly."""
    words = tokens(text)
    place = next((at for at, word in enumerate(words) if word.low in _POSITIVE or word.low in ("not", "n't")), None)
    if place is None or _goes_on(words) or _ANY_LONGER.search(text):
        return None
    word, after = words[place], words[place + 1] if place + 1 < len(words) else None
    edits: list[Edit] | None
    if word.low in ("not", "n't"):
        edits = _not_taken_out(text, words, place)
    elif word.low != "no":
        edits = [Edit(word.start, word.end, _POSITIVE[word.low])]
    elif (
        after is None
        or after.low in ("longer", "matter", "way", "the", "same")
        or not text[word.end : after.start].isspace()
    ):
        edits = None
    elif after.low == "one":
        edits = [Edit(word.start, after.end, "someone")]
    else:
        compared = after.pos in ("ADV", "ADJ") and (after.low.endswith("er") or after.low in ("more", "less"))
        edits = None if compared else [Edit(word.start, word.end, _POSITIVE["no"])]
    return None if edits is None else edited(text, [*edits, *_affirmed(text, words, place)])


def _goes_on(words: tuple[Token, ...]) -> bool:
    """Whether the negation goes on in a "nor" or began in a "neither"."""
    return any(word.low in ("nor", "neither") for word in words)


def _affirmed(text: str, words: tuple[Token, ...], place: int) -> list[Edit]:
    """What stands only beside a negation ("any", "anyone") as it stands without one, up to the clause's end."""
    edits = []
    for before, word in pairwise(words[place:]):
        if ends_clause(text, before, word) or word.low in ("or", "but", "because"):
            break
        if word.low in _AFFIRMED and word.end - word.start == len(word.low):
            edits.append(Edit(word.start, word.end, _AFFIRMED[word.low]))
    return edits


def _not_taken_out(text: str, words: tuple[Token, ...], place: int) -> list[Edit] | None:
    word = words[place]
    before = words[place - 1] if place else None
    after = words[place + 1] if place + 1 < len(words) else None
    if after is None or (after.low in ("only", "just", "but") and word.low == "not"):
        return None
    if before is None:
        return [Edit(word.start, after.end, after.text)] if after.pos in ("DET", "ADV", "ADJ") else None
    if before.low in _DO:
        return _do_taken_out(text, words, place)
    if before.low in _WHOLE:
        return [Edit(before.start, word.end, _WHOLE[before.low])]
    if before.low == "but":
        return [Edit(before.start, word.end, "and")]
    if before.pos != "AUX" and before.low not in ("has", "have", "had", "is", "are") and after.pos != "PART":
        return None
    return [Edit(word.start, word.end, "") if word.start == before.end else _gap(text, word.start, word.end)]


def _do_taken_out(text: str, words: tuple[Token, ...], place: int) -> list[Edit] | None:
    helper = words[place - 1]
    verb = next((each for each in words[place + 1 : place + 4] if each.pos in ("VERB", "AUX")), None)
    if verb is None or tag_of(verb.low, "VERB") != "VB" or (place > 1 and words[place - 2].low in _QUESTION):
        return None
    made = inflected(lemma(verb.low, "VERB"), _DO[helper.low])
    return None if made is None else [_gap(text, helper.start, words[place].end), Edit(verb.start, verb.end, made)]


def _gap(text: str, start: int, end: int) -> Edit:
    """Takes out words and the blanks after them."""
    while end < len(text) and text[end] == " ":
        end += 1
    return Edit(start, end, "")


def with_negation(text: str) -> str | None:
    """The text with its main verb negated; None where no main verb with a subject is found."""
    words = tokens(text)
    place = main_verb(text, words)
    if not place or words[place - 1].low in _QUESTION:
        return None
    verb, after = words[place], words[place + 1] if place + 1 < len(words) else None
    heading = verb.text[0].isupper() and not text.isupper()
    subject = any(word.pos in ("NOUN", "PROPN", "PRON", "VERB", "NUM", "ADJ") for word in words[:place])
    followers = {word.low for word in words[place + 1 : place + 3]}
    if heading or not subject or followers & {"either", "neither"} or (after is not None and after.low == "only"):
        return None
    if after is not None and after.start == verb.end:  # "could've"
        return None
    followed = after is not None and after.form in ("Part", "Inf")
    if verb.low == "can":
        return edited(text, [Edit(verb.start, verb.end, "cannot")])
    if verb.low in BE or verb.low in MODALS or (verb.low in _AUXILIARY and followed):
        return text[: verb.end] + " not" + text[verb.end :]
    auxiliary = {"VBZ": "does", "VBD": "did", "VBN": "did", "VB": "do"}.get(tag_of(verb.low, "VERB") or "")
    if auxiliary is None or verb.low == "be":
        return None
    return edited(text, [Edit(verb.start, verb.end, f"{auxiliary} not {lemma(verb.low, 'VERB')}")])
