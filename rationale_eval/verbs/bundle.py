"""A run as one file that can be given away: its record, results and, on request, its model; but not our paths."""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.workspace.run import Run

RECORDS: Final = ("config.json", "provenance.json", "status.json", "summary.json", "evaluation.json")
_METADATA: Final = b"rationale_eval"
_PRIVATE: Final = frozenset({"directory", "owner"})
"""Keys that say where and by whom, which is nobody's business elsewhere."""

_PATH: Final = re.compile(r"(?<![\w.:/~-])(?:/[\w.@%+~-]+){2,}/?")


def bundle(run: Run, out: Path, *, model: bool = False) -> list[str]:
    """Writes a run into a ZIP file, whole or not at all.

    Args:
        run: The run; finished or not.
        out: The file, ending in .zip.
        model: Whether its weights go in too.

    Returns:
        The names in the file.

    Raises:
        UsageError: If `out` is no .zip, or the model is wanted and there is none.
        RationaleEvalError: If the model is damaged.
    """
    if out.suffix != ".zip":
        raise UsageError(f"an exported run is a .zip file, not '{out.name}'")
    if model and not run.model.is_dir():
        raise UsageError(f"run {run.id} has no model; leave out --model")
    if model and (fault := durable.damage(run.model)):
        raise RationaleEvalError(f"the model of run {run.id} is damaged: {fault}.")
    clean = _cleaner(run)
    with (
        durable.whole_file(out) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file,
        tempfile.TemporaryDirectory(prefix="rationale_eval-") as scratch,
    ):
        for name in RECORDS:
            if (run.folder / name).exists():
                record = _cleaned(json.loads((run.folder / name).read_text("utf-8")), clean)
                file.writestr(f"{run.id}/{name}", json.dumps(record, ensure_ascii=False, indent=2) + "\n")
        if run.metrics_file.exists():
            file.write(run.metrics_file, f"{run.id}/{run.metrics_file.name}")
        for path in sorted(run.folder.glob("*.parquet")) + sorted(run.folder.glob("explanations/*.parquet")):
            file.write(_clean_table(path, Path(scratch), clean), f"{run.id}/{path.relative_to(run.folder)}")
        for path in sorted(run.model.rglob("*")) if model else ():
            if path.is_file():
                file.write(path, f"{run.id}/{path.relative_to(run.folder)}")
        return file.namelist()


def _cleaner(run: Run) -> Callable[[str], str]:
    """Shortens paths: the workspace becomes "workspace", any other whole path its last part."""
    home = str(run.workspace.resolve()), str(run.workspace.absolute()), str(run.workspace)
    # Paths with blanks in them are known from the record only.
    known = [text for text in _strings(run.config) if text.startswith("/")]
    longest = sorted({*known, *(path for path in home if path.startswith("/"))}, key=len, reverse=True)

    def clean(text: str) -> str:
        for path in longest:
            text = text.replace(path, "workspace" if path in home else Path(path).name)
        return _PATH.sub(lambda found: Path(found[0]).name, text)

    return clean


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _strings(one)]


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(key): _cleaned(one, clean) for key, one in value.items() if key not in _PRIVATE}
    if isinstance(value, list):
        return [_cleaned(one, clean) for one in value]
    return value


def _clean_table(path: Path, scratch: Path, clean: Callable[[str], str]) -> Path:
    """The same rows; where what the file says about itself names paths, a copy that does not."""
    with pq.ParquetFile(path) as table:
        schema = table.schema_arrow
        about = (schema.metadata or {}).get(_METADATA)
        if about is None:
            return path
        said = json.dumps(_cleaned(json.loads(about), clean), ensure_ascii=False).encode()
        copy = scratch / path.name
        with pq.ParquetWriter(copy, schema.with_metadata({_METADATA: said}), compression="zstd") as writer:
            for group in range(table.num_row_groups):
                writer.write_table(table.read_row_group(group).cast(schema.with_metadata({_METADATA: said})))
    return copy
