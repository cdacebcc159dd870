"""The list of runs as all sessions of a server share it: looking takes a read of every run's files, and many look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rationale_eval.verbs.run_list import Listed, list_runs
from rationale_eval.workspace.reconcile import reconcile
from rationale_eval.workspace.runs import Workspace


class Listing:
    """Answers a question anew when its last answer is too old; who asks meanwhile waits for that answer.

    Args:
        age: Seconds that an answer serves; 0 asks every time.
        clock: Seconds that only grow.
    """

    def __init__(self, age: float = 0.0, clock: Callable[[], float] = time.monotonic):
        self.age, self._clock = age, clock
        self._kept: dict[tuple[Any, ...], tuple[float, Any]] = {}
        self._locks: dict[tuple[Any, ...], threading.Lock] = {}
        self._guard = threading.Lock()
        self._changes = 0

    def runs(self, workspace: Workspace, states: Sequence[Any] = (), **wanted: Any) -> list[Listed]:
        """See `list_runs`."""
        if not self.age:
            return list_runs(workspace, states=states, **wanted)
        path = Path(workspace.path)
        self._once((path,), lambda: self._check(workspace))
        key = (path, tuple(states), *sorted(wanted.items()))
        found: list[Listed] = self._once(key, lambda: list_runs(workspace, states=states, checked=True, **wanted))
        return list(found)

    def _check(self, workspace: Workspace) -> None:
        if workspace.path.is_dir():
            reconcile(workspace)

    def _once(self, key: tuple[Any, ...], ask: Callable[[], Any]) -> Any:
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            known = self._kept.get(key)
            if known is None or self._clock() - known[0] >= self.age:
                asked = self._changes
                known = (self._clock(), ask())
                with self._guard:
                    if self._changes == asked:  # else it may be of before the change
                        self._kept[key] = known
        return known[1]

    def forget(self) -> None:
        """Something was changed here: what was answered before serves no more."""
        with self._guard:
            self._kept = {}
            self._changes += 1


SHARED = Listing()
"""Of this process. The dashboard's server lets answers serve for a second; everything else asks every time."""
