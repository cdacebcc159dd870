"""Word scores on disk: one Parquet file for one method and one data set, streamed both ways.

Columns, one row an example, in the data set's order:

| column | type | |
|---|---|---|
| `example_id` | text | |
| `target` | whole number or null | index of the explained choice |
| `word_field`, `word_start`, `word_end` | lists | the words, as character offsets into the input fields |
| `scores` | list of float64 | one for each word; null where the method cannot say |
| `hard` | list of truth values, or null | the method's own selection |
| `note_names`, `note_values` | lists | numbers worth keeping |

The file's metadata hold, as JSON under the key `rationale_eval`: `version`, `method`, `params`, `data` and its
`fingerprint`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.limits import DEFAULT_LIMITS
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.data.readers.parquet import read_parquet
from rationale_eval.data.rejections import Rejection
from rationale_eval.data.source import FileSource
from rationale_eval.data.words import Word
from rationale_eval.durable import whole_file
from rationale_eval.errors import InputError, RationaleEvalError

VERSION: Final = 1
GROUP_ROWS: Final = 1024
KEY: Final = b"rationale_eval"
SCHEMA: Final = pa.schema(
    [
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("target", pa.int32()),
        pa.field("word_field", pa.list_(pa.string())),
        pa.field("word_start", pa.list_(pa.int32())),
        pa.field("word_end", pa.list_(pa.int32())),
        pa.field("scores", pa.list_(pa.float64())),
        pa.field("hard", pa.list_(pa.bool_())),
        pa.field("note_names", pa.list_(pa.string())),
        pa.field("note_values", pa.list_(pa.float64())),
    ]
)


@contextmanager
def explanations_file(
    path: str | Path, method: str, params: Mapping[str, Any] | None = None, data: RationaleDataset | None = None
) -> Iterator[Callable[[WordScores], None]]:
    """Yields a function that adds one rationale; the file is there, whole, once the block ends well.

    Args:
        path: The Parquet file.
        method: The name of the method.
        params: What else identifies it.
        data: The data set the rationales are about; its fingerprint is stored beside them.

    Raises:
        RationaleEvalError: If a score is infinite.
    """
    about = {"version": VERSION, "method": method, "params": dict(params or {})}
    if data is not None:
        about |= {"data": {"name": data.name, "split": data.split, "word_rule": data.word_rule}}
        about |= {"fingerprint": data.fingerprint()}
    schema = SCHEMA.with_metadata({KEY: json.dumps(about, ensure_ascii=False, default=str).encode()})
    held: list[dict[str, Any]] = []
    with whole_file(Path(path)) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(held, schema=schema))
            held.clear()

        def add(one: WordScores) -> None:
            held.append(_row(one))
            if len(held) == GROUP_ROWS:
                flush()

        yield add
        if held:
            flush()


def save_explanations(explanations: Explanations, path: str | Path, data: RationaleDataset | None = None) -> Path:
    """Writes rationales, whole or not at all; memory does not grow with their number.

    Args:
        explanations: What to write; read once.
        path: The Parquet file.
        data: The data set they are about; its fingerprint is stored beside them.

    Raises:
        RationaleEvalError: If a score is infinite.
    """
    with explanations_file(path, explanations.method, explanations.params, data) as add:
        for one in explanations:
            add(one)
    return Path(path)


def load_explanations(path: str | Path, data: RationaleDataset | None = None) -> Explanations:
    """Opens rationales written by `save_explanations`; rows are read anew on every pass.

    Args:
        path: The Parquet file.
        data: If given, the data set they must be about.

    Raises:
        InputError: If the file is not of this form, was made for other data, or changes between two passes.
    """
    source = FileSource(Path(path))
    about = _about(source)
    if data is not None and about.get("fingerprint") not in (None, data.fingerprint()):
        raise InputError(f"was made for other data than {data.name} ({data.split}); extract anew", file=source.name)
    method = str(about["method"])

    def rows() -> Iterator[WordScores]:
        with source.open() as file:
            for row in read_parquet(file, source.name, DEFAULT_LIMITS):
                if isinstance(row, Rejection):
                    raise row.error()
                yield _word_scores(row.values, method, source.name, row.number)

    return Explanations(method, rows, about.get("params") or {})


def _about(source: FileSource) -> dict[str, Any]:
    try:
        with source.open() as file:
            schema = pq.read_schema(file)
        about = json.loads((schema.metadata or {})[KEY])
        known = (
            about["version"] == VERSION and isinstance(about["method"], str) and isinstance(about.get("params"), dict)
        )
        known = known and set(SCHEMA.names) <= set(schema.names)
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise InputError("holds no saved rationales; use import for files of other tools", file=source.name) from error
    if not known:
        raise InputError("holds rationales of another version of this program; extract anew", file=source.name)
    return dict(about)


def _row(one: WordScores) -> dict[str, Any]:
    scores = np.asarray(one.scores, dtype=np.float64)
    if np.isinf(scores).any():
        raise RationaleEvalError(f"{one.method} gave an infinite score for the example '{one.example_id[:80]}'")
    return {
        "example_id": one.example_id,
        "target": one.target,
        "word_field": [word.field for word in one.words],
        "word_start": [word.start for word in one.words],
        "word_end": [word.end for word in one.words],
        "scores": [None if np.isnan(score) else float(score) for score in scores],
        "hard": None if one.hard is None else [bool(mark) for mark in one.hard],
        "note_names": list(one.notes),
        "note_values": [float(value) if np.isfinite(value) else None for value in one.notes.values()],
    }


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _word_scores(row: Mapping[str, Any], method: str, file: str, number: int) -> WordScores:
    parts = [row[name] or [] for name in ("word_field", "word_start", "word_end", "scores")]
    hard = row["hard"]
    if len({len(part) for part in parts}) != 1 or (hard is not None and len(hard) != len(parts[0])):
        raise InputError("has lists of different lengths; the file is damaged", file=file, row=number)
    words = tuple(Word(field, start, end) for field, start, end in zip(*parts[:3], strict=True))
    notes = dict(zip(row["note_names"] or [], _numbers(row["note_values"] or []), strict=False))
    return WordScores(
        example_id=row["example_id"],
        method=method,
        words=words,
        scores=np.array(_numbers(parts[3]), dtype=np.float64),
        target=row["target"],
        hard=None if hard is None else np.array(hard, dtype=bool),
        notes=notes,
    )
