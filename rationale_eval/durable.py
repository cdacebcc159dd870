"""Writes that are whole or not there: temporary file, write, fsync, rename, fsync of the folder.

Every file the program promises to keep goes through this module.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"


def sync_folder(folder: Path) -> None:
    """Makes the names inside `folder` survive a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Makes the bytes of `path` survive a power loss."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; what is written there replaces `path` at once when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{secrets.token_hex(4)}")
    try:
        yield temporary
        sync_file(temporary)
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces `path` by `content`, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Replaces `path` by `value` as JSON. NaN and infinities are refused: store a flag instead."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False, sort_keys=False)
    write_bytes(path, text.encode("utf-8") + b"\n")


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Appends one JSON record to a JSONL file and makes it durable."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    with open(path, "ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Creates the folder `path` with what `fill` writes into it plus a manifest of SHA-256 sums, whole or not at all.

    The manifest is written last, so a folder without one, or whose files differ from it, is not a finished folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp-{secrets.token_hex(4)}")
    temporary.mkdir()
    try:
        fill(temporary)
        files = sorted(file for file in temporary.rglob("*") if file.is_file())
        for file in files:
            sync_file(file)
        sums = {str(file.relative_to(temporary)): sha256(file) for file in files}
        write_json(temporary / MANIFEST, {"files": sums})
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def damage(folder: Path) -> str | None:
    """Says what is wrong with a folder made by `write_folder`, or None when every file equals its manifest."""
    try:
        sums = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return "its manifest is missing or cannot be read"
    present = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} - {MANIFEST}
    if present != set(sums):
        odd = sorted(present ^ set(sums))
        return f"the files differ from the manifest: {', '.join(odd[:3])}"
    for name, expected in sums.items():
        if sha256(folder / name) != expected:
            return f"{name} does not match its checksum"
    return None
