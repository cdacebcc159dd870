"""One example of an evaluation with all that is known about it: text, word scores, answers, free texts, numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rationale_eval.data.example import Example
from rationale_eval.data.schema import to_example
from rationale_eval.data.words import Word, gold_mask
from rationale_eval.desk.slate import Column, Slate
from rationale_eval.desk.slate_query import rows
from rationale_eval.desk.sources import Source
from rationale_eval.desk.systems import system_name
from rationale_eval.errors import InputError
from rationale_eval.verbs.predictions import INPUT, OWN


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One system's word scores.

    Args:
        system: Who.
        words: The words.
        scores: float64 `[words]`; NaN where there is none.
        target: Index of the explained choice, or None.
    """

    system: str
    words: tuple[Word, ...]
    scores: NDArray[np.float64]
    target: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One answer.

    Args:
        system: Who gave it, or about whose text it was given.
        seen: What was seen: `input`, `own`, or a simulator as "np both".
        choice: Index into the choices, or None where no answer can be read.
        probabilities: float64 `[choices]`, or None.
        text: The free-text rationale, for `own`.
    """

    system: str
    seen: str
    choice: int | None
    probabilities: NDArray[np.float64] | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """One metric's value for the example.

    Args:
        column: Of the slate.
        system: Whose.
        metric: Which.
        variant: Which.
        direction: Which way is better.
        value: NaN where undefined.
        reason: Why it is undefined.
    """

    column: str
    system: str
    metric: str
    variant: str
    direction: str
    value: float
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Detail:
    """An example.

    Args:
        id: Its id.
        place: Its place in the data set, from 0.
        example: The example; None where its data are gone.
        scored: Word scores, in the order of the evaluation.
        answers: Answers of the model, of systems, and of simulators.
        numbers: Scores, in the order of the evaluation.
    """

    id: str
    place: int
    example: Example | None
    scored: tuple[Scored, ...] = ()
    answers: tuple[Answer, ...] = ()
    numbers: tuple[Number, ...] = field(default=())

    def gold(self, words: Sequence[Word]) -> NDArray[np.bool_] | None:
        """Which words people marked `[words]`; None where nobody looked."""
        if self.example is None or self.example.evidence is None:
            return None
        return gold_mask(words, self.example.evidence)

    def choice(self, index: int | None) -> str:
        """The name of a choice."""
        choices = () if self.example is None else self.example.choices
        if index is None:
            return "no answer that can be read"
        return choices[index] if 0 <= index < len(choices) else f"choice {index + 1}"

    def answer(self, system: str, seen: str) -> Answer | None:
        """An answer by who gave it and what was seen."""
        return next((each for each in self.answers if each.system == system and each.seen == seen), None)


def detail(slate: Slate, sources: Sequence[Source], place: int) -> Detail:
    """Everything about the example at a place.

    Args:
        slate: The slate of the evaluations.
        sources: The evaluations.
        place: From 0, in the data set's order.
    """
    about = slate.about
    scores, at = slate.scores(), [each for each in about.columns if each.role == "row"]
    names = ["example_id", "record", *(each.name for each in scores), *(each.name for each in at)]
    row = rows(slate, [place], names).iloc[0]
    id = str(row["example_id"])
    record = row["record"]
    example = to_example(json.loads(record), place + 1) if isinstance(record, str) else None
    scored = [_scored(each.system, Path(about.files[each.system]), int(row[each.name])) for each in at]
    numbers = [
        Number(each.name, each.system, each.metric, each.variant, each.direction, float(row[each.name]))
        for each in scores
    ]
    reasons = _reasons(sources, id) if any(np.isnan(each.value) for each in numbers) else {}
    return Detail(
        id,
        place,
        example,
        tuple(each for each in scored if each is not None),
        tuple(_answers(sources, id)) or _explained(about.columns, scored, sources),
        tuple(
            each if np.isfinite(each.value) else _with(each, reasons.get((each.system, each.metric, each.variant), ""))
            for each in numbers
        ),
    )


def _with(number: Number, reason: str) -> Number:
    return Number(number.column, number.system, number.metric, number.variant, number.direction, number.value, reason)


def _scored(system: str, path: Path, row: int) -> Scored | None:
    if row < 0:
        return None
    try:
        found = _row(path, row)
    except (OSError, pa.ArrowException):
        return None
    parts = [found[name] or [] for name in ("word_field", "word_start", "word_end", "scores")]
    if len({len(part) for part in parts}) != 1:
        raise InputError("has lists of different lengths; the file is damaged", file=path.name, row=row + 1)
    words = tuple(Word(*each) for each in zip(*parts[:3], strict=True))
    scores = np.array([np.nan if score is None else score for score in parts[3]], dtype=np.float64)
    return Scored(system, words, scores, found["target"])


def _row(path: Path, row: int) -> dict[str, Any]:
    """One row of a Parquet file; only its group is read."""
    with pq.ParquetFile(path, memory_map=True) as file:
        before = 0
        for group in range(file.metadata.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if row < before + size:
                names = ["target", "word_field", "word_start", "word_end", "scores"]
                found: dict[str, Any] = file.read_row_group(group, columns=names).slice(row - before, 1).to_pylist()[0]
                return found
            before += size
    raise OSError(f"{path} has no row {row}")


def _reasons(sources: Sequence[Source], id: str) -> dict[tuple[str, str, str], str]:
    found: dict[tuple[str, str, str], str] = {}
    for source in sources:
        names = ["method", "metric", "variant", "reason"]
        table = pq.read_table(source.run.examples, columns=names, filters=pc.field("example_id") == id)
        for each in table.to_pylist():
            if each["reason"]:
                system = system_name(source.run.id, each["method"], alone=len(sources) == 1)
                found[system, each["metric"], each["variant"]] = each["reason"]
    return found


def _answers(sources: Sequence[Source], id: str) -> list[Answer]:
    found = []
    for source in sources:
        if source.predictions is None:
            continue
        table = pq.read_table(source.predictions, filters=pc.field("example_id") == id)
        for each in table.to_pylist():
            probabilities = each["probabilities"]
            found.append(
                Answer(
                    system_name(source.run.id, each["system"], alone=len(sources) == 1),
                    each["seen"],
                    each["choice"],
                    None if probabilities is None else np.array(probabilities, dtype=np.float64),
                    each["text"],
                )
            )
    return found


def _explained(
    columns: Sequence[Column], scored: Sequence[Scored | None], sources: Sequence[Source]
) -> tuple[Answer, ...]:
    """Evaluations made before answers were kept: a method that explains the predicted choice names it."""
    who = [each.system for each in columns if each.role == "answer"]
    predicted = {
        system_name(source.run.id, each.method, alone=len(sources) == 1): system_name(
            source.run.id, "model", alone=len(sources) == 1
        )
        for source in sources
        for each in source.rationales()
        if each.target == "predicted"
    }
    found = {predicted[each.system]: each.target for each in scored if each is not None and each.system in predicted}
    return tuple(Answer(system, INPUT, found[system]) for system in who if system in found)


def verdicts(found: Detail, system: str) -> list[tuple[str, dict[str, Answer]]]:
    """What simulators answered about a system's text, for each kind of weights by what they saw."""
    kinds: dict[str, dict[str, Answer]] = {}
    for each in found.answers:
        if each.system == system and each.seen not in (INPUT, OWN):
            weights, _, view = each.seen.partition(" ")
            kinds.setdefault(weights, {})[view] = each
    return list(kinds.items())
