"""Writes that fail, told as one sentence with a machine-readable reason."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from safetensors import SafetensorError

from rationale_eval.errors import RationaleEvalError

_OS_ERROR: Final = re.compile(r"os error (\d+)")
REASONS: Final = {
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "disk full",
    errno.EFBIG: "file size limit",
    errno.EROFS: "read-only file system",
    errno.EMFILE: "too many open files",
    errno.EACCES: "permission denied",
}


class StorageFailed(RationaleEvalError):
    """Something could not be written; what was written before is intact.

    Args:
        reason: Short cause, for example "disk full".
        message: The sentence.
    """

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


@contextmanager
def told_plainly(what: str, folder: Path) -> Iterator[None]:
    """Turns an operating-system error of a write into `StorageFailed`.

    Args:
        what: What is being written, for example "a checkpoint".
        folder: Where to.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = error.errno if isinstance(error, OSError) else None
        if number is None and (found := _OS_ERROR.search(str(error))):
            number = int(found[1])
        reason = REASONS.get(number or 0, "input/output error")
        free = free_bytes(folder)
        raise StorageFailed(
            reason,
            f"could not write {what} to {folder}: {reason} ({free / 1e6:.0f} MB free); "
            "the checkpoint before it is intact: mend this and resume.",
        ) from error


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is; 0 where that cannot be told."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
