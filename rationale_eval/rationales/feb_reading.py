"""How FEB reads what a model wrote: label, separator, explanation; texts without separator are "broken".

Source: Marasovic et al. 2022 (FEB), section 4, and the authors' released evaluation, whose rules differ by task.
"""

from __future__ import annotations

from typing import Any, Final

from rationale_eval.data.example import Example
from rationale_eval.rationales.template import Template

BROKEN: Final = "UNK"
"""The explanation of a broken text."""

OFFENSIVE, HARMLESS = "offensive", "not_offensive"
SAYS_OFFENSIVE: Final = (OFFENSIVE, "yes")


def read_feb(template: Template, example: Example, text: str) -> dict[str, Any]:
    """The fields `answer`, `rationale` and `format_ok` of a completion.

    The label stands before the first separator, the explanation between it and the second; what follows is left out.
    A broken text is a label as a whole, its explanation is "UNK". A label counts when it equals a choice but for case.
    SBIC ("feb_offensive"): "offensive" and "yes" mean offensive, any other label means not offensive, and a broken text
    has no answer.

    Args:
        template: What asked for it; its `joint` is the separator.
        example: The example.
        text: What was written.
    """
    label, *explanations = " ".join(text.split("\n")).strip().split(template.joint)
    label = label.strip()
    explanation = explanations[0].strip() if explanations else BROKEN
    said = label.lower()
    if template.reading == "feb_offensive":
        said = OFFENSIVE if said in SAYS_OFFENSIVE else HARMLESS
    named = [place for place, choice in enumerate(template.written(example)) if choice.lower() == said]
    broken_is_wrong = template.reading == "feb_offensive" and not explanations
    answer = None if broken_is_wrong or not named else named[0]
    return {"answer": answer, "rationale": explanation, "format_ok": bool(explanations) and answer is not None}
