"""The rationale of an instance with another answer."""

from __future__ import annotations

import numpy as np

from rationale_eval.rationales.english.mentions import mentions
from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation


@perturbation(
    "other_label",
    effect="contrastive",
    title="Rationale of another label",
    describe=(
        "The rationale of another instance that argues for another answer. Where all examples have the same choices, "
        "that is another label; where each brings its own, an answer with other words, and then the rationale must "
        "not mention this instance's answer. Valid: as for other_instance, and both answers are known."
    ),
    cite="Chan et al. 2022 (FRAME), Axiom 2 (from memory, unconfirmed)",
    needs=("pool",),
)
def other_label(said: Said, rng: np.random.Generator, pool: Pool) -> Changed:
    """The first rationale of another input and another answer, from a random place in the pool on."""
    if said.choice is None:
        return not_changed("it is not known which answer it argues for")
    for other in pool.others(said, rng):
        if other.choice is None:
            continue
        if other.example.choices == said.example.choices:
            fits = other.answer != said.answer
        else:
            fits = other.choice.casefold() != said.choice.casefold() and not mentions(other.text, said.choice)
        if fits:
            return Changed(other.text.strip())
    return not_changed("no other instance argues for another answer")
