"""Files of people: bytes kept under their own hash, read in the limited process, and their rows kept as an own set."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.data.example import Task
from rationale_eval.data.limited import Conversion, ask_limited, convert_limited
from rationale_eval.data.own import Filled, OwnSet, checked_split, keep
from rationale_eval.data.reading import file_format
from rationale_eval.data.source import FileSource
from rationale_eval.errors import InputError, UsageError

UPLOADS: Final = "uploads"
MOST_BYTES: Final = 50 * 1024 * 1024
"""Of one uploaded file."""

MOST_KEPT: Final = 40
KEPT_SECONDS: Final = 24 * 3600.0
"""Uploads that nobody went on with are removed after a day, and the oldest when there are more than `MOST_KEPT`."""

REJECTED: Final = ".rejected"
"""Ending of the list of rows that a split was made without."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of files.

    Args:
        own: The set.
        conversions: By split.
    """

    own: OwnSet
    conversions: Mapping[str, Conversion]


def receive(workspace: Path, content: bytes) -> Path:
    """Stores uploaded bytes under their SHA-256; what the sender called them plays no part.

    Args:
        workspace: A workspace that exists.
        content: The bytes.

    Raises:
        InputError: If they are too many, none, or of a kind that is no table (an archive, a document).
    """
    if len(content) > MOST_BYTES:
        raise InputError(f"has {len(content) / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} MB can be uploaded")
    folder = workspace / UPLOADS
    durable.make_folder(folder, 0o700)
    path = folder / hashlib.sha256(content).hexdigest()
    _sweep(folder, path.name)
    durable.write_bytes(path, content)
    path.chmod(0o600)
    try:
        file_format(FileSource(path))
    except InputError as error:
        path.unlink()
        raise InputError(error.problem, file="the upload") from error
    return path


def received(workspace: Path, name: str) -> Path:
    """An upload by its SHA-256.

    Raises:
        UsageError: If it is not there (any more).
    """
    path = workspace / UPLOADS / name
    if len(name) != 64 or not set(name) <= set("0123456789abcdef") or path.is_symlink() or not path.is_file():
        raise UsageError("that upload is not there any more; upload the file again.")
    return path


def look(path: Path, *, examples: int = 8, **options: Any) -> dict[str, Any]:
    """The first rows of a file and how they would be read; see `limited_work.look`.

    Args:
        path: The file.
        examples: Rows and examples to show.
        options: `mapping`, `task` and `encoding`, as for `load_dataset`.

    Raises:
        InputError: If it is refused.
    """
    return ask_limited("look", path, {"examples": examples, **options})


def keep_files(
    workspace: Path,
    name: str,
    files: Mapping[str, Path],
    *,
    mapping: Mapping[str, str] | None = None,
    task: str | None = None,
    encoding: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Kept:
    """Reads files in the limited process and keeps their usable rows as an own set.

    Args:
        workspace: A workspace that exists.
        name: The set's name.
        files: Split to file. Label names found in any of them get the same index in all.
        mapping: Our names to their columns; what is not named is guessed.
        task: Name of a catalogue entry that the files follow.
        encoding: Encoding of text files.
        about: Where they come from.

    Raises:
        UsageError: For an unfit name, or splits that do not belong together.
        InputError: If a file is refused.
    """
    conversions: dict[str, Conversion] = {}

    def fill(folder: Path) -> Filled:
        with _folder_of_splits(workspace, files) as splits:
            for split in map(checked_split, files):
                try:
                    conversions[split] = convert_limited(
                        splits,
                        folder / f"{split}.jsonl",
                        split=split,
                        mapping=mapping,
                        task=task,
                        encoding=encoding,
                        rejected=folder / f"{split}{REJECTED}",
                    )
                except InputError as error:
                    where = f"the file of the split '{split}'"
                    raise InputError(error.problem, file=where, row=error.row, field=error.field) from error
        tasks = {split: _task(done.task) for split, done in conversions.items()}
        first = next(iter(tasks.values()))
        for split, each in tasks.items():
            if (each.kind, each.choices, set(each.fields)) != (first.kind, first.choices, set(first.fields)):
                raise UsageError(
                    f"the split '{split}' asks for something else than '{next(iter(tasks))}' (other labels or fields); "
                    "keep them as two sets, or map the same columns."
                )
        counts = {split: done.rows for split, done in conversions.items()}
        rejected = {split: done.rejected for split, done in conversions.items()}
        lines = list(next(iter(conversions.values())).mapping)
        return Filled(first, counts, {"mapping": lines, "rejected": rejected, **(about or {})})

    return Kept(keep(workspace, name, fill), conversions)


@contextmanager
def _folder_of_splits(workspace: Path, files: Mapping[str, Path]) -> Iterator[Path]:
    root = workspace / UPLOADS
    durable.make_folder(root, 0o700)
    folder = root / f".stage-{os.urandom(6).hex()}"
    folder.mkdir(mode=0o700)
    try:
        for split, path in files.items():
            (folder / f"{checked_split(split)}.{file_format(FileSource(path))}").symlink_to(path.absolute())
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _task(record: Mapping[str, Any]) -> Task:
    return Task(record["name"], record["kind"], tuple(record["fields"]), tuple(record["choices"]))


def _sweep(folder: Path, keep: str) -> None:
    found = [
        (entry.stat().st_mtime, entry) for entry in os.scandir(folder) if len(entry.name) == 64 and entry.is_file()
    ]
    found.sort(key=lambda each: -each[0])
    for place, (at, entry) in enumerate(found):
        if entry.name != keep and (place >= MOST_KEPT or time.time() - at > KEPT_SECONDS):
            with suppress(OSError):
                os.unlink(entry.path)
