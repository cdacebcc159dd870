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
from typing import IO, Any, Final

import psutil

from rationale_eval.desk.warm.turns import Turns
from rationale_eval.errors import InputError, RationaleEvalError, UsageError
from rationale_eval.workspace.launch import environment

MODULE: Final = "rationale_eval.desk.warm.process"
PATIENCE: Final = 120.0
"""Seconds an answer may take: a cold start, loading a model and reading a data set fit into it. The wait for one's turn
has as many of its own, so that nobody's question is cut short by those before it."""

MEMORY: Final = 6 * 1024**3
"""Bytes the process may hold between two questions; beyond that it is ended, and a new one starts with the next."""

SHARE: Final = 0.5
"""Of this machine's memory, the most it may hold."""

BURST: Final = 1.5
"""Times as much while it answers: the process refuses itself more, and is ended where it could not."""

LOG: Final = "warm.log"
LOG_BYTES: Final = 1 << 20
ANSWER_BYTES: Final = 64 << 20

AGAIN: Final = 20.0
"""Seconds after a start that failed in which `begin` tries no other: a page that waits asks every few seconds."""

_PIECE: Final = 65536
_LOOK: Final = 0.5
"""Seconds between two looks at the size of a process that is at work."""


class NoAnswer(RationaleEvalError):
    """The warm process did not answer; the next question finds a new one."""


