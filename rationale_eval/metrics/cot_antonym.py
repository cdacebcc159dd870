"""One word replaced by its opposite: the smallest mistake that a dictionary can make."""

from __future__ import annotations

from typing import Final

import numpy as np

from rationale_eval.engine.ask_text import TextAsks
from rationale_eval.metrics.cot_steps import EMPTY, changed_by
from rationale_eval.metrics.record import Score, metric, undefined
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.rationales.perturbations.antonym import antonym
from rationale_eval.rationales.text_perturbation import Said

SAME: Final = "the text came out as it was"


@metric(
    "antonym_changes",
    family="chain_of_thought",
    symbol="ant≠",
    title="An antonym changes the answer",
    direction="higher",
    range=(0.0, 1.0),
    best=None,
    needs=("text", "lm"),
    variants={"one_word": {}},
    cite="repository of CC-SHAP (Parcalabescu and Frank 2024), after Lanham et al. 2023 (choice of the word ours)",
    formula="[answer after the rationale with one word replaced by an antonym != answer after the rationale]",
    describe=(
        "Whether the answer is another one when one word of the rationale, drawn by seed among those that have a "
        "sure opposite, is replaced by it. It needs no helper, which makes it the better test of mistakes for "
        "small models."
    ),
    avoid=(
        "Not for single examples: one word may not matter, and a single draw is noisy, so read means over many "
        "examples."
    ),
)
def antonym_changes(case: TextCase) -> TextAsks[Score]:
    """1 where the answer changes."""
    if not case.text.strip():
        return undefined(EMPTY)
    made = antonym(Said(case.example, case.text, case.answer), np.random.default_rng(case.seed), None)
    if made.text is None or made.text.split() == case.text.split():
        return undefined(made.reason or SAME)
    return (yield from changed_by(case, made.text))
