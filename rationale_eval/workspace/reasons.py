"""Short machine-readable causes of failures."""

from __future__ import annotations

import errno
from typing import Final

_REASONS: Final = {
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "disk full",
    errno.EFBIG: "file size limit",
    errno.EROFS: "read-only file system",
    errno.EMFILE: "too many open files",
    errno.EACCES: "permission denied",
}


def reason_of(error: Exception) -> str:
    """The cause in a few words, for example "disk full"."""
    if isinstance(error, OSError):
        return _REASONS.get(error.errno or 0, "input/output error")
    # torch has its own class, which this room must not import.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory"
    return str(getattr(error, "reason", "error"))
