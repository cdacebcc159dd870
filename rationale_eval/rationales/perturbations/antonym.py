"""One word replaced by its opposite."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from rationale_eval.rationales.english.alternatives import antonyms_of, same_or_different
from rationale_eval.rationales.english.edit import Edit, edited
from rationale_eval.rationales.english.tokens import tokens
from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation

_NAME: Final = re.compile(r"\s+[A-Z][a-z]")
"""After a word that is then part of a name ("New York")."""


@perturbation(
    "antonym",
    effect="contrastive",
    title="Antonym swap",
    describe=(
        "One word, drawn among those that have one, replaced by its opposite in the same form. Valid: the Open English "
        "WordNet lists the two as antonyms of the same part of speech, and the opposite does not stand in the text "
        'already (of "a boy is not a girl" nothing is made, since "a girl is not a girl" denies itself).'
    ),
    cite="Chan et al. 2022 (FRAME), Axiom 2 (from memory, unconfirmed); Lanham et al. 2023 for single words",
)
def antonym(said: Said, rng: np.random.Generator, pool: Pool | None) -> Changed:
    """Draws the word, and one of its opposites."""
    text, words = said.text, tokens(said.text)
    there = {word.low for word in words}
    options = [
        [Edit(word.start, word.end, other) for other in found]
        for word in words
        if (found := antonyms_of(word)) and there.isdisjoint(found) and not _NAME.match(text, word.end)
    ]
    options += [[each] for each in same_or_different(text, words) if not {"same", "different"} <= there]
    if not options:
        return not_changed("no word has an opposite that is sure enough")
    edits = options[int(rng.integers(len(options)))]
    return Changed(edited(text, [edits[int(rng.integers(len(edits)))]]).strip())
