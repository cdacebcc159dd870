"""How far training is, on standard error: a bar with the time left on a terminal, else a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

SECONDS = 10.0


class Report(Protocol):
    """Called after every step."""

    def __call__(self, step: int, total: int, note: str) -> None:
        """Says where training is.

        Args:
            step: Steps done.
            total: Steps in all.
            note: A few numbers, for example the loss.
        """


def silent(step: int, total: int, note: str) -> None:
    """A report that says nothing."""


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """A report fit for where standard error goes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, note="")

        def report(step: int, total: int, note: str) -> None:
            bar.update(task, completed=step, total=total, note=note)

        yield report


class _Lines:
    def __init__(self, title: str):
        self.title = title
        self._first: tuple[int, float] | None = None
        self._said = time.monotonic()

    def __call__(self, step: int, total: int, note: str) -> None:
        now = time.monotonic()
        self._first = self._first or (step, now)
        if now - self._said < SECONDS:
            return
        self._said = now
        done, since = step - self._first[0], now - self._first[1]
        left = f", about {since / done * (total - step):.0f} s left" if done else ""
        sys.stderr.write(f"{self.title}: step {step} of {total}{left}, {note}\n")
        sys.stderr.flush()
