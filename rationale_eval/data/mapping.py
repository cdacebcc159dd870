"""Own files: which column becomes what. Guessed, shown, and overridden by the user.

A mapping is written `ours=theirs`: `premise=sentence1 label=gold_label rationale=why evidence=spans`. On the left
stand `id`, `label`, `choices`, `answer`, `rationale`, `evidence` (or `evidence.<field>`); every other name is an
input field. On the right stands a column, a path into a record (`choices.text`), or several columns (`why1,why2`);
nothing turns a guess off. A kind may follow the name: `label:index|letter|bool|answer|name`,
`evidence:spans|indices|mask|marked|words`, `<field>:tokens` for a column of token lists, `rationale:before_hash` and
`answer:after_hash` for "solution #### answer".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rationale_eval.data.catalogue import Entry
from rationale_eval.data.example import Evidence, Example, Task
from rationale_eval.data.guess import RESERVED, guess_columns
from rationale_eval.data.labels import MOST_CLASSES, fits, label_names, label_text, place
from rationale_eval.data.marks import READERS, cell_value, guess_kind, is_mask, read_marks
from rationale_eval.data.readers.row import RawRow
from rationale_eval.data.reading import Rows
from rationale_eval.data.schema import read_inputs
from rationale_eval.errors import InputError, UsageError

Source = Literal["given", "guessed", "catalogue", "catalogue, unconfirmed"]
HASH: Final = "####"
_KINDS: Final = {
    "label": ("name", "index", "letter", "bool", "answer"),
    "evidence": tuple(READERS),
    "rationale": ("before_hash",),
    "answer": ("after_hash",),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One line of a mapping.

    Args:
        role: What it becomes: an input field, or one of `RESERVED`, or "evidence.<field>".
        paths: The columns it is read from.
        source: Who said so.
        kind: How its values are read; None is the plain way.
    """

    role: str
    paths: tuple[str, ...]
    source: Source
    kind: str | None = None

    def __str__(self) -> str:
        note = self.source + (f", read as {self.kind}" if self.kind else "")
        return f"{self.role} <- {', '.join(self.paths)} ({note})"


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """A mapping that was decided for one file.

    Args:
        columns: Its lines.
        task: The task of the examples it makes.
    """

    columns: tuple[Column, ...]
    task: Task
    _by_role: Mapping[str, Column] = field(default_factory=dict, repr=False)

    def describe(self) -> tuple[str, ...]:
        """Lines such as "premise <- sentence1 (guessed)"."""
        choices = (f"choices: {', '.join(self.task.choices)}",) if self.task.kind == "classification" else ()
        return (*map(str, self.columns), *choices)

    def to_example(self, values: Mapping[str, Any], row: int) -> Example:
        """One row as an example.

        Raises:
            InputError: Naming the field at fault.
        """
        inputs = read_row_inputs(self.columns, values)
        choices = self.task.choices or read_choices(self._by_role.get("choices"), values)
        label = self._by_role.get("label")
        identity = _first(self._by_role.get("id"), values)
        return Example(
            id=str(row) if identity in (None, "") else str(identity),
            task=self.task.name,
            inputs=inputs,
            choices=choices,
            label=None if label is None else place(_first(label, values), label.kind or "name", choices),
            answer=_answer(self._by_role.get("answer"), values),
            rationales=_rationales(self._by_role.get("rationale"), values),
            evidence=self._evidence(values, inputs),
        )

    def _evidence(self, values: Mapping[str, Any], inputs: Mapping[str, str]) -> Evidence | None:
        found: dict[str, Any] = {}
        annotated = False
        for column in self.columns:
            if column.role.split(".")[0] != "evidence":
                continue
            value = cell_value(_first(column, values))
            if value in (None, ""):
                continue
            annotated = True
            kind = column.kind or guess_kind(value, inputs) or "spans"
            target = column.role.partition(".")[2] or None
            found.update(read_marks(value, inputs, "indices" if kind == "numbers" else kind, target))
        return found if annotated else None


def _look(values: Mapping[str, Any], path: str) -> Any:
    if path in values:
        return values[path]
    value: Any = values
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _first(column: Column | None, values: Mapping[str, Any]) -> Any:
    return None if column is None else _look(values, column.paths[0])


def is_input(role: str) -> bool:
    """Whether a name in a mapping is an input field."""
    return role.split(".")[0] not in RESERVED


