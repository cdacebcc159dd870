"""Parquet: columns of text, numbers, truth values, and lists and records of them, decoded under a budget.

A Parquet file of a few hundred bytes can stand for gigabytes of text: one long value and a list of references to it, or
values that repeat their predecessor. So text is left as references while it is decoded, few rows at a time, the
distinct values are measured, and only then is a row made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from rationale_eval.data.gate import value_problem
from rationale_eval.data.limits import Limits
from rationale_eval.data.readers.row import RawRow
from rationale_eval.data.rejections import Rejection
from rationale_eval.errors import InputError

BATCH_ROWS: Final = 256
PAGE_BUDGET: Final = 64 << 20
"""Bytes that one column of one batch may decode to."""
_BYTES_A_CHARACTER: Final = 4
_UNREADABLE: Final = (pa.ArrowException, OSError, ValueError, MemoryError, NotImplementedError)


def _type_problem(kind: pa.DataType, depth: int, limits: Limits) -> str | None:
    if isinstance(kind, pa.BaseExtensionType):
        return f"has the extension type {kind.extension_name}; store plain text and numbers"
    if depth > limits.nesting:
        return f"is nested more than {limits.nesting} levels deep; flatten it"
    if pa.types.is_dictionary(kind):
        return _type_problem(kind.value_type, depth, limits)
    if pa.types.is_map(kind) or not (pa.types.is_nested(kind) or _is_plain(kind)):
        return f"has the type {kind}; store text, numbers, truth values, or lists or records of them"
    for place in range(kind.num_fields):
        if problem := _type_problem(kind.field(place).type, depth + 1, limits):
            return problem
    return None


def _is_plain(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_floating)
    return pa.types.is_boolean(kind) or pa.types.is_null(kind) or any(test(kind) for test in tests)


def _open(file: BinaryIO, name: str, limits: Limits) -> pq.ParquetFile:
    """Opens the file twice: once for its description alone, which says which columns to leave as references.

    Raises:
        InputError: If the description is damaged, or announces more than the limits allow.
    """
    settings: dict[str, Any] = {
        "thrift_string_size_limit": 16 << 20,
        "thrift_container_size_limit": 1 << 20,
        "arrow_extensions_enabled": False,
        "pre_buffer": False,
        "memory_map": False,
    }
    plain = pq.ParquetFile(file, **settings)
    facts, schema = plain.metadata, plain.schema_arrow
    if facts.num_rows > limits.rows:
        raise InputError(f"holds more than {limits.rows:,} rows; split it", file=name)
    if len(schema.names) > limits.columns or facts.num_columns > 4 * limits.columns:
        raise InputError(f"has more than {limits.columns} columns; leave out what is not needed", file=name)
    for column in schema.names:
        if schema.names.count(column) > 1:
            raise InputError(f"has two columns named '{column[:60]}'; rename one", file=name)
        if problem := _type_problem(schema.field(column).type, 1, limits):
            raise InputError(problem, file=name, field=column)
    declared = sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups))
    if not 0 <= declared <= limits.decoded:
        raise InputError(f"unpacks to more than {limits.decoded:,} bytes; split it", file=name)
    columns = [facts.schema.column(place) for place in range(facts.num_columns)]
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    return pq.ParquetFile(file, read_dictionary=texts, **settings)


def _longest(array: pa.Array) -> int:
    """Bytes of the longest text in an array, dictionaries and nested values included, without decoding it."""
    if isinstance(array, pa.DictionaryArray):
        return _longest(array.dictionary)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return int(pa.compute.max(pa.compute.binary_length(array)).as_py() or 0) if len(array) else 0
    if pa.types.is_nested(array.type):
        parts = array.flatten() if pa.types.is_struct(array.type) else [array.values]
        return max((_longest(part) for part in parts), default=0)
    return 0


def _batches(opened: pq.ParquetFile, name: str, limits: Limits) -> Iterator[pa.RecordBatch]:
    # One row group at a time: a batch over two of them has two dictionaries, which lists cannot hold.
    for group in range(opened.num_row_groups):
        for batch in opened.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], use_threads=False):
            for column, array in zip(batch.schema.names, batch.columns, strict=True):
                if _longest(array) > limits.field * _BYTES_A_CHARACTER:
                    raise InputError(f"holds a text longer than {limits.field:,} characters", file=name, field=column)
                if array.nbytes > PAGE_BUDGET:
                    reason = f"unpacks to more than {PAGE_BUDGET:,} bytes for {BATCH_ROWS} rows"
                    raise InputError(reason, file=name, field=column)
            yield batch


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_size(part) for part in value.values())
    return sum(_size(part) for part in value) if isinstance(value, list) else 8


def read_parquet(file: BinaryIO, name: str, limits: Limits) -> Iterator[RawRow | Rejection]:
    """Yields the rows of `file`, streamed; a row with a value that cannot be used becomes a rejection.

    Raises:
        InputError: If the file is damaged, encrypted, of an unreadable type, or unpacks to more than the limits allow.
    """
    number = decoded = 0
    try:
        for batch in _batches(_open(file, name, limits), name, limits):
            for place in range(batch.num_rows):
                number += 1
                row = {column: batch.column(column)[place].as_py() for column in batch.schema.names}
                decoded += _size(row)
                if number > limits.rows or decoded > limits.decoded:
                    raise InputError(
                        f"unpacks to more than {limits.decoded:,} bytes or {limits.rows:,} rows", file=name
                    )
                bad = next(
                    ((key, problem) for key, value in row.items() if (problem := value_problem(value, limits))), None
                )
                yield Rejection(number, *bad, name) if bad else RawRow(number, row)
    except _UNREADABLE as error:
        said = str(error).split("\n")[0].strip()[:160] or "too large"
        if "DeltaByteArray" in said or "DeltaLength" in said:
            said = "texts stored as differences; write the file anew with the default encodings"
        raise InputError(f"cannot be read as Parquet ({said})", file=name) from error
