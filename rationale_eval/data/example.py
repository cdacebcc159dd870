"""One example and the kind of task it belongs to. Every task is a choice: inputs, choices, one right index or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Span = tuple[int, int]
"""Character offsets into one input field: Unicode code points, start included, end excluded."""

Evidence = Mapping[str, tuple[Span, ...]]
"""Highlighted spans for each input field, sorted and without overlap; a missing field has no spans."""

TaskKind = Literal["classification", "multiple_choice", "open"]


@dataclass(frozen=True, slots=True)
class Task:
    """What an example asks for.

    Args:
        name: The task's name, for example "nli".
        kind: "classification" (the same choices for every example), "multiple_choice" (each example brings its
            own choices) or "open" (the answer is text, there are no choices).
        fields: Names of the input fields in reading order.
        choices: The label names of a classification task; empty otherwise.
    """

    name: str
    kind: TaskKind
    fields: tuple[str, ...]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One instance of a task with its gold rationales.

    Args:
        id: Unique within a split.
        task: Name of the task.
        inputs: Field name to text, in reading order; at least one field, none empty.
        choices: Label names or answer options; empty for open answers.
        label: Index into `choices`, or None where it is not known.
        answer: The open answer, or None.
        rationales: Free-text gold rationales; the first is the preferred one.
        evidence: Gold highlights; None means not annotated, an empty mapping that nothing was marked.
        annotators: Gold highlights of each annotator, where several are known.
        meta: Whatever else came with the record (JSON values).
    """

    id: str
    task: str
    inputs: Mapping[str, str]
    choices: tuple[str, ...] = ()
    label: int | None = None
    answer: str | None = None
    rationales: tuple[str, ...] = ()
    evidence: Evidence | None = None
    annotators: tuple[Evidence, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
