"""What the workspace asks of the disk: local, private, and with a little put aside for the day it is full."""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from rationale_eval.errors import UsageError

ALLOW_NETWORK: Final = "RATIONALE_EVAL_ALLOW_NETWORK_FILE_SYSTEM"
"""Set to 1 to keep a workspace on a network file system after all; unsupported: locks and renames may not hold."""

# fmt: off
NETWORK: Final = frozenset((
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ncpfs", "afs", "coda", "ceph", "lustre", "glusterfs",
    "gpfs", "beegfs", "orangefs", "pvfs2", "ocfs2", "gfs2", "davfs", "fuse.sshfs", "fuse.glusterfs",
    "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.davfs2", "fuse.juicefs",
))
# fmt: on
BALLAST: Final = "ballast"
BALLAST_BYTES: Final = 256 * 1024
_ROOM: Final = 16
_MOUNTS: Final = Path("/proc/self/mountinfo")


def file_system(path: Path, mounts: str | None = None) -> str | None:
    """The type of the file system that holds `path`, as the kernel names it, or None where it does not tell.

    Args:
        path: Need not exist yet.
        mounts: Text of `/proc/self/mountinfo`; that of this process when None.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    place = Path(os.path.realpath(path))
    best: tuple[int, str | None] = (-1, None)
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        parts, kind = before.split(), after.split()
        if len(parts) < 5 or not kind:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), parts[4]))
        # Later lines cover earlier ones at the same point.
        if place.is_relative_to(point) and len(point.parts) >= best[0]:
            best = (len(point.parts), kind[0])
    return best[1]


def require_local(path: Path) -> None:
    """Refuses a network file system, on which locks and renames do not hold what they promise.

    Raises:
        UsageError: With the way round it.
    """
    kind = _kind(str(path))
    if kind in NETWORK and os.environ.get(ALLOW_NETWORK) != "1":
        raise UsageError(
            f"the workspace {path} is on a network file system ({kind}), where locks may fail and runs could be lost; "
            f"put it on a local disk with --workspace (or set {ALLOW_NETWORK}=1, unsupported)."
        )


@lru_cache(maxsize=64)
def _kind(path: str) -> str | None:
    return file_system(Path(path))


def require_private(path: Path) -> None:
    """Refuses a workspace in which other users of the machine could change runs.

    Raises:
        UsageError: With the command that mends it.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if mode & 0o022:
        raise UsageError(f"others may write to the workspace {path}; close it first: chmod go-w {path}")


def put_ballast(workspace: Path) -> None:
    """Puts a small file aside, to be given up when the disk is full so that the failure can still be recorded."""
    path = workspace / BALLAST
    with suppress(OSError):
        if path.exists():
            return
        room = os.statvfs(workspace)
        if room.f_bavail * room.f_frsize < _ROOM * BALLAST_BYTES:
            return
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Real bytes: a hole would free nothing.
            os.write(handle, b"\0" * BALLAST_BYTES)
        finally:
            os.close(handle)


def drop_ballast(workspace: Path) -> bool:
    """Gives the space put aside back; False if there was none."""
    try:
        os.unlink(workspace / BALLAST)
    except OSError:
        return False
    return True


def full(error: BaseException) -> bool:
    """Whether an error means that the disk, or this user's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