class Warm:
    """The warm process of one workspace, started when first asked; safe to use from several threads.

    Questions are answered in the order in which they were asked, whoever asks.

    Args:
        workspace: Folder of the workspace.
        memory: Bytes it may hold between two questions; by default `MEMORY`, or `SHARE` of a small machine's memory.
        patience: Seconds an answer may take unless the question says otherwise.
        module: What Python runs.
    """

    def __init__(self, workspace: Path, *, memory: int | None = None, patience: float = PATIENCE, module: str = MODULE):
        self.workspace, self.patience, self.module = Path(workspace), patience, module
        self.memory = memory or min(MEMORY, int(SHARE * psutil.virtual_memory().total))
        self._turns = Turns()
        self._process: subprocess.Popen[bytes] | None = None
        self._beginning = threading.Lock()
        self._starter: threading.Thread | None = None
        self._at_once = threading.Event()
        self._failed: tuple[float, str] | None = None
        self._ended = threading.Event()
        self._answered: int | None = None

    def call(self, verb: str, *, timeout: float | None = None, **arguments: Any) -> Any:
        """Asks one question and waits for the answer.

        Args:
            verb: One of `warm.verbs.VERBS`.
            timeout: Seconds to wait for the answer once it is one's turn; by default `patience`.
            arguments: JSON values.

        Returns:
            The answer, as JSON values.

        Raises:
            UsageError: What the verb refuses; likewise InputError and RationaleEvalError.
            NoAnswer: If it took too long, or the process ended; it is ended then.
        """
        line = json.dumps({"verb": verb, "arguments": arguments}).encode() + b"\n"
        seconds = self.patience if timeout is None else timeout
        try:
            with self._turns.turn(self.patience):
                answer = self._ask(line, seconds)
        except TimeoutError as error:
            raise NoAnswer(f"others have kept the models busy for {self.patience:.0f} seconds; try again.") from error
        return _value(answer)

    def begin(self, after: float = 0.0) -> None:
        """Has the process start, and load what is slow, without waiting for it; so that the first question is quick.

        Who waits for `ready` calls this with every look: a process that has ended since starts again. Where one is
        there, is starting, or failed to start less than `AGAIN` seconds ago, nothing happens.

        Args:
            after: Seconds until then, if nobody asks before.
        """
        with self._beginning:
            if after <= 0:
                self._at_once.set()  # whoever was to begin later begins now
            if self.ready or self._ended.is_set() or (self._starter is not None and self._starter.is_alive()):
                return
            if self._failed is not None and time.monotonic() < self._failed[0] + AGAIN:
                return
            if after > 0:
                self._at_once.clear()
            self._starter = threading.Thread(target=self._start, args=(after,), name="warm", daemon=True)
            self._starter.start()

    def _start(self, after: float) -> None:
        self._at_once.wait(after)
        if self._ended.is_set():
            return
        try:
            self.call("hello")
        except RationaleEvalError as error:
            self._failed = time.monotonic(), str(error)

    def close(self) -> None:
        """Ends the process at once; a question that it was at finds it gone, and a later one starts none."""
        self._ended.set()
        self._at_once.set()
        process = self._process
        if process is not None:
            with suppress(OSError):
                process.kill()
        with suppress(TimeoutError), self._turns.turn(self.patience):
            self._end()

    @property
    def pid(self) -> int | None:
        """Of the process, or None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def ready(self) -> bool:
        """Whether the process is there and has answered before: the next question does not wait for it to start."""
        pid = self.pid
        return pid is not None and pid == self._answered

    @property
    def trouble(self) -> str | None:
        """Why the process did not start when `begin` last tried, or None; it answers, or is being tried again."""
        return None if self._failed is None else self._failed[1]

    def _ask(self, line: bytes, seconds: float) -> Mapping[str, Any]:
        """Sends a line and reads one; a process that failed to answer is ended, since its answer may come later."""
        try:
            process = self._running()
            end = time.monotonic() + seconds
            self._write(process, line, end)
            answer: Mapping[str, Any] = json.loads(self._read(process, end))
        except BaseException as error:
            self._end()
            raise _told(error, seconds) from error
        self._answered, self._failed = process.pid, None
        if _size(process) > self.memory:
            self._end()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if not self._ended.is_set() and (self._process is None or self._process.poll() is not None):
            self._end()
            words = ["--workspace", str(self.workspace.absolute()), "--memory", str(int(BURST * self.memory))]
            with _log(self.workspace) as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", self.module, *words],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment(os.environ),
                    start_new_session=True,
                    close_fds=True,
                    umask=0o077,
                )
            for stream in (self._process.stdin, self._process.stdout):
                assert stream is not None
                os.set_blocking(stream.fileno(), False)
        # Looked at after the start: `close` either saw this process, or is seen here.
        if self._ended.is_set() or self._process is None:
            raise NoAnswer("the dashboard is being closed.")
        return self._process

    def _write(self, process: subprocess.Popen[bytes], line: bytes, end: float) -> None:
        assert process.stdin is not None
        handle, left = process.stdin.fileno(), memoryview(line)
        while left:
            self._wait(process, handle, select.POLLOUT, end)
            with suppress(BlockingIOError):
                left = left[os.write(handle, left[:_PIECE]) :]

    def _read(self, process: subprocess.Popen[bytes], end: float) -> bytes:
        assert process.stdout is not None
        handle, held = process.stdout.fileno(), bytearray()
        while not held.endswith(b"\n"):
            self._wait(process, handle, select.POLLIN, end)
            piece = os.read(handle, _PIECE)
            if not piece:
                raise EOFError
            held += piece
            if len(held) > ANSWER_BYTES:
                raise MemoryError
        return bytes(held)

    def _wait(self, process: subprocess.Popen[bytes], handle: int, event: int, end: float) -> None:
        """Until a pipe is ready. `select` knows no handle above 1,023, and a server with many sessions has those."""
        waiting = select.poll()
        waiting.register(handle, event)
        while not waiting.poll(1000 * max(0.0, min(_LOOK, end - time.monotonic()))):
            if time.monotonic() >= end:
                raise TimeoutError
            if _size(process) > BURST * self.memory:
                raise MemoryError

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


def _size(process: subprocess.Popen[bytes]) -> int:
    with suppress(psutil.Error):
        return int(psutil.Process(process.pid).memory_info().rss)
    return 0


def _log(workspace: Path) -> IO[bytes]:
    """What the process and its libraries say beside answers; a new file where the old one has grown long."""
    path = workspace / LOG
    with suppress(OSError):
        long = path.exists() and path.stat().st_size > LOG_BYTES
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | long * os.O_TRUNC, 0o600)
        return os.fdopen(handle, "wb")
    return open(os.devnull, "wb")


def _told(error: BaseException, seconds: float) -> BaseException:
    """What happened to the process, in a sentence; what did not happen to it stays as it is."""
    match error:
        case TimeoutError():
            return NoAnswer(f"no answer within {seconds:.0f} seconds; the next try starts anew.")
        case MemoryError():
            return NoAnswer("this needed more memory than the models may have; a shorter text or a smaller model does.")
        case EOFError() | BrokenPipeError():
            return NoAnswer("the models' process ended, perhaps for want of memory; the next try starts anew.")
        case OSError():
            return NoAnswer(f"the models' process could not be started ({error}); the next try starts anew.")
        case ValueError():
            return NoAnswer("the models' process gave an answer that cannot be read; the next try starts anew.")
    return error


def _value(answer: Mapping[str, Any]) -> Any:
    if "error" not in answer:
        return answer["value"]
    kind, message = answer["error"], str(answer["message"])
    raise {"usage": UsageError, "input": InputError}.get(kind, RationaleEvalError)(message)
