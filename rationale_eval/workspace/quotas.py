"""How much of the machine the runs of one workspace may take: the file `quotas.json`, or these defaults."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from rationale_eval.errors import InputError, UsageError

FILE: Final = "quotas.json"


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits; None means without one.

    Args:
        queue_length: Runs that may wait.
        per_device: Runs that work on one device at a time.
        run_seconds: Time one attempt of a run may take; then it is cancelled and can be resumed.
        run_bytes: Disk that one run may take.
        total_bytes: Disk that all runs, with the trash, may take.
        free_bytes: Disk that must be free before a run is accepted or started.
    """

    queue_length: int = 50
    per_device: int = 1
    run_seconds: float | None = None
    run_bytes: int | None = None
    total_bytes: int | None = None
    free_bytes: int = 64 * 1024 * 1024

    @classmethod
    def of(cls, workspace: Path) -> Quotas:
        """The limits of a workspace.

        Raises:
            InputError: If the file cannot be read or names something unknown.
        """
        path = workspace / FILE
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise InputError(f"not readable as JSON: {error}", file=str(path)) from error
        if not isinstance(given, dict):
            raise InputError("one JSON object is expected", file=str(path))
        known = [field.name for field in fields(cls)]
        for name, value in given.items():
            if name not in known:
                raise InputError(f"unknown limit; there are {', '.join(known)}", file=str(path), field=name)
            unlimited = value is None and getattr(cls(), name) is None
            if not unlimited and (isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0):
                raise InputError("a number of at least 0 is expected", file=str(path), field=name)
        return cls(**given)

    def require_room(self, workspace: Path, waiting: int) -> None:
        """Refuses one more run where there is no room for it.

        Args:
            workspace: Folder of the workspace.
            waiting: Runs in the queue.

        Raises:
            UsageError: Which limit would be passed and what to do.
        """
        if waiting >= self.queue_length:
            raise UsageError(
                f"{waiting} runs are waiting and the queue holds {self.queue_length}; let some finish, cancel some, or "
                f"raise queue_length in {workspace / FILE}."
            )
        if self.total_bytes is not None and (used := size_of(workspace)) >= self.total_bytes:
            raise UsageError(
                f"the runs take {used / 1e9:.2f} GB of the {self.total_bytes / 1e9:.2f} GB allowed; delete some, or "
                f"raise total_bytes in {workspace / FILE}."
            )
        self.require_free(workspace)

    def require_free(self, workspace: Path) -> None:
        """Refuses to go on when the disk is nearly full.

        Raises:
            UsageError: With what is free and what is needed.
        """
        room = os.statvfs(workspace)
        free = room.f_bavail * room.f_frsize
        if free < self.free_bytes:
            raise UsageError(
                f"only {free / 1e6:.0f} MB are free for {workspace} and {self.free_bytes / 1e6:.0f} MB are wanted; "
                f"free some space, or lower free_bytes in {workspace / FILE}."
            )


def size_of(folder: Path) -> int:
    """Bytes that the files of a folder take on the disk."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_blocks * 512
            except OSError:
                continue  # removed meanwhile
    return total
