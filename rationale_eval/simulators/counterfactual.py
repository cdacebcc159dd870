"""Rationales whose leaking words point to another answer (RORA, steps 3 and 4).

N-grams that give the answer away (`leakage.py`) are masked, and what was masked is filled for another label. The
published infiller is a T5 trained on "answer: {y} question: {q} rationale: {masked r}". Ours needs no language model:
each masked span becomes one of the n-grams that lean most towards the other label in the leakage model, drawn
with a chance in proportion; where examples bring their own choices it becomes the other choice. It changes exactly what
leaks and keeps the rest, but its sentences are not fluent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from rationale_eval.data.example import Span
from rationale_eval.simulators.leakage import Leakage, Reading
from rationale_eval.simulators.ngrams import fill, join, places
from rationale_eval.training.randomness import derive

THRESHOLD: Final = 0.001
"""Leakage score above which an n-gram is masked, as published."""
FEW: Final = 8
"""If so few n-grams pass, the scores say little, and only the `TOP` highest are masked."""
TOP: Final = 2

CANDIDATES: Final = 10
"""Fillings that lean most towards a label."""


def leaking(leakage: Leakage, threshold: float = THRESHOLD, share: float = 0.0) -> set[str]:
    """The n-grams that are masked: those above the threshold, or the two highest where eight or fewer pass.

    Args:
        leakage: What the leakage model says.
        threshold: Score that a masked one exceeds.
        share: Least share of the rationales that a masked one stands in.
    """
    score = {name: value for name, value in leakage.score.items() if leakage.share[name] >= share}
    passing = {name for name, value in score.items() if value > threshold}
    if len(passing) > FEW:
        return passing
    return set(sorted(score, key=lambda name: (-score[name], name))[:TOP])


def masked(text: str, names: set[str]) -> list[Span]:
    """The spans of a text that are masked; overlapping and neighbouring ones are one."""
    return join((span for name, spans in places(text).items() if name in names for span in spans), text)


def counterfactuals(
    readings: Sequence[Reading], leakage: Leakage, names: set[str], seed: int = 0, *, own: bool = False
) -> list[str]:
    """A rationale for each, of which the leaking words point to another label, drawn by seed.

    Args:
        readings: Rationales.
        leakage: What the leakage model says.
        names: What leaks.
        seed: Draws the other labels and the fillings.
        own: Fill for the rationale's own label instead, as the released code does for the factual environment.
    """
    fillings = [_fillings(towards, names) for towards in leakage.towards]
    found = []
    for place, one in enumerate(readings):
        draw = np.random.default_rng([derive(seed, "factual" if own else "counterfactual"), place])
        others = [label for label in range(len(one.choices)) if (label == one.label) == own]
        other = int(draw.choice(others))
        spans = masked(one.text, names)
        if fillings:
            words, chances = fillings[other]
            parts = [words[int(pick)] for pick in draw.choice(len(words), len(spans), p=chances)]
        else:
            parts = [one.choices[other]] * len(spans)
        found.append(fill(one.text, spans, parts))
    return found


def _fillings(towards: dict[str, float], names: set[str]) -> tuple[list[str], list[float]]:
    """What leaks most towards a label, with its chances; where nothing that is masked does, what leans most."""
    positive = {name: value for name, value in towards.items() if value > 0}
    among = {name: value for name, value in positive.items() if name in names} or positive or {"": 1.0}
    best = sorted(among, key=lambda name: (-among[name], name))[:CANDIDATES]
    total = sum(among[name] for name in best)
    return best, [among[name] / total for name in best]