def read_row_inputs(columns: tuple[Column, ...], values: Mapping[str, Any]) -> dict[str, str]:
    """The input fields of a row, in the order of the mapping."""
    inputs: dict[str, Any] = {}
    for column in columns:
        if not is_input(column.role):
            continue
        value = _first(column, values)
        if column.kind == "tokens":
            value = cell_value(value)
            if not isinstance(value, list) or not all(
                isinstance(token, str) and token.split() == [token] for token in value
            ):
                raise InputError("is not a list of tokens without white space", field=column.role)
            value = " ".join(value)
        if not isinstance(value, str) or not value.strip():
            raise InputError(
                "is empty" if value in (None, "") or isinstance(value, str) else "is not text", field=column.role
            )
        inputs[column.role] = value
    return read_inputs(inputs)


def read_choices(column: Column | None, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The options of a row."""
    if column is None:
        return ()
    if len(column.paths) > 1:
        options = [_look(values, path) for path in column.paths]
    else:
        options = cell_value(_first(column, values))
    if not isinstance(options, list) or not options or not all(isinstance(one, str) and one for one in options):
        raise InputError('is not a list of options; write ["first", "second"] or map several columns', field="choices")
    return tuple(options)


def _answer(column: Column | None, values: Mapping[str, Any]) -> str | None:
    value = _first(column, values)
    if value in (None, "") or column is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError("is neither text nor a number", field="answer")
    return str(value).rpartition(HASH)[2].strip() if column.kind == "after_hash" else str(value)


def _rationales(column: Column | None, values: Mapping[str, Any]) -> tuple[str, ...]:
    texts: list[str] = []
    for path in column.paths if column else ():
        value = cell_value(_look(values, path))
        for text in value if isinstance(value, list) else [value]:
            if text in (None, ""):
                continue
            if not isinstance(text, str):
                raise InputError("is not text", field="rationale")
            texts.append(text.rpartition(HASH)[0].rstrip() if column and column.kind == "before_hash" else text)
    return tuple(texts)


def parse_mapping(given: Mapping[str, str], columns: list[str], source: Source) -> list[Column]:
    """A mapping as written, checked against the columns of the file.

    Raises:
        UsageError: For an unknown kind. InputError for an unknown column.
    """
    parsed = []
    for left, right in given.items():
        role, _, kind = left.partition(":")
        allowed = ("tokens",) if is_input(role) else _KINDS.get(role.split(".")[0], ())
        if kind and kind not in allowed:
            raise UsageError(
                f"'{left}': {role} can be read as {', '.join(allowed) or 'nothing special'}, not as '{kind}'"
            )
        paths = (right,) if right in columns else tuple(part.strip() for part in right.split(",") if part.strip())
        for path in paths:
            if path not in columns and path.split(".")[0] not in columns:
                raise InputError(f"there is no column '{path}'; there are: {', '.join(columns)[:400]}", field=role)
        parsed.append(Column(role, paths, source, kind or None))
    return parsed


def resolve(
    rows: Rows, given: Mapping[str, str] | None, entry: Entry | None, task: Task | None, survey_rows: Rows | None = None
) -> ColumnMapping:
    """Decides the mapping of a file; reads it once to learn the label names and how evidence is written.

    Args:
        rows: The file's rows, re-readable.
        given: What the user said, "ours" to "theirs".
        entry: The catalogue entry the file follows, if any.
        task: The task, if the user named one.
        survey_rows: The rows to learn from, where they are more than the file's own (those of all splits).

    Raises:
        InputError: If an input or a column cannot be found. UsageError for a mapping that cannot mean anything.
    """
    available = _columns(rows)
    columns, named = _choose(available, given or {}, entry)
    if not any(is_input(column.role) for column in columns):
        listed = ", ".join(available)[:400]
        raise InputError(f"no column looks like an input; map one, such as text={available[0]} (there are: {listed})")
    survey = _Survey(columns, task.choices if task else named)
    survey.read(survey_rows or rows)
    decided = survey.decided()
    kind, choices = survey.kind()
    fields = tuple(column.role for column in decided if is_input(column.role))
    name = task.name if task else entry.task.name if entry else kind
    by_role = {column.role: column for column in decided}
    return ColumnMapping(decided, task or Task(name, kind, fields, choices), by_role)


def _columns(rows: Rows) -> list[str]:
    seen: dict[str, None] = {}
    for count, row in enumerate(row for row in rows() if isinstance(row, RawRow)):
        seen.update(dict.fromkeys(row.values))
        if count == 100:
            break
    return list(seen)


def _choose(
    available: list[str], given: Mapping[str, str], entry: Entry | None
) -> tuple[list[Column], tuple[str, ...]]:
    """Given lines first, then those of a catalogue form whose columns are all there, then guesses."""
    columns = parse_mapping(given, available, "given")
    choices = entry.task.choices if entry else ()
    taken = {column.role.split(".")[0] for column in columns}
    own_inputs = any(is_input(column.role) for column in columns)
    for form in entry.forms if entry and not own_inputs else ():
        try:
            told: Source = "catalogue" if form.confirmed else "catalogue, unconfirmed"
            known = parse_mapping(form.columns, available, told)
        except InputError:
            continue
        columns += [column for column in known if column.role.split(".")[0] not in taken]
        return [column for column in columns if column.paths], form.choices or choices
    used = {path.split(".")[0] for column in columns for path in column.paths} | {p for c in columns for p in c.paths}
    guessed = guess_columns([name for name in available if name not in used], inputs=not own_inputs)
    columns += [Column(role, (path,), "guessed") for role, path in guessed.items() if role not in taken]
    return [column for column in columns if column.paths], choices


class _Survey:
    """One pass over a file that learns what its labels and highlights look like."""

    def __init__(self, columns: list[Column], choices: tuple[str, ...]):
        self.columns, self.choices = tuple(columns), choices
        self.by_role = {column.role: column for column in columns}
        self.names: dict[str, None] = {}
        self.fitting: Counter[str] = Counter()
        self.marks: dict[str, Counter[str]] = {}

    def read(self, rows: Rows) -> None:
        for row in _raw(rows):
            try:
                inputs = read_row_inputs(self.columns, row.values)
                self._label(row.values)
            except InputError:
                continue
            self._evidence(row.values, inputs)

    def _label(self, values: Mapping[str, Any]) -> None:
        column = self.by_role.get("label")
        value = _first(column, values)
        if column is None or value in (None, ""):
            return
        if column.kind != "bool" and len(self.names) <= MOST_CLASSES:
            text = label_text(value)
            if text is not None:
                self.names[text] = None
        choices = self.choices or read_choices(self.by_role.get("choices"), values)
        if choices and column.kind is None:
            self.fitting.update(kind for kind in ("name", "index", "letter") if fits(value, kind, choices))

    def _evidence(self, values: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        for column in self.columns:
            if column.role.split(".")[0] != "evidence" or column.kind:
                continue
            value = cell_value(_first(column, values))
            parts = value if isinstance(value, dict) else {column.role.partition(".")[2] or next(iter(inputs)): value}
            for name, part in parts.items():
                part = cell_value(part)
                if part in (None, "") or (kind := guess_kind(part, inputs)) is None:
                    continue
                if kind == "numbers":
                    kind = "mask" if name in inputs and is_mask(part, inputs[name]) else "indices"
                self.marks.setdefault(column.role, Counter())[kind] += 1

    def decided(self) -> tuple[Column, ...]:
        """The columns with the kinds that were found out."""
        return tuple(Column(one.role, one.paths, one.source, one.kind or self._kind_of(one)) for one in self.columns)

    def _kind_of(self, column: Column) -> str | None:
        if column.role == "label" and (self.choices or "choices" in self.by_role):
            # Counter.most_common keeps the order of equals, so a name wins over an index, an index over a letter.
            ranked = sorted(("name", "index", "letter"), key=lambda kind: -self.fitting[kind])
            return ranked[0]
        if marks := self.marks.get(column.role):
            # One list of token numbers that is no mask settles that none is.
            return "indices" if "indices" in marks and "mask" in marks else marks.most_common(1)[0][0]
        return None

    def kind(self) -> tuple[Literal["classification", "multiple_choice", "open"], tuple[str, ...]]:
        """The task's kind and its choices."""
        if "choices" in self.by_role:
            return "multiple_choice", ()
        if self.choices:
            return "classification", self.choices
        label = self.by_role.get("label")
        if label is None:
            return "open", ()
        if label.kind == "bool":
            return "classification", ("false", "true")
        return "classification", label_names(self.names)


def _raw(rows: Rows) -> Iterator[RawRow]:
    return (row for row in rows() if isinstance(row, RawRow))
