"""The worker of a dashboard: a detached process that serves the queue until it is empty, one for each workspace.

Several dashboards, and a dashboard that was killed and came back, share it: a kernel lock says whether it is there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from rationale_eval import durable
from rationale_eval.workspace.launch import environment
from rationale_eval.workspace.lease import holder
from rationale_eval.workspace.worker import ALONE

MODULE: Final = "rationale_eval.desk.queue_worker"
LOG: Final = "worker.log"
PAUSE: Final = 15.0
"""Seconds after a worker's end before `look_after` starts another: what it could not start, the next cannot either."""

_TAIL: Final = 2000


class Worker:
    """The worker of one workspace, as this process knows it.

    Args:
        workspace: Folder of the workspace.
        module: What Python runs.
    """

    def __init__(self, workspace: Path, module: str = MODULE):
        self.workspace, self.module = workspace, module
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: float | None = None

    def ensure(self) -> None:
        """Sees to it that what is in the queue now is looked at; call it after a run was queued."""
        with self._lock:
            if not self._there():
                self._start()

    def look_after(self) -> str | None:
        """Starts a worker where none is and none has just ended; returns what the last one failed with, or None."""
        with self._lock:
            if self._there() or (self._process is not None and self._process.poll() is None):
                return None
            trouble = self._trouble()
            if self._ended is None or time.monotonic() - self._ended > PAUSE:
                self._start()
            return trouble

    def _there(self) -> bool:
        """Whether a process holds the lock; one that lives and does not may just be about to end."""
        process = self._process
        if process is not None and process.poll() is not None and self._ended is None:
            self._ended = time.monotonic()
        return holder(self.workspace / ALONE) is not None

    def _start(self) -> None:
        durable.make_folder(self.workspace, 0o700)
        # Beside one that is still starting a second one does no harm: it finds the lock taken, and ends.
        with open(os.open(self.workspace / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, "--workspace", str(self.workspace)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment(os.environ),
                start_new_session=True,
                close_fds=True,
                umask=0o077,
            )
        self._ended = None

    def _trouble(self) -> str | None:
        if self._process is None or self._process.poll() in (None, 0):
            return None
        with suppress(OSError):
            lines = (self.workspace / LOG).read_bytes()[-_TAIL:].decode("utf-8", "replace").strip().splitlines()
            return lines[-1] if lines else None
        return None


_known: dict[str, Worker] = {}
_adding = threading.Lock()


def of(workspace: Path) -> Worker:
    """The worker of a workspace; one object in the whole process."""
    key = os.path.realpath(workspace)
    with _adding:
        return _known.setdefault(key, Worker(Path(key)))
