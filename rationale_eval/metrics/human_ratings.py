"""What people say of explanations: the plausibility study of FEB, one rating for each explanation and rater.

Three people were asked whether an explanation justifies the answer. Their answers count yes 1, weak yes 2/3, weak no
1/3, no 0, and an explanation's plausibility is the mean of the three.

Source: Marasovic et al. 2022 (FEB), section 5; the rules are those of the released evaluation: the standard error has
the population standard deviation, Fleiss' kappa is on yes against no with uniform chance, and explanations with fewer
than three raters are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import InputError, UsageError

WEIGHTS: Final = {"yes": 1.0, "w_yes": 2 / 3, "w_no": 1 / 3, "no": 0.0}
"""What an answer counts."""

AGREES: Final = ("yes", "w_yes")
RATERS: Final = 3
HUMAN: Final = "human"
"""The system whose explanations were written by people."""


@dataclass(frozen=True, slots=True)
class Rated:
    """One explanation and what people said of it.

    Args:
        example_id: Unique.
        dataset: "esnli", "ecqa", "sensemaking" (ComVE) or "sbic".
        system: Who wrote it: `HUMAN` or a model.
        text: The explanation.
        answers: Keys of `WEIGHTS`; three for each time it was shown.
    """

    example_id: str
    dataset: str
    system: str
    text: str
    answers: tuple[str, ...]

    @property
    def plausibility(self) -> float:
        """Mean of all answers, 0 to 1; higher is better."""
        return plausibility(self.answers)

    def showings(self) -> Iterator[tuple[str, ...]]:
        """The answers of each showing. The same explanation of the same instance may have been shown several times."""
        for start in range(0, len(self.answers) - RATERS + 1, RATERS):
            yield self.answers[start : start + RATERS]


@dataclass(frozen=True, slots=True)
class Agreement:
    """A group of rated explanations.

    Args:
        showings: How many times three people were asked.
        plausibility: Mean over showings, 0 to 1.
        error: Standard error of that mean.
        kappa: Fleiss' kappa of yes against no with uniform chance.
    """

    showings: int
    plausibility: float
    error: float
    kappa: float


def plausibility(answers: Sequence[str]) -> float:
    """Mean of what the answers count, 0 to 1.

    Raises:
        UsageError: If there are none, or one is unknown.
    """
    unknown = [one for one in answers if one not in WEIGHTS]
    if unknown or not answers:
        raise UsageError(f"ratings are {', '.join(WEIGHTS)}" + (f", and '{unknown[0]}' is none" if unknown else ""))
    return sum(WEIGHTS[one] for one in answers) / len(answers)


def summarize(rated: Iterable[Rated]) -> Agreement:
    """Mean plausibility and agreement of a group.

    Raises:
        UsageError: If the group is empty or a rating is unknown.
    """
    # Only this number needs statsmodels, and reading it takes a second of every process's start.
    from statsmodels.stats.inter_rater import fleiss_kappa

    shown = [answers for one in rated for answers in one.showings()]
    if not shown:
        raise UsageError("no explanation of this group has three ratings")
    values = np.array([plausibility(answers) for answers in shown], dtype=np.float64)
    agreeing = np.array([sum(one in AGREES for one in answers) for answers in shown])
    counts = np.stack([RATERS - agreeing, agreeing], axis=1)
    kappa = float(fleiss_kappa(counts, method="uniform"))
    return Agreement(len(shown), float(values.mean()), float(values.std() / math.sqrt(len(values))), kappa)


def read_ratings(data: RationaleDataset) -> list[Rated]:
    """The rated explanations of a data set in the form of `feb_human_eval`: the first rationale is the rated text.

    Raises:
        InputError: If an example has no text or no ratings.
    """
    found = []
    for example in data:
        meta = example.meta
        answers = meta.get("ratings")
        answers = answers if isinstance(answers, list) else []
        if not (example.rationales and answers and set(answers) <= set(WEIGHTS)):
            raise InputError(
                f"example '{example.id}' holds no rated text; it needs a rationale, and its meta dataset, system and "
                f"ratings, each of them one of {', '.join(WEIGHTS)}"
            )
        dataset, system = str(meta.get("dataset")), str(meta.get("system"))
        found.append(Rated(example.id, dataset, system, example.rationales[0], tuple(answers)))
    return found
