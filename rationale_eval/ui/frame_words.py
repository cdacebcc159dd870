"""What the axioms and the two checks of our own mean, and what a good picture of each looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """A check in words.

    Args:
        title: The check.
        number: What its number is called.
        term: The number's definition, in `terms.TERMS`.
        wanted: Where the number should lie.
        means: What the check asks for.
        good: What a good picture looks like.
    """

    title: str
    number: str
    term: str
    wanted: str
    means: str
    good: str


WORDS: Final = {
    "reference": Words(
        "Axiom 1, reference", "reference margin", "reference margin", "above 0",
        "A reference rationale is built from the predicted answer, so none says more clearly what was predicted, "
        "and the metric must give it its highest value.",
        "On a good ladder the reference stands to the right of every source below it, and the interval of the margin "
        "lies above 0.",
    ),
    "perturbation": Words(
        "Axiom 2, perturbation", "discrimination gap", "discrimination gap", "above 0",
        "The metric must stay where an edit keeps the meaning of a rationale, and must fall where an edit changes it.",
        "In a good picture equivalent edits stand on the line at 0, and contrastive edits far to its right.",
    ),
    "robustness": Words(
        "Axiom 3, robustness", "spread", "spread", "below 0.25",
        "A metric of rationales must not be a second measure of how good the task model is, so it should stay where it "
        "was when the model is made worse.",
        "In a good picture the line is flat: the points keep their height while accuracy falls to the left.",
    ),
    "leakage": Words(
        "Leakage", "leakage", "leakage margin", "above 0",
        "A rationale that explains the label must beat one that only restates it, on the same examples and by the same "
        "simulators.",
        "In a good picture explaining stands to the right of restating, and the difference has its interval above 0.",
    ),
    "people": Words(
        "Agreement with people", "agreement", "people", "above 0",
        "A metric should rank explanations as people do.",
        "In a good picture the score rises with people's rating.",
    ),
}  # fmt: skip
"""By check. The two last are not of FRAME but ours."""
