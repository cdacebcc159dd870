"""Who works on a run: a POSIX record lock on a file that the owner opens exactly once.

The kernel frees the lock when its holder dies, however it dies, and a forked child does not keep it. Such a lock
vanishes if its holder opens and closes the file again, so inside the owning process nothing but `Lease` touches it.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import threading
from pathlib import Path
from types import TracebackType

from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace.turn import FolderGone

_held: set[str] = set()
# Taking and asking must not overlap between threads: closing the file in one would drop the lock of the other.
_one_at_a_time = threading.Lock()


def _forget() -> None:
    """A forked child holds nothing, and may itself have been forked while a thread was asking."""
    global _one_at_a_time
    _held.clear()
    _one_at_a_time = threading.Lock()


os.register_at_fork(after_in_child=_forget)


class Taken(RationaleEvalError):
    """Somebody works on the run already."""


class Lease:
    """Held while a process works on a run.

    Args:
        path: The lock file; created when missing.

    Raises:
        Taken: On entering, if another process (or this one) holds it.
    """

    def __init__(self, path: Path):
        self.path = path
        self._key = os.path.realpath(path)
        self._file: int | None = None

    def __enter__(self) -> Lease:
        with _one_at_a_time:
            if self._key in _held:
                raise Taken(f"run {self.path.parent.name} is already worked on by this process.")
            while not self._take():
                pass
            _held.add(self._key)
        return self

    def _take(self) -> bool:
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError as error:
            raise FolderGone(f"the folder of run {self.path.parent.name} is gone: it was deleted or moved.") from error
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise Taken(
                f"run {self.path.parent.name} is already worked on by another process; wait for it or stop it first."
            ) from error
        self._file = file
        if self.holds():
            return True
        # Put aside between opening and locking: the lock is on a file that nobody will look at again.
        self._file = None
        os.close(file)
        return False

    def holds(self) -> bool:
        """Whether the locked file is still the one under its name; false after the run was taken away by force."""
        if self._file is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self.path))
        except FileNotFoundError:
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _one_at_a_time:
            if self._file is not None:
                _held.discard(self._key)
                os.close(self._file)
                self._file = None


def holder(path: Path) -> int | None:
    """Process id of whoever holds the lease, or None if it is free; asks the kernel and takes nothing.

    A holder that this process cannot see, in another container for example, is told as 0.
    """
    with _one_at_a_time:
        return _ask(path)


def _ask(path: Path) -> int | None:
    if os.path.realpath(path) in _held:
        return os.getpid()
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if sys.platform == "darwin":  # struct flock there: start, length, pid, type, whence
            query = struct.pack("qqihh", 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
            _, _, pid, kind, _ = struct.unpack("qqihh", fcntl.fcntl(file, fcntl.F_GETLK, query))
        else:  # type, whence, start, length, pid
            query = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, query))
    except OSError:
        return None
    finally:
        os.close(file)
    return None if kind == fcntl.F_UNLCK else max(0, int(pid))
