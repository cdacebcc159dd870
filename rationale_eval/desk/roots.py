"""What may be picked from the disk: data sets and models under the operator's folders, and nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rationale_eval.errors import UsageError

ENDINGS: Final = (".jsonl", ".csv", ".tsv", ".parquet")
MODEL_FILE: Final = "config.json"
OURS: Final = ("bundled/", "generated/", "own/")
"""How names of data sets begin that are no paths."""

MOST_FILES: Final = 50_000
MOST: Final = 500
"""Entries that are looked at under one root: a pick list longer than that helps nobody."""


def within(path: Path, roots: Sequence[Path]) -> Path:
    """A path after links were followed, if it lies under one of the roots.

    Raises:
        UsageError: If it does not, or is neither a regular file nor a folder.
    """
    real = Path(os.path.realpath(path))
    for root in roots:
        base = Path(os.path.realpath(root))
        if real == base or base in real.parents:
            break
    else:
        raise UsageError("that file is not in a folder that this dashboard may open (rationale-eval ui --root).")
    mode = os.stat(real).st_mode if real.exists() else 0
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UsageError(f"'{real.name}' is neither a file nor a folder.")
    return real


def may_open(data: str, roots: Sequence[Path]) -> bool:
    """Whether a page may open a data set by its name: one of ours, one the workspace keeps, or one under the roots.

    Args:
        data: As a job names it.
        roots: The operator's folders, and the workspace.
    """
    if data.startswith(OURS):
        return True
    try:
        real = Path(os.path.realpath(data))
        if not real.exists():  # what is gone is told where it is opened
            return any(Path(os.path.realpath(root)) in real.parents for root in roots)
        within(real, roots)
    except (UsageError, OSError, ValueError):
        return False
    return True


def require_no_way_out(path: Path) -> None:
    """Refuses a file or folder of data in which a link leads out of it, or something is no regular file.

    Raises:
        UsageError: Naming the first of them.
    """
    base = Path(os.path.realpath(path))
    seen = 0
    for folder, names, files in os.walk(path):
        for name in (*names, *files):
            seen += 1
            entry = Path(folder, name)
            real = Path(os.path.realpath(entry))
            mode = os.stat(real).st_mode if real.exists() else 0
            if base not in real.parents or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise UsageError(f"'{path.name}' holds '{name[:60]}', which leads elsewhere or is no file; remove it.")
            if seen > MOST_FILES:
                raise UsageError(f"'{path.name}' holds more than {MOST_FILES:,} files; name the one to open.")


def data_sets(roots: Sequence[Path]) -> list[Path]:
    """Folders of splits and single files of data that lie directly under the roots."""
    return [entry for entry in _entries(roots) if _is_data(entry)]


def models(roots: Sequence[Path]) -> list[Path]:
    """Folders of models that lie directly under the roots."""
    return [entry for entry in _entries(roots) if entry.is_dir() and (entry / MODEL_FILE).is_file()]


def _entries(roots: Sequence[Path]) -> Iterator[Path]:
    for root in roots:
        try:
            found = sorted(os.scandir(root), key=lambda entry: entry.name)[:MOST]
        except OSError:
            continue
        for entry in found:
            if entry.is_symlink() or entry.name.startswith("."):
                continue
            yield Path(entry.path)


def _is_data(path: Path) -> bool:
    if path.is_file():
        return path.suffix in ENDINGS
    return path.is_dir() and any((path / f"{split}{end}").is_file() for split in SPLITS for end in ENDINGS)


SPLITS: Final = ("test", "validation", "train")
