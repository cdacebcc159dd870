"""JSONL: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from rationale_eval.data.gate import value_problem
from rationale_eval.data.limits import Limits
from rationale_eval.data.readers.row import RawRow
from rationale_eval.data.readers.text import read_lines
from rationale_eval.data.rejections import Rejection
from rationale_eval.errors import InputError


class _Refused(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f"the key '{twice[:40]}' stands twice in one object; keep one")
    return record


def _constant(text: str) -> NoReturn:
    raise _Refused(f"{text} is not JSON; write null")


def _whole(text: str) -> int:
    if len(text) > 20:
        raise _Refused("a whole number has more than 20 digits; write it as text")
    return int(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_whole)


def parse_line(line: str, limits: Limits) -> dict[str, Any]:
    """One line as a record.

    Raises:
        InputError: Without file and row, which the caller knows.
    """
    try:
        record = _DECODER.decode(line)
    except _Refused as error:
        raise InputError(str(error)) from error
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON ({error.msg} at character {error.pos + 1})") from error
    except RecursionError as error:
        raise InputError(f"is nested more than {limits.nesting} levels deep; flatten it") from error
    if isinstance(record, list):
        raise InputError("is a JSON array; write one object a line (jq -c '.[]')")
    if not isinstance(record, dict):
        raise InputError("is not a JSON object; write one object a line")
    if len(record) > limits.columns:
        raise InputError(f"has more than {limits.columns} keys; leave out what is not needed")
    for key, value in record.items():
        if problem := value_problem(key, limits):
            raise InputError(f"a key {problem}")
        if problem := value_problem(value, limits):
            raise InputError(problem, field=key)
    return record


def read_jsonl(file: BinaryIO, name: str, limits: Limits, encoding: str | None = None) -> Iterator[RawRow | Rejection]:
    """Yields the records of `file`; a line that cannot be used becomes a rejection. Blank lines are passed over.

    Raises:
        InputError: If the file as a whole cannot be read: encoding, size, or one JSON array in place of lines.
    """
    records = 0
    for number, line in enumerate(read_lines(file, name, limits, encoding), start=1):
        if not line.strip(" \t\r\n"):
            continue
        if records == 0 and line.lstrip(" \t\r").startswith("["):
            raise InputError("is one JSON array; write one object a line (jq -c '.[]')", file=name)
        records += 1
        if records > limits.rows:
            raise InputError(f"holds more than {limits.rows:,} rows; split it", file=name)
        try:
            yield RawRow(number, parse_line(line, limits))
        except InputError as error:
            yield Rejection(number, error.field, error.problem, name)
