"""Stopping on request: the first Ctrl-C (or SIGTERM) asks, the second does not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopNow(Exception):
    """Raised inside a block marked as interruptible, to leave it at once."""


class StopRequest:
    """Whether someone asked to stop."""

    def __init__(self) -> None:
        self.asked = False
        self._interruptible = False

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Marks a block that may be left anywhere, because it changes nothing; leaving raises `StopNow`."""
        if self.asked:
            raise StopNow
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    def receive(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self._interruptible:
            self._interruptible = False
            raise StopNow


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Listens for SIGINT and SIGTERM during a block; outside the main thread nothing can be listened for."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.receive) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
