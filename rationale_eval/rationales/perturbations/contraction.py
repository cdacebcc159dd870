"""Contractions written out, and words that can be contracted drawn together."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from rationale_eval.rationales.english.edit import like
from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation

_NEGATED: Final = {
    "can't": "cannot",
    "won't": "will not",
    "shan't": "shall not",
} | {
    f"{word}n't": f"{word} not"
    for word in listed("is are was were do does did has have had could would should must might need")
}
_BARE: Final = {word.replace("'", ""): full for word, full in _NEGATED.items() if word not in ("won't", "shan't")}
"""Forms without the apostrophe, which people write ("doesnt") and which are no words of their own."""
_ENDINGS: Final = {"re": "are", "ve": "have", "ll": "will", "m": "am"}

_APOSTROPHE: Final = "['’`]"
_IS: Final = re.compile(
    rf"(?i)\b(it|that|there|he|she|what|who|where|here|this){_APOSTROPHE}s\b(?=\s+(\w+))(?!\s+(?:\w+ed\b|done|made|had))"
)
_LET_US: Final = re.compile(rf"(?i)\blet{_APOSTROPHE}s\b")
_PRONOUN: Final = re.compile(rf"(?i)\b(i|you|we|they|he|she|it|there){_APOSTROPHE}(re|ve|ll|m)\b")
_NOT: Final = re.compile(
    "(?i)\\b("
    + "|".join(re.escape(word).replace("'", _APOSTROPHE) for word in _NEGATED)
    + "|"
    + "|".join(_BARE)
    + r")\b"
    r"(?!\s+(?:i|you|we|they|he|she|it|this|that|the|there|a|an)\b)"
)
"""Not in questions ("isn't it"), where "not" would have to stand elsewhere."""

_DRAWN: Final = {full: short for short, full in _NEGATED.items() if short not in ("shan't", "mightn't", "needn't")}
_DRAWN_TOGETHER: Final = re.compile(
    r"(?i)\b(can\s+not|" + "|".join(full.replace(" ", r"\s+") for full in _DRAWN) + r")\b(?=\s+(?!only\b)\w)"
)
_PRONOUN_IS: Final = re.compile(
    r"(?i)(?<!\bthan )(?<!\bas )(?<!\bhow )(?<!\bwhat )(?<!\bwhere )(?<!\bwho )(?<!\bwhether )(?<!\bthat )"
    r"\b(it|he|she|there|they|we|you)\s+(is|are)\b(?=\s+(?!not\b|or\b|and\b|but\b|if\b|in\s+fact\b)\w)"
)


@perturbation(
    "contraction",
    effect="equivalent",
    title="Contraction and expansion",
    describe=(
        'Writes every contraction out ("it\'s" becomes "it is", "doesnt" "does not"); where there is none, contracts '
        'negations and pronouns with "is" or "are". Valid: no possessive, no "\'d" (would or had), no "\'s" that may '
        'stand for "has", nothing in a question or at the end of a clause, where the two forms cannot stand for each '
        "other."
    ),
    cite="edits ours",
)
def contraction(said: Said, rng: np.random.Generator, pool: Pool | None) -> Changed:
    """Writes out what is contracted, or else contracts."""
    text = said.text.strip()
    for made in (_written_out(text), _drawn_together(text)):
        if made != text:
            return Changed(made)
    return not_changed("there is nothing to write out or to contract")


def _written_out(text: str) -> str:
    def negated(found: re.Match[str]) -> str:
        word = re.sub(_APOSTROPHE, "'", found[0].casefold())
        return like(found[0], _NEGATED[word] if word in _NEGATED else _BARE[word])

    def is_or_has(found: re.Match[str]) -> str:
        return f"{found[1]} {'has' if found[2].casefold() in ('been', 'got') else 'is'}"

    text = _NOT.sub(negated, text)
    text = _LET_US.sub(lambda found: like(found[0], "let us"), text)
    text = _PRONOUN.sub(lambda found: f"{found[1]} {_ENDINGS[found[2].casefold()]}", text)
    return _IS.sub(is_or_has, text)


def _drawn_together(text: str) -> str:
    def negated(found: re.Match[str]) -> str:
        full = " ".join(found[0].casefold().split())
        return like(found[0], "can't" if full == "can not" else _DRAWN[full])

    def pronoun(found: re.Match[str]) -> str:
        ending = "'s" if found[2].casefold() == "is" else "'re"
        if found[1].casefold() == "there" and ending == "'re":
            return found[0]
        return found[1] + (ending.upper() if found[2].isupper() else ending)

    return _PRONOUN_IS.sub(pronoun, _DRAWN_TOGETHER.sub(negated, text))
