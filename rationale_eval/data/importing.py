"""Outputs of other tools, checked row by row against a data set: token scores, predictions, free text.

A file is JSONL, CSV or Parquet with one row for each example. Rows are matched by `id` (in any order), or by position
where the file has no `id`. Score rows hold `scores` and, unless there is one score for each of our words, `tokens`;
both are lists, over all input fields in reading order. A table with the columns `id`, `token`, `score` and one row a
token is read as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.align import Merge, merge_scores, token_words
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.labels import place
from rationale_eval.data.marks import cell_value
from rationale_eval.data.outputs import Outputs, Prediction, TextRationale
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.data.readers.row import RawRow
from rationale_eval.data.reading import file_format, read_rows
from rationale_eval.data.rejections import Rejection, Rejections
from rationale_eval.data.source import FileSource
from rationale_eval.errors import InputError

SUM_TOLERANCE: Final = 1e-3
"""How far probabilities may be from adding up to one; files are often written with few digits."""
_IDS: Final = ("id", "example_id", "annotation_id")
T = TypeVar("T")


def import_scores(
    file: str | Path,
    data: RationaleDataset,
    *,
    method: str | None = None,
    merge: Merge = "sum",
    rejections: Rejections | None = None,
) -> Explanations:
    """Token scores of another tool as rationales over our words.

    Args:
        file: JSONL, CSV or Parquet with `scores` (and `tokens`, `target`, `hard` where known), or one row a token.
        data: The data set they are about.
        method: The name shown in tables; by default the file's name.
        merge: How the scores of a word's tokens become one: "sum", "mean" or "max".
        rejections: Gets the rows that do not fit, which are passed over then; without it the first one raises.

    Returns:
        Rationales in the order of the data set; read lazily, checked while read.

    Raises:
        InputError: Naming row and token, while iterating.
    """
    name = method or Path(file).stem

    def convert(example: Example, row: Mapping[str, Any]) -> WordScores:
        return _word_scores(example, row, data, name, merge)

    return Explanations(
        name, _source(file, data, convert, rejections), {"imported_from": Path(file).name, "merge": merge}
    )


def import_predictions(
    file: str | Path, data: RationaleDataset, *, system: str | None = None, rejections: Rejections | None = None
) -> Outputs[Prediction]:
    """Predicted labels (`label` or `prediction`: name or index) or `probabilities` (a list, or label names to numbers).

    Raises:
        InputError: Naming row and field, while iterating.
    """
    return Outputs(system or Path(file).stem, _source(file, data, _prediction, rejections))


def import_texts(
    file: str | Path, data: RationaleDataset, *, system: str | None = None, rejections: Rejections | None = None
) -> Outputs[TextRationale]:
    """Free-text rationales (`rationale`, `explanation` or `text`), with the `target` they argue for where it is known.

    Raises:
        InputError: Naming row and field, while iterating.
    """
    return Outputs(system or Path(file).stem, _source(file, data, _text, rejections))


Refuse = Callable[[InputError], None]


def stated_ids(file: str | Path) -> set[str]:
    """The ids that the rows of a file state; rows without one are matched by position.

    Raises:
        InputError: For a row that cannot be read.
    """
    source = FileSource(Path(file))
    found: set[str] = set()
    for row in read_rows(source, file_format(source)):
        if isinstance(row, Rejection):
            raise row.error()
        identity = _identity(row.values)
        if identity is not None:
            found.add(identity)
    return found


def _source(
    file: str | Path,
    data: RationaleDataset,
    convert: Callable[[Example, Mapping[str, Any]], T],
    rejections: Rejections | None,
) -> Callable[[], Iterator[T]]:
    source = FileSource(Path(file))
    kind = file_format(source)

    def refuse(error: InputError) -> None:
        if rejections is None:
            raise error
        rejections.add(Rejection.of(error))

    def rows() -> Iterator[RawRow]:
        for row in read_rows(source, kind):
            if isinstance(row, Rejection):
                refuse(row.error())
            else:
                yield row

    def results() -> Iterator[T]:
        for example, row in _joined(data, _whole_examples(rows()), source.name, refuse):
            try:
                made = convert(example, row.values)
            except InputError as error:
                refuse(InputError(error.problem, file=source.name, row=row.number, field=error.field))
                continue
            yield made

    return results


def _whole_examples(rows: Iterator[RawRow]) -> Iterator[RawRow]:
    """Gathers tables with one row a token into one row an example; passes others through."""
    first = next(rows, None)
    if first is None:
        return
    if not {"token", "score"} <= first.values.keys():
        yield first
        yield from rows
        return

    def again() -> Iterator[RawRow]:
        yield first
        yield from rows

    for identity, group in groupby(again(), key=lambda row: _identity(row.values)):
        members = list(group)
        tokens = [row.values.get("token") for row in members]
        scores = [row.values.get("score") for row in members]
        yield RawRow(members[0].number, {"id": identity, "tokens": tokens, "scores": scores})


def _identity(values: Mapping[str, Any]) -> str | None:
    value = next((values[name] for name in _IDS if values.get(name) not in (None, "")), None)
    return None if value is None else str(value)


def _joined(
    data: RationaleDataset, rows: Iterator[RawRow], file: str, refuse: Refuse
) -> Iterator[tuple[Example, RawRow]]:
    """Examples with their rows, in the data set's order. Only rows that come too early are held."""
    waiting: dict[str, RawRow] = {}
    for example in data:
        while example.id not in waiting:
            row = next(rows, None)
            if row is None:
                refuse(InputError(f"has no row for the example '{example.id[:80]}'", file=file))
                break
            identity = _identity(row.values)
            if identity is None:
                identity = example.id
            if identity in waiting:
                refuse(InputError(f"'{identity[:80]}' stands there twice", file=file, row=row.number, field="id"))
                continue
            waiting[identity] = row
        if example.id in waiting:
            yield example, waiting.pop(example.id)
    # A part of a data set may be scored with a file for the whole.
    if data.is_part:
        return
    for row in chain(waiting.values(), rows):
        identity = _identity(row.values) or "this row"
        refuse(InputError(f"'{identity[:80]}' is no example of {data.name} ({data.split})", file=file, row=row.number))


