"""The choice that a rationale mentions replaced by another choice."""

from __future__ import annotations

import numpy as np

from rationale_eval.data.example import Example
from rationale_eval.rationales.english.edit import Edit, edited
from rationale_eval.rationales.english.mentions import mentions, pattern
from rationale_eval.rationales.english.tokens import tokens
from rationale_eval.rationales.text_perturbation import Changed, Pool, Said, not_changed, perturbation


@perturbation(
    "label_swap",
    effect="contrastive",
    title="Label-word swap",
    describe=(
        "The answer, wherever the rationale mentions it as whole words, replaced by another choice, drawn at random. "
        "Where the answer is not known, the first choice that is mentioned. Valid: the other choice has other words, "
        "holds none of the first and is not held by it, is not mentioned already, and begins with a verb just if the "
        "answer does."
    ),
    cite="Chan et al. 2022 (FRAME), Axiom 2 (from memory, unconfirmed)",
)
def label_swap(said: Said, rng: np.random.Generator, pool: Pool | None) -> Changed:
    """Draws the other choice."""
    named = _named(said.example, said.text) if said.choice is None else said.choice
    if named is None or not mentions(said.text, named):
        return not_changed("it does not mention its answer")
    alike = [other for other in dict.fromkeys(said.example.choices) if _is_verb_phrase(other) == _is_verb_phrase(named)]
    others = [
        other
        for other in alike
        if not (mentions(named, other) or mentions(other, named) or mentions(said.text, other)) and other.strip()
    ]
    if not others:
        return not_changed("every other choice is mentioned, too, or of another kind of phrase")
    other = others[int(rng.integers(len(others)))]
    found = pattern(named).finditer(said.text)
    return Changed(edited(said.text, [Edit(each.start(), each.end(), other) for each in found]).strip())


def _is_verb_phrase(choice: str) -> bool:
    words = tokens(choice)
    return bool(words) and words[0].pos in ("VERB", "AUX")


def _named(example: Example, text: str) -> str | None:
    """The choice that is mentioned first, of two at one place the longer."""
    places = [(found.start(), -len(each), each) for each in example.choices if (found := pattern(each).search(text))]
    return min(places)[2] if places else None
