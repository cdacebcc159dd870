"""What a simulator sees of an example, and what it is to guess: the other model's answer, not the gold label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal, get_args

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError

Seen = Literal["input", "rationale", "both"]
"""The input x, the rationale r, or both. The choices are always seen."""
SEEN: Final = get_args(Seen)

RATIONALE: Final = "rationale"
"""Name of the field that holds the rationale; it stands last."""

EMPTY: Final = "__"
"""What stands for an empty rationale (Hase et al. 2020)."""


def view(
    data: RationaleDataset, seen: Seen, targets: Mapping[str, int], texts: Mapping[str, str] | None = None
) -> RationaleDataset:
    """A data set as a simulator sees it.

    Args:
        data: The examples.
        seen: What is seen.
        targets: Example id to the index of the answer that is to be guessed; examples without one are left out.
        texts: Example id to rationale; examples without one are left out. Not read where only the input is seen.

    Raises:
        UsageError: If the data have a field of the name that the rationale needs.
    """
    if RATIONALE in data.task.fields:
        raise UsageError(f"{data.name} has an input field '{RATIONALE}', the name simulators give the rationale")
    own = () if seen == "rationale" else data.task.fields
    added = () if seen == "input" else (RATIONALE,)
    task = replace(data.task, name=f"{data.task.name}_from_{seen}", fields=(*own, *added))

    def examples() -> Iterator[Example]:
        for example in data:
            if example.id not in targets or (added and (texts is None or example.id not in texts)):
                continue
            inputs = {name: text for name, text in example.inputs.items() if name in own}
            if added and texts is not None:
                inputs[RATIONALE] = texts[example.id].strip() or EMPTY
            yield replace(
                example, task=task.name, inputs=inputs, label=targets[example.id], rationales=(), evidence=None,
                annotators=(), meta={},
            )  # fmt: skip

    return data.with_task(task, examples)
