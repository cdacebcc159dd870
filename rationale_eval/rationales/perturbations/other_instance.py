"""The rationale of another instance, whatever it argues for."""

from __future__ import annotations

import numpy as np

from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation


@perturbation(
    "other_instance",
    effect="contrastive",
    title="Rationale of another instance",
    describe=(
        "The rationale of another instance, drawn at random; it may argue for the same answer. Valid: the two "
        "instances share no input text, and the two rationales differ by more than case, blanks and signs."
    ),
    cite="the random rationale of Chan et al. 2022 (FRAME) (drawing ours)",
    needs=("pool",),
)
def other_instance(said: Said, rng: np.random.Generator, pool: Pool) -> Changed:
    """The first rationale of another input, from a random place in the pool on."""
    for other in pool.others(said, rng):
        return Changed(other.text.strip())
    return not_changed("no other instance has a rationale of its own")
