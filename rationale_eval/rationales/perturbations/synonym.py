"""Words replaced by synonyms."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from rationale_eval.rationales.english.alternatives import synonyms_of
from rationale_eval.rationales.english.edit import Edit, edited
from rationale_eval.rationales.english.lexicon import lemma
from rationale_eval.rationales.english.listed import listed
from rationale_eval.rationales.english.mentions import choice_words
from rationale_eval.rationales.english.tokens import Token, tokens
from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation

_PART_OF_NAME: Final = re.compile(r"[./@_-]\w")
_PARTICLES: Final = frozenset(listed("up out off down over away back on through around for to with into about"))
_TRANSITIVE: Final = frozenset(listed("eat find assist need require"))
"""Their synonyms ask for an object where they do not, or not for another verb."""
MOST: Final = 2
"""Different words that are replaced in one text: each may be wrong."""


@perturbation(
    "synonym",
    effect="equivalent",
    title="Synonym swap",
    describe=(
        "At most two words, wherever they stand, replaced by synonyms of the same part of speech and in the same form. "
        "Valid: the most usual sense of both words is the same one in the Open English WordNet, the synonym is no rare "
        "word, the word is not part of a compound noun or a verb with a particle, neither word is among the choices' "
        "words, and the synonym does not stand in the text already."
    ),
    cite="Chan et al. 2022 (FRAME), Axiom 2 (from memory, unconfirmed); choice of words ours",
)
def synonym(said: Said, rng: np.random.Generator, pool: Pool | None) -> Changed:
    """Draws the words, and for each one of its synonyms."""
    words = tokens(said.text)
    kept = choice_words(said.example) | {word.low for word in words}
    options: dict[str, dict[Token, tuple[str, ...]]] = {}
    for place, word in enumerate(words):
        found = () if _bound(words, place) or _PART_OF_NAME.match(said.text, word.end) else synonyms_of(word)
        if found:
            options.setdefault(lemma(word.low, word.pos), {})[word] = found
    open_to = {
        base: spots
        for base, spots in options.items()
        if base not in kept - {word.low for word in spots}
        and not any(set(found) & kept or word.low in choice_words(said.example) for word, found in spots.items())
    }
    if not open_to:
        return not_changed("no word has a synonym that is sure enough")
    names = sorted(open_to)
    chosen = [names[place] for place in rng.permutation(len(names))[:MOST]]
    edits = []
    for base in chosen:
        draw = int(rng.integers(2**31))
        edits += [Edit(word.start, word.end, found[draw % len(found)]) for word, found in open_to[base].items()]
    return Changed(edited(said.text, edits).strip())


def _bound(words: tuple[Token, ...], place: int) -> bool:
    """Whether a word means something only together with its neighbour."""
    word = words[place]
    before = words[place - 1] if place else None
    after = words[place + 1] if place + 1 < len(words) else None
    if word.pos == "NOUN":
        return any(each is not None and each.pos in ("NOUN", "PROPN") for each in (before, after))
    if word.pos == "VERB":
        if after is not None and (after.low in _PARTICLES or after.pos == "PART"):
            return True
        if lemma(word.low, "VERB") in _TRANSITIVE:
            return after is None or after.pos not in ("DET", "NOUN", "PRON", "PROPN", "ADJ", "NUM")
    return False
