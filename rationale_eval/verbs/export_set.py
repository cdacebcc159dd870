"""A data set as a file: JSONL in our schema, which is exact, or a flat table for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from rationale_eval import durable
from rationale_eval.errors import UsageError
from rationale_eval.verbs.export import export

SetFormat = Literal["jsonl", "csv", "parquet"]
FORMATS: Final[tuple[SetFormat, ...]] = ("jsonl", "csv", "parquet")


def format_of(path: Path) -> SetFormat:
    """The format that a file's ending names.

    Raises:
        UsageError: If it names none.
    """
    for known in FORMATS:
        if path.suffix == f".{known}":
            return known
    raise UsageError(f"a data set is written to a file that ends in .{', .'.join(FORMATS)}; '{path.name}' does not.")


def export_set(records: Iterable[Mapping[str, Any]], path: Path, as_format: SetFormat) -> int:
    """Writes examples, whole or not at all.

    Args:
        records: Examples as `to_record` gives them.
        path: The file.
        as_format: "csv" makes texts that a spreadsheet would run as a formula harmless; the others are exact.

    Returns:
        How many.
    """
    rows = 0
    if as_format == "jsonl":
        with durable.whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
            for record in records:
                file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
                rows += 1
        return rows
    import pandas as pd

    table = [flat(record) for record in records]
    export(pd.DataFrame(table), path, as_format)
    return len(table)


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """An example as one row: inputs, the label's name, first rationale, highlights as JSON spans.

    Read back with the columns mapped by these names, it is the same example but for options, further rationales and
    `meta`.
    """
    choices, label, meta = record.get("choices") or [], record.get("label"), record.get("meta") or {}
    row: dict[str, Any] = {"id": record["id"], **record["inputs"]}
    row["label"] = choices[label] if label is not None else meta.get("answer", "")
    row["rationale"] = record.get("rationale") or ""
    evidence = record.get("evidence")
    row["evidence"] = "" if evidence is None else json.dumps(evidence, ensure_ascii=False)
    return row
