"""Taking turns: short exclusive sections between processes and threads, by a kernel lock that dies with its holder."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rationale_eval.errors import RationaleEvalError

PATIENCE: Final = 30.0
"""Seconds to wait for another process before giving up with a sentence."""

_PAUSE: Final = 0.005


class FolderGone(RationaleEvalError):
    """The run's folder was deleted or moved."""

    reason = "folder missing"


@contextmanager
def turn(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Holds the right to change the state of one run for the length of a block.

    The lock is on the folder itself, so it needs no file of its own and moves with the folder.

    Args:
        folder: The run's folder.
        patience: Seconds to wait.

    Raises:
        FolderGone: If the folder is not there (any more).
        RationaleEvalError: If another process keeps the turn for longer than `patience`.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise _gone(folder) from error
    try:
        wait_for(handle, fcntl.LOCK_EX, f"run {folder.name}", patience)
        try:
            same = os.path.samestat(os.stat(folder), os.fstat(handle))
        except FileNotFoundError:
            same = False
        if not same:
            raise _gone(folder)
        yield
    finally:
        os.close(handle)


def wait_for(handle: int, kind: int, what: str, patience: float = PATIENCE) -> None:
    """Takes a `flock` lock, waiting no longer than `patience` seconds.

    Raises:
        RationaleEvalError: If it is still held then.
    """
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EINTR):
                raise
        if time.monotonic() > end:
            raise RationaleEvalError(
                f"{what} has been kept busy by another process for {patience:.0f} seconds; try again, or stop that one."
            )
        time.sleep(_PAUSE)


def _gone(folder: Path) -> FolderGone:
    return FolderGone(f"the folder of run {folder.name} is gone: it was deleted or moved.")