def _list(values: Mapping[str, Any], name: str) -> list[Any] | None:
    value = cell_value(values.get(name))
    if value in (None, ""):
        return None
    if isinstance(value, str):
        return value.split()
    if not isinstance(value, list):
        raise InputError("is not a list", field=name)
    return value


def _numbers(values: Sequence[Any], name: str) -> NDArray[np.float64]:
    found = []
    for value in values:
        try:
            number = float(value) if not isinstance(value, bool) and value is not None else None
        except (TypeError, ValueError):
            number = None
        if number is None or not np.isfinite(number):
            raise InputError(f"'{str(value)[:40]}' is not a finite number", field=name)
        found.append(number)
    return np.array(found, dtype=np.float64)


def _word_scores(
    example: Example, row: Mapping[str, Any], data: RationaleDataset, method: str, merge: Merge
) -> WordScores:
    words = data.words(example)
    listed = _list(row, "scores")
    if listed is None:
        raise InputError("is missing; write a list of numbers", field="scores")
    scores = _numbers(listed, "scores")
    tokens = _list(row, "tokens")
    hard = _list(row, "hard")
    marks = None if hard is None else _numbers(hard, "hard")
    if tokens is None:
        if len(scores) != len(words):
            reason = f"has {len(scores)} numbers for {len(words)} words; add the tokens, or use the words of the rule"
            raise InputError(f"{reason} '{data.word_rule}'", field="scores")
        owner = np.arange(len(words))
    else:
        if len(tokens) != len(scores):
            raise InputError(f"has {len(scores)} numbers for {len(tokens)} tokens", field="scores")
        if not all(isinstance(token, str) for token in tokens):
            raise InputError("is not a list of texts", field="tokens")
        try:
            owner = token_words(tokens, example.inputs, words)
        except InputError as error:
            raise InputError(error.problem, field="tokens") from error
    if marks is not None and len(marks) != len(owner):
        raise InputError(f"has {len(marks)} marks for {len(owner)} tokens", field="hard")
    return WordScores(
        example.id,
        method,
        words,
        merge_scores(scores, owner, len(words), merge),
        target=_target(example, row.get("target")),
        hard=None if marks is None else np.nan_to_num(merge_scores(marks, owner, len(words), "max")) > 0,
    )


def _target(example: Example, value: Any, field: str = "target") -> int | None:
    if value in (None, ""):
        return None
    try:
        kind = "name" if isinstance(value, str) and value in example.choices else "index"
        return place(value, kind, example.choices)
    except InputError as error:
        raise InputError(error.problem, field=field) from error


def _prediction(example: Example, row: Mapping[str, Any]) -> Prediction:
    stated = row.get("probabilities", row.get("scores"))
    value = cell_value(stated)
    name = next((name for name in ("label", "prediction", "predicted_label") if row.get(name) not in (None, "")), None)
    label = None if name is None else _target(example, row[name], name)
    if value in (None, ""):
        if label is None:
            raise InputError("is missing; write a label or probabilities", field="label")
        return Prediction(example.id, label)
    if isinstance(value, Mapping):
        if set(value) != set(example.choices):
            raise InputError(f"does not name the choices ({', '.join(example.choices)[:120]})", field="probabilities")
        value = [value[choice] for choice in example.choices]
    listed = value.split() if isinstance(value, str) else value
    if not isinstance(listed, list) or len(listed) != len(example.choices):
        raise InputError(f"is not a list of {len(example.choices)} numbers", field="probabilities")
    chances = _numbers(listed, "probabilities")
    if (chances < 0).any() or abs(chances.sum() - 1) > SUM_TOLERANCE:
        raise InputError("are not probabilities: they must be at least 0 and add up to 1", field="probabilities")
    best = int(chances.argmax())
    if label is not None and chances[label] < chances[best]:
        raise InputError("is not the likeliest choice of its probabilities", field=name)
    return Prediction(example.id, best if label is None else label, chances)


def _text(example: Example, row: Mapping[str, Any]) -> TextRationale:
    for name in ("rationale", "explanation", "text"):
        if name in row:
            text = row[name]
            if text is not None and not isinstance(text, str):
                raise InputError("is not text", field=name)
            return TextRationale(example.id, text or "", _target(example, row.get("target")))
    raise InputError("is missing; name the column rationale, explanation or text")
