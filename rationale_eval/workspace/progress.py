"""How far a run is: a small file that its process renews while it works and that watchers read."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any, Final

from rationale_eval.workspace import clock as clocks
from rationale_eval.workspace.clock import Instant

FILE: Final = "progress.json"
EVERY: Final = 0.5
"""Seconds between two renewals."""

STALLED_STEPS: Final = 20
STALLED_SECONDS: Final = 60.0
"""A run is shown as stalled after so many median steps without one, but never before so many seconds."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    Args:
        step: Steps done.
        total: Steps in all; 0 where unknown.
        text: A few words, for example the stage and the loss.
        attempt: Of which start of the run.
        at: UTC time; for people.
        boot: Which start of the machine.
        clock: Monotonic seconds.
        pace: Median seconds of the last steps; None before the second step.
    """

    step: int
    total: int
    text: str
    attempt: int
    at: str
    boot: str
    clock: float
    pace: float | None = None

    @property
    def instant(self) -> Instant:
        """The moment of this record."""
        return Instant(self.at, self.boot, self.clock)

    @property
    def seconds_left(self) -> float | None:
        """Estimated time to the end, or None where it cannot be told."""
        return None if self.pace is None or not self.total else self.pace * max(0, self.total - self.step)

    def silent_for(self) -> float | None:
        """Seconds since this record; None after a restart of the machine."""
        return self.instant.until(clocks.now())

    def stalled(self, steps: float = STALLED_STEPS, least: float = STALLED_SECONDS) -> bool:
        """Whether nothing has happened for so long that a person should look."""
        silent = self.silent_for()
        return silent is not None and silent > max(least, steps * (self.pace or 0.0))


def read(folder: Path) -> Progress | None:
    """What the run's process said last, or None if it has not said anything readable."""
    try:
        value: Mapping[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Progress(**{field.name: value[field.name] for field in fields(Progress)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Pulse:
    """The writing side; remembers how long steps take."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None
        self._paces: deque[float] = deque(maxlen=64)
        self._written: float | None = None

    def due(self, step: int, total: int) -> bool:
        """Notes a step and says whether the file should be renewed now."""
        now = clocks.monotonic()
        if self._last is not None and step > self._last[0]:
            self._paces.append((now - self._last[1]) / (step - self._last[0]))
        if self._last is None or step != self._last[0]:
            self._last = (step, now)
        return self._written is None or now - self._written >= EVERY or step == total

    def write(self, folder: Path, step: int, total: int, text: str, attempt: int) -> None:
        """Replaces the file. It is not synced: after a power loss nobody needs it.

        Raises:
            OSError: If it cannot be written.
        """
        moment = clocks.now()
        pace = median(self._paces) if self._paces else None
        record = Progress(step, total, text, attempt, moment.at, moment.boot, moment.clock or 0.0, pace)
        temporary = folder / f".{FILE}.tmp-{os.getpid()}"
        temporary.write_text(json.dumps(asdict(record), allow_nan=False), encoding="utf-8")
        os.replace(temporary, folder / FILE)
        self._written = moment.clock
