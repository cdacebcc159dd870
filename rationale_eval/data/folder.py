"""Folders of splits: which files stand for which split."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rationale_eval.errors import InputError, UsageError

SUFFIXES: Final = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
DEFAULT_ORDER: Final = ("test", "validation", "train")
_ALIASES: Final = {"dev": "validation", "val": "validation", "valid": "validation", "training": "train"}
_SHARD: Final = re.compile(r"-\d{5}-of-\d{5}$")

LOCAL_ROOTS_VARIABLE: Final = "RATIONALE_EVAL_DATA"


def split_name(stem: str) -> str:
    """The split a file name stands for: "dev" is "validation", the shard number is left out."""
    base = _SHARD.sub("", stem)
    return _ALIASES.get(base.lower(), base)


def file_split(stem: str) -> str:
    """The split that a single file's name mentions ("esnli_dev" is "validation"); "all" where it mentions none."""
    parts = [split_name(part) for part in re.split(r"[-_.\s]+", stem.lower())]
    return next((part for part in reversed(parts) if part in DEFAULT_ORDER), "all")


def find_splits(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Split name to its files (several for a set in shards), in the order of their names.

    Raises:
        InputError: If the folder holds no data files, or two forms of one split.
    """
    splits: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            splits.setdefault(split_name(path.stem), []).append(path)
    if not splits:
        raise InputError(f"holds no data files ({', '.join(SUFFIXES)})", file=str(folder))
    for name, paths in splits.items():
        if len(paths) > 1 and not all(_SHARD.search(path.stem) for path in paths):
            files = " and ".join(path.name for path in paths[:2])
            raise InputError(f"has two files for the split '{name}' ({files}); name the file to read", file=str(folder))
    return {name: tuple(paths) for name, paths in splits.items()}


def choose_split(splits: Mapping[str, object], wanted: str | None, where: str) -> str:
    """`wanted` if it exists; by default test, else validation, else train, else the only one.

    Raises:
        UsageError: Listing the splits that exist.
    """
    if wanted is None:
        wanted = next((name for name in DEFAULT_ORDER if name in splits), None)
        if wanted is None and len(splits) == 1:
            wanted = next(iter(splits))
    name = _ALIASES.get(wanted, wanted) if wanted else None
    if name is not None and name in splits:
        return name
    listed = ", ".join(splits)
    if wanted is None:
        raise UsageError(f"{where} has the splits {listed}; say which one to read")
    raise UsageError(f"{where} has no split '{wanted}'; there are: {listed}")


def local_roots() -> list[Path]:
    """Folders that may hold named sets: those of the environment variable, then the usual places."""
    named = [Path(part) for part in os.environ.get(LOCAL_ROOTS_VARIABLE, "").split(os.pathsep) if part]
    return [*named, Path("data"), Path("shared/data"), Path("../shared/data")]


def find_named(name: str) -> Path | None:
    """The folder of a named set under `local_roots`, or None."""
    return next((root / name for root in local_roots() if (root / name).is_dir()), None)
