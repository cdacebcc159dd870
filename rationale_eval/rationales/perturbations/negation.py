"""A negation put into a rationale, or taken out."""

from __future__ import annotations

import numpy as np

from rationale_eval.rationales.english.negating import negations, with_negation, without_negation
from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation


@perturbation(
    "negation",
    effect="contrastive",
    title="Negation",
    describe=(
        'Takes the first negation out ("is not" becomes "is", "does not mean" "means", "no sign" "some sign"); where '
        'there is none, negates the verb of the main clause ("sits" becomes "does not sit"). Valid: the result has '
        "exactly one negation less or more than the text."
    ),
    cite="Chan et al. 2022 (FRAME), Axiom 2 (from memory, unconfirmed)",
)
def negation(said: Said, rng: np.random.Generator, pool: Pool | None) -> Changed:
    """Denies what the rationale says."""
    before = negations(said.text)
    made = without_negation(said.text) if before else with_negation(said.text)
    if made is None:
        return not_changed("its negation cannot be taken out cleanly" if before else "no main verb was found")
    if negations(made) != before + (-1 if before else 1):
        return not_changed("the result has not one negation more or less")
    return Changed(made.strip())
