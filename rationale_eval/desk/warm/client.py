"""Asking the warm process: one question at a time, with a time-out, and a new process where the old one is gone."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from rationale_eval.errors import InputError, RationaleEvalError, UsageError
from rationale_eval.workspace.launch import environment

MODULE: Final = "rationale_eval.desk.warm.process"
PATIENCE: Final = 120.0
"""Seconds an answer may take: a cold start, loading a model and reading a data set fit into it."""

MEMORY: Final = 6 * 1024**3
"""Bytes the process may hold between two questions; beyond that it is ended, and a new one starts with the next."""

_PIECE: Final = 65536


class NoAnswer(RationaleEvalError):
    """The warm process did not answer; the next question finds a new one."""


class Warm:
    """The warm process of one workspace, started when first asked; safe to use from several threads.

    Args:
        workspace: Folder of the workspace.
        memory: Bytes it may hold between two questions.
        patience: Seconds an answer may take unless the question says otherwise.
    """

    def __init__(self, workspace: Path, *, memory: int = MEMORY, patience: float = PATIENCE):
        self.workspace, self.memory, self.patience = Path(workspace), memory, patience
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = False
        self._answered: int | None = None

    def call(self, verb: str, *, timeout: float | None = None, **arguments: Any) -> Any:
        """Asks one question and waits for the answer.

        Args:
            verb: One of `warm.verbs.VERBS`.
            timeout: Seconds to wait for a free process and for the answer; by default `patience`.
            arguments: JSON values.

        Returns:
            The answer, as JSON values.

        Raises:
            UsageError: What the verb refuses; likewise InputError and RationaleEvalError.
            NoAnswer: If it took too long, or the process ended; it is ended then.
        """
        seconds = self.patience if timeout is None else timeout
        end = time.monotonic() + seconds
        if not self._lock.acquire(timeout=seconds):
            raise NoAnswer(f"another question has kept the models busy for {seconds:.0f} seconds; try again.")
        try:
            process = self._running()
            line = json.dumps({"verb": verb, "arguments": arguments}).encode() + b"\n"
            try:
                assert process.stdin is not None
                process.stdin.write(line)
                process.stdin.flush()
                answer = _read_line(process, end)
            except (BrokenPipeError, EOFError) as error:
                self._end()
                raise NoAnswer(
                    "the process that holds the models ended, perhaps for want of memory; try again."
                ) from error
            except TimeoutError as error:
                self._end()
                raise NoAnswer(f"no answer within {seconds:.0f} seconds; the next try starts anew.") from error
            self._answered = process.pid
            self._keep_small()
        finally:
            self._lock.release()
        return _value(json.loads(answer))

    def begin(self) -> None:
        """Has the process start, and load what is slow, without waiting for it; so that the first question is quick."""
        with self._lock:
            if self._begun:
                return
            self._begun = True

        def ask() -> None:
            with suppress(RationaleEvalError):
                self.call("hello")

        threading.Thread(target=ask, name="warm", daemon=True).start()

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._end()

    @property
    def ready(self) -> bool:
        """Whether the process is there and has answered before: the next question does not wait for it to start."""
        return self.pid is not None and self.pid == self._answered

    @property
    def pid(self) -> int | None:
        """Of the process, or None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, "--workspace", str(self.workspace.absolute())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(os.environ),
                start_new_session=True,
                close_fds=True,
                umask=0o077,
            )
        return self._process

    def _keep_small(self) -> None:
        process = self._process
        if process is None:
            return
        with suppress(psutil.Error):
            if psutil.Process(process.pid).memory_info().rss > self.memory:
                self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        process.wait()


def _read_line(process: subprocess.Popen[bytes], end: float) -> bytes:
    assert process.stdout is not None
    handle, held = process.stdout.fileno(), bytearray()
    while not held.endswith(b"\n"):
        left = end - time.monotonic()
        if left <= 0 or not select.select([handle], [], [], left)[0]:
            raise TimeoutError
        piece = os.read(handle, _PIECE)
        if not piece:
            raise EOFError
        held += piece
    return bytes(held)


def _value(answer: Mapping[str, Any]) -> Any:
    if "error" not in answer:
        return answer["value"]
    kind, message = answer["error"], str(answer["message"])
    raise {"usage": UsageError, "input": InputError}.get(kind, RationaleEvalError)(message)
