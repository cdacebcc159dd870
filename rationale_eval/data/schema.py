"""The project's own JSON schema: one record becomes an `Example`, an `Example` becomes one record.

```
{"id", "task", "inputs": {field: text}, "choices": [text], "label": index or null, "rationale": text or null,
 "rationales": [text], "evidence": null or {field: [[start, end]]}, "meta": {...}}
```

`meta.answer` is the answer of an open question, `meta.evidence_by_annotator` one evidence object for each annotator.
Records with `target` in place of `choices` are open questions whose answer is the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rationale_eval.data.example import Evidence, Example, Span
from rationale_eval.errors import InputError

_OWN_PLACE: Final = ("answer", "evidence_by_annotator")
"""Parts of `meta` that an example keeps in fields of their own."""


def in_schema(record: Mapping[str, Any]) -> bool:
    """Whether a record is written in this schema (and not a row of somebody's own table)."""
    return isinstance(record.get("inputs"), dict) or ("tokens" in record and "tags" in record)


def read_label(value: Any, choices: tuple[str, ...]) -> int | None:
    """A label index that is null or in range.

    Raises:
        InputError: Otherwise; booleans and fractional numbers are never taken for an index.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(
            f"is {_kind(value)}, not the index of a choice; write a whole number from 0 or null", field="label"
        )
    if not 0 <= value < len(choices):
        raise InputError(f"{value} is out of range; there are {len(choices)} choices, counted from 0", field="label")
    return value


def read_spans(value: Any, text: str, field: str) -> tuple[Span, ...]:
    """Character spans of one field.

    Raises:
        InputError: For spans that are reversed, empty, out of bounds, unsorted or overlapping.
    """
    if not isinstance(value, list):
        raise InputError("is not a list of [start, end] pairs", field=field)
    spans: list[Span] = []
    for pair in value:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(end) is int for end in pair)):
            raise InputError("is not a list of [start, end] pairs of whole numbers", field=field)
        start, end = pair
        if not 0 <= start < end <= len(text):
            raise InputError(
                f"the span [{start}, {end}] is empty, reversed or outside the text of {len(text)} characters",
                field=field,
            )
        if spans and start < spans[-1][1]:
            raise InputError(f"the span [{start}, {end}] overlaps the one before it or is out of order", field=field)
        spans.append((start, end))
    return tuple(spans)


def read_evidence(value: Any, inputs: Mapping[str, str], field: str = "evidence") -> Evidence | None:
    """An evidence object; null stays None ("not annotated").

    Raises:
        InputError: For unknown fields and bad spans.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InputError("is not an object of field names and spans", field=field)
    if unknown := [name for name in value if name not in inputs]:
        raise InputError(f"names '{unknown[0]}', which is not an input; there are {', '.join(inputs)}", field=field)
    return {name: read_spans(spans, inputs[name], f"{field}.{name}") for name, spans in value.items()}


def read_inputs(value: Any) -> dict[str, str]:
    """Input fields: at least one, each with visible text."""
    if not isinstance(value, dict) or not value:
        raise InputError("must be an object with at least one text", field="inputs")
    for name, text in value.items():
        if not isinstance(text, str):
            raise InputError(f"is {_kind(text)}, not text", field=f"inputs.{name}")
        if not text.strip():
            raise InputError("is empty", field=f"inputs.{name}")
    return value


def to_example(record: Mapping[str, Any], row: int) -> Example:
    """Checks one record and makes it an example.

    Args:
        record: The record as parsed.
        row: Its number, used as the id where the record brings none.

    Raises:
        InputError: Naming the field at fault; file and row are the caller's to add.
    """
    if "tokens" in record and "inputs" not in record:
        raise InputError(
            "holds a tag for every token, which is neither a choice nor an answer; this task cannot be used"
        )
    inputs = read_inputs(record.get("inputs"))
    choices = _texts(record.get("choices", []), "choices")
    meta = record.get("meta") or {}
    if not isinstance(meta, dict):
        raise InputError("is not an object", field="meta")
    annotators = meta.get("evidence_by_annotator") or []
    if not isinstance(annotators, list):
        raise InputError("is not a list", field="meta.evidence_by_annotator")
    read = (read_evidence(one, inputs, "meta.evidence_by_annotator") for one in annotators)
    return Example(
        id=_identity(record.get("id"), row),
        task=_optional_text(record.get("task"), "task") or "",
        inputs=inputs,
        choices=choices,
        label=read_label(record.get("label"), choices),
        answer=_answer(record, meta),
        rationales=_rationales(record),
        evidence=read_evidence(record.get("evidence"), inputs),
        annotators=tuple(one for one in read if one is not None),
        meta={key: value for key, value in meta.items() if key not in _OWN_PLACE},
    )


def to_record(example: Example) -> dict[str, Any]:
    """The record of an example: `to_example(to_record(e), 1)` equals `e`."""
    meta = dict(example.meta)
    if example.answer is not None:
        meta["answer"] = example.answer
    if example.annotators:
        meta["evidence_by_annotator"] = [_spans(one) for one in example.annotators]
    return {
        "id": example.id,
        "task": example.task,
        "inputs": dict(example.inputs),
        "choices": list(example.choices),
        "label": example.label,
        "rationale": example.rationales[0] if example.rationales else None,
        "rationales": list(example.rationales),
        "evidence": None if example.evidence is None else _spans(example.evidence),
        "meta": meta,
    }


def _spans(evidence: Evidence) -> dict[str, list[list[int]]]:
    return {name: [[start, end] for start, end in spans] for name, spans in evidence.items()}


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    names = {str: "text", int: "a whole number", float: "a fractional number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def _identity(value: Any, row: int) -> str:
    if value is None:
        return str(row)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise InputError(f"is {_kind(value) if value != '' else 'empty'}; write a unique text", field="id")
    return value


def _optional_text(value: Any, field: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InputError(f"is {_kind(value)}, not text", field=field)


def _texts(value: Any, field: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise InputError("is not a list of texts", field=field)
    return tuple(value)


def _rationales(record: Mapping[str, Any]) -> tuple[str, ...]:
    several = _texts(record.get("rationales") or [], "rationales")
    first = _optional_text(record.get("rationale"), "rationale")
    if not first or first in several[:1]:
        return several
    return (first, *several)


def _answer(record: Mapping[str, Any], meta: Mapping[str, Any]) -> str | None:
    value = record["target"] if "target" in record else meta.get("answer")
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InputError(
        f"is {_kind(value)}, not text or a number", field="target" if "target" in record else "meta.answer"
    )
