"""An input file that may be read several times and must be the same each time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rationale_eval.errors import InputError

Signature = tuple[int, int, int, int]


def _signature(status: os.stat_result) -> Signature:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class FileSource:
    """A regular file, pinned to the state it had when it was named.

    Args:
        path: The file. Links are followed; pipes, devices and folders are refused.

    Raises:
        InputError: If it cannot be opened or is not a regular file, and on reading it after it has changed.
    """

    def __init__(self, path: Path):
        self.path, self.name = path, str(path)
        with self._open() as file:
            self._pinned = _signature(os.fstat(file.fileno()))

    @property
    def size(self) -> int:
        """Bytes."""
        return self._pinned[1]

    def _open(self) -> BinaryIO:
        try:
            # Without O_NONBLOCK, opening a pipe would wait for a writer for ever.
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"cannot be opened ({reason})", file=self.name) from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise InputError("is not a regular file; name a .jsonl, .csv, .tsv or .parquet file", file=self.name)
        return os.fdopen(handle, "rb")

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Yields the open file; compares its state with the pinned one before and after."""
        with self._open() as file:
            self._compare(file)
            yield file
            self._compare(file)

    def _compare(self, file: BinaryIO) -> None:
        if _signature(os.fstat(file.fileno())) != self._pinned:
            raise InputError("the file changed since it was first read; load the data set again", file=self.name)


def confined(path: Path, roots: list[Path]) -> Path:
    """The real path behind `path`, if it lies under one of `roots` after links are resolved.

    Raises:
        InputError: If it lies elsewhere.
    """
    real = path.resolve()
    if any(real.is_relative_to(root.resolve()) for root in roots):
        return real
    raise InputError("lies outside the folders that may be read here", file=str(path))
