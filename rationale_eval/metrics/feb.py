"""FEB's scores of one split, and their mean over splits.

Source: Marasovic et al. 2022, section 4: accuracy; the explanation score, which is the similarity with the closest
reference, counted as 0 where the label is wrong; all of them times 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from rationale_eval.errors import UsageError

PERCENT: Final = 100.0


@dataclass(frozen=True, slots=True)
class FebScores:
    """Scores of one split, in per cent.

    Args:
        accuracy: Share of right labels; texts that name none are wrong.
        explanation: Mean similarity with the closest reference, 0 where the label is wrong ("correct-normalised").
        unconditional: The same mean whatever the label.
        correct_only: The mean over right labels; NaN where there are none.
        broken: Share of texts that have not the form `label because explanation`.
    """

    accuracy: float
    explanation: float
    unconditional: float
    correct_only: float
    broken: float


def feb_scores(correct: Sequence[bool], similarities: Sequence[Sequence[float]], broken: Sequence[bool]) -> FebScores:
    """Scores of one split.

    Args:
        correct: Whether each label is right, `[examples]`.
        similarities: Similarity of each explanation with each of its references, `[examples][references]`, 0 to 1.
        broken: Whether each text lacks the form, `[examples]`.

    Raises:
        UsageError: If there are no examples, the lengths differ, or an example has no reference.
    """
    if not correct or not len(correct) == len(similarities) == len(broken):
        raise UsageError("a split needs examples, and for each of them a label, similarities and a form")
    if not all(similarities):
        raise UsageError("an example without a reference explanation has no explanation score")
    right = np.array(correct, dtype=bool)
    closest = np.array([max(one) for one in similarities], dtype=np.float64) * PERCENT
    return FebScores(
        accuracy=float(right.mean() * PERCENT),
        explanation=float(np.where(right, closest, 0.0).mean()),
        unconditional=float(closest.mean()),
        correct_only=float(closest[right].mean()) if right.any() else float("nan"),
        broken=float(np.mean(broken) * PERCENT),
    )


def over_splits(scores: Sequence[FebScores]) -> dict[str, tuple[float, float]]:
    """Mean and population standard deviation of every score over splits; splits where one is undefined are left out.

    Raises:
        UsageError: If there are no splits.
    """
    if not scores:
        raise UsageError("there is no split to take a mean of")
    found = {}
    for one in fields(FebScores):
        values = np.array([getattr(score, one.name) for score in scores], dtype=np.float64)
        known = values[~np.isnan(values)]
        found[one.name] = (float(known.mean()), float(known.std())) if len(known) else (float("nan"), float("nan"))
    return found
