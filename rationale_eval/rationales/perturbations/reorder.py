"""The same clauses or conjuncts in another order."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from rationale_eval.rationales.english.clauses import THIRD_PERSON, finite
from rationale_eval.rationales.english.conjuncts import as_inside, exchanged
from rationale_eval.rationales.english.edit import sentence_case
from rationale_eval.rationales.english.tokens import tokens
from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation

_OPENERS: Final = "because|if|when|since|although|though|while|unless"
_IN_FRONT: Final = re.compile(rf"(?i)^({_OPENERS})\s+([^,;:.?!]+),\s*(?:then\s+)?([^,;:.?!]+)$")
_BEHIND: Final = re.compile(rf"(?i)^([^,;:.?!]+?),?\s+({_OPENERS})\s+([^,;:.?!]+)$")
_HELD: Final = re.compile(
    r"(?i)\b(just|only|not|simply|even|merely|is|are|was|were|it's|that's|especially|or|and|but|than|as)$"
)
"""What binds an opener to the words before it ("just because", "even if", "is when")."""
_WHETHER: Final = re.compile(
    r"(?i)\b(?:idea|knows?|tell|infer|sure|see|says?|matter|clear|wonder|ask|mentioned?|care)$"
)
"""Before "if", which then means whether."""
_SCOPE: Final = re.compile(r"(?i)\b(?:not|n['’`]t)\s+(?:all|every|necessarily|always|because)\b|\bnot\s+\w+ed$")
"""Denials that reach over the clause that follows them; in front of them it would mean something else."""
_JOINED: Final = re.compile(r"(?i)\b(?:but|so|and then|or else|who|which|" + _OPENERS + r")\b")


@perturbation(
    "reorder",
    effect="equivalent",
    title="Clause and conjunct reordering",
    describe=(
        'Moves a subordinate clause to the other end of its sentence ("A because B" and "Because B, A"; also if, when, '
        "since, although, while, unless); where there is none, exchanges two nouns or two adjectives that are joined "
        'by "and" or "or". Valid: one sentence with one such clause, both clauses with a finite verb, no pronoun '
        "that would come before its noun; the conjuncts are of one shape and nothing belongs to one of them alone."
    ),
    cite="edits ours",
)
def reorder(said: Said, rng: np.random.Generator, pool: Pool | None) -> Changed:
    """Moves a clause, or exchanges conjuncts drawn among those there are."""
    text = said.text.strip()
    body, end = (text[:-1], text[-1]) if text.endswith((".", "!")) and not text.endswith("..") else (text, "")
    moved = _clause_moved(body)
    if moved is not None:
        return Changed(moved + end)
    swaps = list(exchanged(text))
    if not swaps:
        return not_changed("no clause and no conjuncts can change places safely")
    return Changed(swaps[int(rng.integers(len(swaps)))])


def _clause_moved(body: str) -> str | None:
    upper = body[:1].isupper()
    if front := _IN_FRONT.match(body):
        opener, clause, main = front.groups()
        # "He rests if the man sleeps": a pronoun would come before its noun.
        if _whole(clause) and _whole(main) and not _pronouns(main):
            return f"{sentence_case(as_inside(main), upper)} {opener.lower()} {clause}"
        return None
    if behind := _BEHIND.match(body):
        main, opener, clause = behind.groups()
        held = any(each.search(main) for each in (_HELD, _WHETHER, _SCOPE))
        if _whole(clause) and _whole(main) and not held:
            return f"{sentence_case(opener.lower(), upper)} {clause}, {as_inside(main)}"
    return None


def _whole(clause: str) -> bool:
    """Whether a clause has one subject and verb of its own and no other clause joined to it."""
    words = tokens(clause)
    verbs = [place for place, word in enumerate(words) if finite(word)]
    if len(verbs) != 1 or _JOINED.search(clause) or words[-1].pos in ("DET", "CCONJ"):
        return False
    subject = words[: verbs[0]]
    return any(word.pos in ("NOUN", "PRON", "PROPN") for word in subject) and subject[-1].pos != "CCONJ"


def _pronouns(clause: str) -> bool:
    return any(word.low in THIRD_PERSON and word.low != "there" for word in tokens(clause))
