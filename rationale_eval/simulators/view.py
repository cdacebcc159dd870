"""What a simulator sees of an example, and what it is to guess: the other model's answer, not the gold label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.simulators.vacuous import Wording, vacuous

Seen = Literal[
    "input",
    "rationale",
    "both",
    "neither",
    "vacuous",
    "vacuous_rationale",
    "robust",
    "robust_rationale",
    "base",
    "masked",
]
"""The input x, the rationale r, both or neither; the vacuous rationale b, which merges x with the answer, alone or
after the rationale. `robust` sees both and `robust_rationale` the rationale alone, and they are trained not to follow
words that give the answer away (RORA); `base` sees the input as `input` does, and is trained for its probabilities;
`masked` sees both, with the words of all choices hidden in the rationale.
The choices are always seen."""
SEEN: Final = get_args(Seen)

RATIONALE: Final = "rationale"
"""Name of the field that holds the rationale; it stands after the input."""

VACUOUS: Final = "vacuous"
"""Name of the field that holds the vacuous rationale; it stands last."""

_FIELDS: Final[dict[Seen, tuple[bool, bool, bool]]] = {
    "input": (True, False, False),
    "rationale": (False, True, False),
    "both": (True, True, False),
    "neither": (False, False, False),
    "vacuous": (False, False, True),
    "vacuous_rationale": (False, True, True),
    "robust": (True, True, False),
    "robust_rationale": (False, True, False),
    "base": (True, False, False),
    "masked": (True, True, False),
}
"""Whether the fields of the input, the rationale and the vacuous rationale are seen."""

ROBUST: Final[tuple[Seen, ...]] = ("robust", "robust_rationale")
GUESSING: Final[tuple[Seen, ...]] = ("input", "rationale", "both", "masked")
"""Views whose simulators are asked what they guess; the others are asked how probable they hold an answer."""

WORD: Final = re.compile(r"\w+")

EMPTY: Final = "__"
"""What stands for an empty rationale (Hase et al. 2020)."""


NOTHING: Final = "nothing"
"""Name of the field that stands where neither input nor rationale is seen."""


def view(
    data: RationaleDataset,
    seen: Seen,
    targets: Mapping[str, int],
    texts: Mapping[str, str] | None = None,
    wording: Wording = "merged",
) -> RationaleDataset:
    """A data set as a simulator sees it.

    Args:
        data: The examples.
        seen: What is seen.
        targets: Example id to the index of the answer that is to be guessed; examples without one are left out.
        texts: Example id to rationale; examples without one are left out. Not read where no rationale is seen.
        wording: Of the vacuous rationale, which states the answer that is to be guessed.

    Raises:
        UsageError: If the data have a field of a name that simulators need.
    """
    for name in (RATIONALE, VACUOUS, NOTHING):
        if name in data.task.fields:
            raise UsageError(f"{data.name} has an input field '{name}', a name that simulators need for what they see")
    shown, said, stated = _FIELDS[seen]
    own = data.task.fields if shown else ()
    added = (*([RATIONALE] if said else []), *([VACUOUS] if stated else []))
    fields = (*own, *added) or (NOTHING,)
    task = replace(data.task, name=f"{data.task.name}_from_{seen}", fields=fields)

    def examples() -> Iterator[Example]:
        for example in data:
            if example.id not in targets or (said and (texts is None or example.id not in texts)):
                continue
            inputs = {name: text for name, text in example.inputs.items() if name in own}
            if said and texts is not None:
                text = texts[example.id].strip()
                inputs[RATIONALE] = (masked(text, example.choices) if seen == "masked" else text) or EMPTY
            if stated:
                inputs[VACUOUS] = vacuous(example, targets[example.id], wording)
            yield replace(
                example, task=task.name, inputs=inputs or {NOTHING: EMPTY}, label=targets[example.id], rationales=(),
                evidence=None, annotators=(), meta={},
            )  # fmt: skip

    return data.with_task(task, examples)


def masked(text: str, choices: Sequence[str]) -> str:
    """A rationale with every word that stands in a choice hidden, whatever its case; one mark stands for each."""
    hidden = {word.lower() for choice in choices for word in WORD.findall(choice)}
    return WORD.sub(lambda found: EMPTY if found.group().lower() in hidden else found.group(), text)


def says_nothing_new(example: Example) -> bool:
    """Whether the rationale of an example, seen with the vacuous one, is empty or equal to it but for case."""
    said = example.inputs[RATIONALE].lower()
    return said in (EMPTY, example.inputs[VACUOUS].lower())
