"""Generated tasks whose true rationales are known, to check metrics and explainers against the truth.

The label is a function of a few words; everything else is drawn independently of the label. The evidence of every
example obeys two laws, for word removal by deletion or in place:

- *it is what the label needs*: with all evidence words removed, `true_label` no longer returns the label;
- *nothing else matters*: with any set of other words removed (all of them included), `true_label` is unchanged.

Except for `majority`, the evidence is also minimal: removing any single evidence word loses the label. The text
beside `GENERATED` (generated_tasks.py) says what each label depends on. Splits are disjoint for all seeds: a text's
digest decides its split.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from rationale_eval.data.dataset import Origin, RationaleDataset
from rationale_eval.data.example import Evidence, Example, Span
from rationale_eval.data.generated_tasks import GENERATED, Generated
from rationale_eval.data.words import WORD_RULES
from rationale_eval.errors import UsageError

SIZES: Final = {"train": 2000, "validation": 200, "test": 500}
"""How many examples a split has unless a limit is given."""

_BUCKETS: Final = {"train": range(8), "validation": range(8, 12), "test": range(12, 16)}
_MARK: Final = re.compile(r"\[([^\[\]]*)\]")


def unmark(text: str) -> tuple[str, tuple[Span, ...]]:
    """Takes the square brackets around marked words out of a text.

    Returns:
        The plain text and the character spans that were marked, in order.
    """
    spans: list[Span] = []
    for match in _MARK.finditer(text):
        start = match.start() - 2 * len(spans)
        spans.append((start, start + len(match.group(1))))
    return _MARK.sub(r"\1", text), tuple(spans)


def generate(name: str, split: str = "test", limit: int | None = None, seed: int = 0) -> RationaleDataset:
    """A generated task as a data set: made while it is read, so that its size costs no memory.

    Args:
        name: A name in `GENERATED`.
        split: "train", "validation" or "test"; no text stands in two splits, whatever the seeds.
        limit: How many examples, any number; None for the split's size in `SIZES`.
        seed: Another seed is another sample of the same task.

    Raises:
        UsageError: If the task or the split is unknown, or the limit is negative.
    """
    generate_examples(name, split, limit, seed)  # a wrong name is refused now and not at the first pass
    return RationaleDataset(
        f"generated/{name}",
        split,
        _find(name).task,
        lambda: generate_examples(name, split, limit, seed),
        origin=Origin(path=f"generated/{name}", details={"seed": str(seed)}),
    )


def generate_examples(name: str, split: str = "test", limit: int | None = None, seed: int = 0) -> Iterator[Example]:
    """Streams a split of a generated task; the i-th example depends on the name, the split, i and the seed only.

    Labels come in shuffled blocks that hold each label once, so any prefix is balanced. Arguments and errors are
    those of `generate`.
    """
    made = _find(name)
    if split not in SIZES:
        raise UsageError(f"a generated task has no split '{split}'; choose one of {', '.join(SIZES)}")
    if limit is not None and limit < 0:
        raise UsageError(f"the limit is {limit}; give a number of examples, 0 or more")
    size = SIZES[split] if limit is None else limit
    return islice(_stream(made, split, seed), size)


def true_label(name: str, inputs: Mapping[str, str], choices: Sequence[str] = ()) -> int | None:
    """The label that a text has, computed from its words alone; an oracle for any perturbed text.

    Args:
        name: A name in `GENERATED`.
        inputs: Field name to text; a missing or empty field has no words.
        choices: The answer options of the example; only `choice_lookup` needs them.

    Returns:
        Index of the label, or None where the words do not decide it.

    Raises:
        UsageError: If the task is unknown.
    """
    made = _find(name)
    split = WORD_RULES["unicode"]
    words = {
        field: [text[start:end].lower() for start, end in split(text)]
        for field in made.task.fields
        for text in (inputs.get(field, ""),)
    }
    return made.rule(words, choices)


def _find(name: str) -> Generated:
    if name not in GENERATED:
        raise UsageError(f"there is no generated task '{name}'; choose one of {', '.join(GENERATED)}")
    return GENERATED[name]


def _stream(made: Generated, split: str, seed: int) -> Iterator[Example]:
    name, index = made.task.name, 0
    while True:
        block = list(range(made.classes))
        random.Random(f"{name}/{seed}/{split}/block{index}").shuffle(block)
        for label in block:
            yield _example(made, split, seed, index, label)
            index += 1


def _example(made: Generated, split: str, seed: int, index: int, label: int) -> Example:
    name = made.task.name
    rng = random.Random(f"{name}/{seed}/{split}/{index}")
    while True:
        marked, choices = made.draw(rng, label)
        plain = {field: unmark(text) for field, text in marked.items()}
        inputs = {field: text for field, (text, _) in plain.items()}
        # The digest of the text decides the split, so that no text can be drawn for two of them.
        if hashlib.sha256("\n".join(inputs.values()).encode()).digest()[0] % 16 in _BUCKETS[split]:
            break
    evidence: Evidence = {field: spans for field, (_, spans) in plain.items() if spans}
    return Example(
        id=f"{name}-{split}-{seed}-{index}",
        task=name,
        inputs=inputs,
        choices=choices or made.task.choices,
        label=label,
        evidence=evidence,
    )
