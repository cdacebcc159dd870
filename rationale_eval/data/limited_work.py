"""What the limited process can be asked: one name, one function of JSON values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final

from rationale_eval.data.align import Merge
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.load import load_dataset, other_splits
from rationale_eval.data.rejections import Rejection, Rejections
from rationale_eval.data.schema import to_record
from rationale_eval.errors import InputError

MOST_REJECTED: Final = 10_000
"""Rejected rows that are listed one by one; the rest is counted."""

SHOWN: Final = 400
"""Characters of a text in a preview."""


class Listing(Rejections):
    """Rejections that are also written down one by one.

    Args:
        path: The JSONL file; None writes nothing.
    """

    def __init__(self, path: Path | None):
        super().__init__()
        self.path = path
        self.clear()

    def clear(self) -> None:
        """Forgets everything; called when a new pass begins."""
        if self.path is not None:
            self.path.write_text("", encoding="utf-8")
        super().clear()

    def add(self, rejection: Rejection) -> None:
        """Counts a row and, if there is room, writes it down."""
        if self.path is not None and self.total < MOST_REJECTED:
            line = {"row": rejection.row, "field": rejection.field, "reason": rejection.reason}
            with open(self.path, "a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        super().add(rejection)


def convert(source: str, output: str, rejected: str | None, **options: Any) -> dict[str, Any]:
    """Writes the usable rows in our schema; see `convert_limited`."""
    data = load_dataset(source, on_error="collect", **options)
    data.rejections = Listing(None if rejected is None else Path(rejected))
    rows = 0
    with open(output, "w", encoding="utf-8", newline="\n") as file:
        for example in data:
            file.write(json.dumps(to_record(example), ensure_ascii=False, allow_nan=False) + "\n")
            rows += 1
    return {
        "rows": rows,
        "rejected": len(data.rejections),
        "groups": _groups(data.rejections),
        "mapping": data.origin.mapping,
        "task": asdict(data.task),
    }


def look(source: str, examples: int, **options: Any) -> dict[str, Any]:
    """The first rows as they stand there, how they would be read, and the first examples that come of them.

    A file that cannot be read as it is mapped still shows its columns and rows, and the sentence under `refused`.
    """
    found: dict[str, Any] = {"columns": [], "rows": [], "lines": [], "task": None, "examples": [], "refused": None}
    found |= _raw(Path(source), examples, options.get("encoding"))
    try:
        data = load_dataset(source, on_error="collect", **options)
        found["examples"] = [_short(to_record(example)) for example in islice(data, examples)]
        found |= {"lines": list(data.origin.mapping), "task": asdict(data.task), "word_rule": data.word_rule}
        found |= {"name": data.name, "split": data.split}
    except InputError as error:
        if not found["rows"]:
            raise
        found["refused"] = str(InputError(error.problem, row=error.row, field=error.field))
    return found


def report(source: str, split: str | None, limit: int | None, **options: Any) -> dict[str, Any]:
    """The facts of a data set; see `check_data`."""
    from rationale_eval.data.check import check_data

    def read(wanted: str | None) -> RationaleDataset:
        return load_dataset(source, wanted, on_error="collect", **options)

    data = read(split)
    others = [read(name) for name in other_splits(source, data.split)]
    made = check_data(data.limit(limit), others)
    return asdict(made) | {"warnings": made.warnings(), "others": [other.split for other in others]}


def outputs(
    source: str, data: str, split: str | None, output: str, kind: str, name: str | None, merge: Merge, rejected: str
) -> dict[str, Any]:
    """Checks another tool's outputs and, if every row fits, writes them in our form; see `import_file`."""
    from rationale_eval.data.store import Kind, import_file

    kinds: dict[str, Kind] = {"scores": "scores", "predictions": "predictions", "texts": "texts"}
    bad = Listing(Path(rejected))
    about = load_dataset(data, split)
    done = import_file(Path(source), about, Path(output), kind=kinds[kind], name=name, merge=merge, rejections=bad)
    facts = {"rows": done.rows, "name": done.name, "facts": dict(done.facts), "split": about.split}
    return facts | {"fingerprint": about.fingerprint(), "rejected": len(bad), "groups": _groups(bad)}


WORK: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "convert": convert,
    "look": look,
    "report": report,
    "outputs": outputs,
}


def _raw(path: Path, rows: int, encoding: str | None) -> dict[str, Any]:
    """Columns and first rows of a file; nothing for a name or a folder."""
    from rationale_eval.data.readers.row import RawRow
    from rationale_eval.data.reading import file_format, read_rows
    from rationale_eval.data.schema import in_schema
    from rationale_eval.data.source import FileSource

    if not path.is_file():
        return {}
    source = FileSource(path)
    kind = file_format(source, encoding)

    def first() -> Iterator[Mapping[str, Any]]:
        for row in read_rows(source, kind, encoding=encoding):
            if isinstance(row, RawRow):
                yield row.values

    found = list(islice(first(), rows))
    columns = list(dict.fromkeys(name for row in found for name in row))
    shown = [{name: _cell(row.get(name)) for name in columns} for row in found]
    return {"columns": columns, "rows": shown, "format": kind, "in_schema": bool(found) and in_schema(found[0])}


def _groups(rejections: Rejections) -> list[dict[str, Any]]:
    return [
        {"field": one.field, "reason": one.reason, "count": one.count, "first": [asdict(row) for row in one.first]}
        for one in rejections
    ]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} …"


def _short(record: Any) -> Any:
    if isinstance(record, str):
        return _cell(record)
    if isinstance(record, dict):
        return {key: _short(value) for key, value in record.items()}
    return [_short(value) for value in record] if isinstance(record, list) else record
