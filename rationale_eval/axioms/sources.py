"""The rationales that a metric is tried on: the model's own, and those of which it is known how good they are.

How FRAME builds a reference rationale from the predicted label is not confirmed; the constructions here are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from rationale_eval.axioms.spoken import Spoken
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.training.randomness import derive

Reference = Literal["verbalised", "explained"]
"""verbalised: "The answer is LABEL."; explained: that, and after "because" a gold rationale of the predicted label: the
example's own where the prediction is right, else another example's."""

OTHERS: Final = ("generated", "gold", "random", "empty")
"""Sources that a reference rationale must beat: the model's own, gold ones, those of other examples, none."""

CEILING: Final = "ceiling"
"""No rationales of anybody: what the metric would come to if every rationale told all."""


def verbalised(choice: str) -> str:
    """The answer as a sentence, and nothing else."""
    return f"The answer is {choice}."


def reference(data: RationaleDataset, spoken: Spoken, kind: Reference, seed: int) -> Spoken:
    """Reference rationales of the predicted answers."""
    donors: dict[int, list[str]] = {}
    for example in data:
        if example.label is not None and example.rationales:
            donors.setdefault(example.label, []).append(example.rationales[0])
    texts = {}
    for example in data:
        answer = spoken.answers.get(example.id)
        if answer is None:
            continue
        text = verbalised(example.choices[answer])
        if kind == "explained":
            known = donors.get(answer, [])
            if example.label == answer and example.rationales:
                text = f"{text[:-1]} because {example.rationales[0]}"
            elif known and data.task.kind != "multiple_choice":
                draw = np.random.default_rng(derive(seed, "reference", example.id))
                text = f"{text[:-1]} because {known[int(draw.integers(len(known)))]}"
        texts[example.id] = text
    return Spoken(spoken.answers, texts)


def gold(data: RationaleDataset, spoken: Spoken) -> Spoken:
    """Gold rationales of examples whose answer is right: only there do they explain it."""
    return Spoken(
        spoken.answers,
        {one.id: one.rationales[0] for one in data if one.rationales and spoken.answers.get(one.id) == one.label},
    )


def shuffled(spoken: Spoken, order: Sequence[str], seed: int) -> Spoken:
    """Every rationale given to another example: they are put in a random ring."""
    known = [key for key in order if key in spoken.texts]
    ring = np.random.default_rng(derive(seed, "shuffled")).permutation(len(known))
    pairs = zip(ring, np.roll(ring, -1), strict=True)
    return Spoken(spoken.answers, {known[place]: spoken.texts[known[donor]] for place, donor in pairs})


def empty(spoken: Spoken) -> Spoken:
    """No rationale."""
    return Spoken(spoken.answers, dict.fromkeys(spoken.texts, ""))
