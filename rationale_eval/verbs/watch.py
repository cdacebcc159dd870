"""Watching a run that works in another process: its state, how far it is, and its newest numbers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval.workspace.progress import Progress
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.status import Status

OVER: Final = frozenset({"finished", "failed", "cancelled", "interrupted"})
TAIL: Final = 65_536
"""Bytes at the end of the metric lines in which the newest step is looked for."""


@dataclass(frozen=True, slots=True)
class Look:
    """A run at one moment.

    Args:
        status: Where it stands.
        progress: How far its present attempt is, or None.
        step: The newest step with metric lines, or None.
        terms: Numbers of that step by name: loss, each of its terms, learning rate; None where not finite.
        stalled: Whether it has made no step for long.
    """

    status: Status
    progress: Progress | None
    step: int | None
    terms: dict[str, float | None]
    stalled: bool

    @property
    def over(self) -> bool:
        """Whether no process works on it, nor waits to."""
        return self.status.state in OVER

    def record(self) -> dict[str, Any]:
        """The look as JSON values."""
        at = self.progress
        return {
            "state": self.status.state,
            "attempt": self.status.attempt,
            "reason": self.status.reason,
            "message": self.status.message,
            "step": at and at.step,
            "total": at and at.total,
            "text": at and at.text,
            "seconds_left": at and at.seconds_left,
            "stalled": self.stalled,
            "metrics_step": self.step,
            "metrics": self.terms,
        }


def look(run: Run) -> Look:
    """A run as it is now."""
    status, progress = run.status, run.progress
    if progress is not None and progress.attempt != status.attempt:
        progress = None
    step, terms = newest(run.metrics_file)
    return Look(status, progress, step, terms, run.stalled)


def watch(run: Run, every: float = 0.5) -> Iterator[Look]:
    """Looks again and again, the last time when the run is over.

    Args:
        run: The run.
        every: Seconds between two looks.
    """
    while True:
        found = look(run)
        yield found
        if found.over:
            return
        time.sleep(every)


def newest(file: Path) -> tuple[int | None, dict[str, float | None]]:
    """The newest step of a file of metric lines and its numbers; reads only the end of the file."""
    try:
        with open(file, "rb") as lines:
            lines.seek(0, 2)
            lines.seek(max(0, lines.tell() - TAIL))
            tail = lines.read()
    except FileNotFoundError:
        return None, {}
    step: int | None = None
    terms: dict[str, float | None] = {}
    for line in tail.split(b"\n")[:-1]:
        try:
            record = json.loads(line)
            at, name, value = int(record["step"]), str(record["name"]), record["value"]
        except (ValueError, KeyError, TypeError):
            continue  # the first line of the tail is most often a part of one
        if at != step:
            step, terms = at, {}
        terms[name] = value
    return step, terms


def log_lines(run: Run, follow: bool = False, every: float = 0.5) -> Iterator[str]:
    """The lines of a run's log; with `follow` also those that come, until the run is over.

    Args:
        run: The run.
        follow: Whether to wait for more.
        every: Seconds between two looks.
    """
    held, place = b"", 0
    while True:
        over = not follow or run.status.state in OVER  # asked first, so that the last lines are not missed
        if run.log_file.exists():
            with open(run.log_file, "rb") as file:
                file.seek(place)
                held += file.read()
                place = file.tell()
        *whole, held = held.split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
        if over:
            if held:
                yield held.decode("utf-8", "replace")
            return
        time.sleep(every)
