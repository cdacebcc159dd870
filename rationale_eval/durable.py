"""Writes that are whole or not there: temporary file, write, fsync, rename, fsync of the folder.

Every file the program promises to keep goes through this module, and every operation on the file system through `os`,
so that a test can put another one in its place and fail any of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from rationale_eval.points import reached

MANIFEST = "manifest.json"


def sync_folder(folder: Path) -> None:
    """Makes the names inside `folder` survive a power loss."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Makes the bytes of `path` survive a power loss."""
    _sync(path, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Makes a folder and its missing parents; their names survive a power loss."""
    missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
    for folder in reversed(missing):
        with suppress(FileExistsError):  # made by another process meanwhile
            os.mkdir(folder, mode)
        sync_folder(folder.parent)


def write_all(handle: int, content: bytes) -> None:
    """Writes every byte; the system may take fewer at a time, and a disk that fills up does."""
    left = memoryview(content)
    while left:
        written = os.write(handle, left)
        left = left[written:]


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; what is written there replaces `path` at once when the block ends well."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp-{secrets.token_hex(4)}")
    try:
        reached("file.started")
        yield temporary
        reached("file.written")
        sync_file(temporary)
        reached("file.synced")
        os.replace(temporary, path)
        reached("file.renamed")
        sync_folder(path.parent)
        reached("file.kept")
    finally:
        with suppress(OSError):  # on a broken disk the first error is the one to tell
            os.unlink(temporary)


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces `path` by `content`, whole or not at all."""
    with whole_file(path) as temporary:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            write_all(handle, content)
        finally:
            os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Replaces `path` by `value` as JSON. NaN and infinities are refused: store a flag instead."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False, sort_keys=False)
    write_bytes(path, text.encode("utf-8") + b"\n")


class AppendFile:
    """A file that only grows. A write that fails is taken back, so that whole records stay whole.

    Args:
        path: Made when missing; its folder must exist.
    """

    def __init__(self, path: Path):
        self.path = path
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._named = False

    def append(self, content: bytes) -> None:
        """Adds bytes at the end; they survive the process, and after `sync` a power loss."""
        size = os.fstat(self._handle).st_size
        reached("append.started")
        try:
            write_all(self._handle, content)
        except OSError:
            with suppress(OSError):
                if size < os.fstat(self._handle).st_size < size + len(content):
                    os.ftruncate(self._handle, size)
            raise
        reached("append.written")

    def cut(self, size: int) -> None:
        """Drops what stands after the first `size` bytes."""
        os.ftruncate(self._handle, size)

    def sync(self) -> None:
        """Makes everything appended so far survive a power loss."""
        os.fsync(self._handle)
        if not self._named:
            sync_folder(self.path.parent)
            self._named = True
        reached("append.synced")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._handle)

    def __enter__(self) -> AppendFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def sweep(folder: Path, *, keep: str = "") -> None:
    """Removes what killed writers left unfinished in a folder; only for who alone writes there.

    Args:
        folder: Where.
        keep: Name of a file that others may be writing just now.
    """
    for leftover in folder.glob("*.tmp-*"):
        if keep and leftover.name.startswith(f".{keep}.tmp-"):
            continue
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            with suppress(OSError):
                os.unlink(leftover)


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Appends one JSON record to a JSONL file and makes it durable."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    with AppendFile(path) as file:
        file.append(line)
        file.sync()


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Creates the folder `path` with what `fill` writes into it plus a manifest of SHA-256 sums, whole or not at all.

    The manifest is written last, so a folder without one, or whose files differ from it, is not a finished folder.
    """
    make_folder(path.parent)
    temporary = path.with_name(f"{path.name}.tmp-{secrets.token_hex(4)}")
    os.mkdir(temporary)
    try:
        reached("folder.made")
        fill(temporary)
        reached("folder.filled")
        entries = sorted(temporary.rglob("*"))
        files = [entry for entry in entries if entry.is_file()]
        for file in files:
            sync_file(file)
            reached("folder.file_synced")
        for folder in entries:
            if folder.is_dir():
                sync_folder(folder)
        sums = {str(file.relative_to(temporary)): sha256(file) for file in files}
        write_json(temporary / MANIFEST, {"files": sums})
        reached("folder.manifest_written")
        os.replace(temporary, path)
        reached("folder.renamed")
        sync_folder(path.parent)
        reached("folder.kept")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def damage(folder: Path) -> str | None:
    """Says what is wrong with a folder made by `write_folder`, or None when every file equals its manifest."""
    try:
        sums = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return "its manifest is missing or cannot be read"
    if not isinstance(sums, dict):
        return "its manifest is missing or cannot be read"
    try:
        present = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} - {MANIFEST}
        if present != set(sums):
            odd = sorted(present ^ set(sums))
            return f"the files differ from the manifest: {', '.join(odd[:3])}"
        for name, expected in sums.items():
            if sha256(folder / name) != expected:
                return f"{name} does not match its checksum"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return None
