"""How far a run is, told to whoever watches: kept in its folder at most once a second, and shown beside that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rationale_eval.training.progress import Report
from rationale_eval.training.signals import StopNow
from rationale_eval.verbs.job import Progress
from rationale_eval.workspace.runs import Run

SECONDS: Final = 1.0


class Stopped(KeyboardInterrupt):
    """Someone asked a run to stop while it did something that can be done again."""


class _Beat:
    """Writes progress, but not at every step; a wish to cancel is found at the same moments."""

    def __init__(self, run: Run, stop: type[BaseException]):
        self.run, self.stop = run, stop
        self._last = -SECONDS

    def __call__(self, step: int, total: int, text: str) -> None:
        now = time.monotonic()
        if now - self._last < SECONDS and step < total:
            return
        self._last = now
        if hasattr(self.run, "beat"):
            self.run.beat(step, total, text)
        if step < total and cancelled(self.run):
            raise self.stop


def beating_report(run: Run, stage: str, shown: Report) -> Report:
    """A training report that also keeps the progress of a run.

    Args:
        run: The run.
        stage: The name of the stage.
        shown: What shows it to the user.
    """
    beat = _Beat(run, StopNow)

    def report(step: int, total: int, note: str) -> None:
        shown(step, total, note)
        beat(step, total, f"{stage}: {note}")

    return report


def beating(run: Run, shown: Progress | None) -> Progress:
    """Progress that is also kept in the run.

    Args:
        run: The run.
        shown: What shows it to the user; nothing by default.
    """

    @contextmanager
    def told(what: str, total: int) -> Iterator[Callable[[int], None]]:
        beat = _Beat(run, Stopped)
        done = 0
        beat(0, total, what)
        with (shown or silently)(what, total) as show:

            def step(more: int) -> None:
                nonlocal done
                done += more
                show(more)
                beat(done, total, what)

            yield step

    return told


@contextmanager
def silently(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress that shows nothing."""
    yield lambda done: None


def cancelled(run: Run) -> bool:
    """Whether someone asked for the run to be cancelled."""
    return hasattr(run, "cancel_requested") and run.cancel_requested()
