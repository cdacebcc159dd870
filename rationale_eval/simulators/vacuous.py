"""Vacuous rationales: a statement that merges the input x and an answer y, and so says nothing new (REV, RORA).

Wordings, by name:

- `merged` (default): NLI, "{premise} implies | contradicts | is not related to {hypothesis}" (the template of the
  released REV code). A question with options: its blank, or else its first question word, gives way to the answer. The
  published code has a fine-tuned 3B question-to-statement model write this; ours is a rule, cruder in grammar. Other
  tasks: all fields, then "The answer is {y}."
- `several`: as `merged`, but the words of the relation are one of four wordings, drawn by example. It stands in for the
  paraphrasing of the published code, so that b is not one fixed phrase for each label; the wordings are ours.
- `statement`: all fields, then "The answer is {y}.", for every task.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, Literal

from rationale_eval.data.example import Example

Wording = Literal["merged", "several", "statement"]

RELATIONS: Final[dict[str, tuple[str, ...]]] = {
    "entailment": ("implies", "means that", "leads to", "tells us that"),
    "contradiction": ("contradicts", "rules out that", "goes against", "conflicts with"),
    "neutral": ("is not related to", "says nothing about", "leaves open whether", "does not decide whether"),
}
"""How a premise stands to a hypothesis, by label; the first wording of each is the published one."""

_NOT_ENTAILED: Final = ("not_entailment", "not entailment")
_ENDS: Final = re.compile(r"[\s.?!]+$")
_BLANK: Final = re.compile(r"_{2,}|(?<!\w)_(?!\w)")
_ASKS: Final = re.compile(
    r"\b(?:how (?:many|much|long|often|far|old)|what|who|whom|whose|where|when|why|how|which)\b", re.IGNORECASE
)


def vacuous(example: Example, answer: int, wording: Wording = "merged") -> str:
    """The vacuous rationale b of an example and an answer.

    Args:
        example: The example; its label is not read.
        answer: Index of the answer y among its choices.
        wording: See the top of this file.
    """
    said = example.choices[answer].strip()
    texts = [_ENDS.sub("", text.strip()) for text in example.inputs.values()]
    if wording != "statement":
        relation = _relation(example, said, wording)
        if relation is not None:
            return f"{texts[0]} {relation} {texts[1]}."
        if len(texts) == 1 and "question" in example.inputs and said.lower() not in ("yes", "no", "true", "false"):
            found = _BLANK.search(texts[0]) or _ASKS.search(texts[0])
            if found is not None:
                return f"{texts[0][: found.start()]}{said}{texts[0][found.end() :]}."
    return " ".join([*(f"{text}." for text in texts), f"The answer is {said}."])


def _relation(example: Example, said: str, wording: Wording) -> str | None:
    if tuple(example.inputs) != ("premise", "hypothesis"):
        return None
    label = "neutral" if said.lower() in _NOT_ENTAILED else said.lower()
    if label not in RELATIONS:
        return None
    place = 0
    if wording == "several":
        place = hashlib.blake2b(example.id.encode(), digest_size=8).digest()[0] % len(RELATIONS[label])
    return RELATIONS[label][place]
