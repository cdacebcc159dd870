"""Turns: a lock that is given in the order in which it was asked for, so that no eager asker keeps others out."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """First come, first served; one at a time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Holds the lock while the block runs.

        Args:
            seconds: Longest wait for it.

        Raises:
            TimeoutError: If it did not come in time.
        """
        mine = threading.Event()
        with self._guard:
            if self._taken:
                self._waiting.append(mine)
            else:
                self._taken = True
                mine.set()
        if not mine.wait(seconds):
            with self._guard:
                # It may have come between the end of the wait and here.
                if not mine.is_set():
                    self._waiting.remove(mine)
                    raise TimeoutError
        try:
            yield
        finally:
            with self._guard:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._taken = False
