"""How far a run is, told to whoever watches: kept in its folder and shown beside that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final

from rationale_eval.training.progress import Report
from rationale_eval.training.signals import StopNow
from rationale_eval.verbs.job import Progress
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.stopping import Stopped

Shown = Callable[[str], AbstractContextManager[Report]]
"""Called with what is being done; gives what is to be told of every step."""

ASK_EVERY: Final = 0.5
"""Seconds between two looks whether the run is to be cancelled; a signal may not reach a process elsewhere."""

SAY_EVERY: Final = 10.0
"""Seconds between two lines of progress in a run's log."""


class _Beat:
    def __init__(self, run: Run, stop: type[BaseException]):
        self.run, self.stop = run, stop
        self._asked = time.monotonic()

    def __call__(self, step: int, total: int, text: str) -> None:
        self.run.beat(step, total, text)
        now = time.monotonic()
        if now - self._asked >= ASK_EVERY and step < total:
            self._asked = now
            if self.run.cancel_requested:
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


def counted(shown: Shown) -> Progress:
    """Progress in steps done since, for something that is told of steps done in all."""

    @contextmanager
    def told(what: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0
        with shown(what) as report:

            def step(more: int) -> None:
                nonlocal done
                done += more
                report(done, total, "")

            yield step

    return told


def reported(show: Progress) -> Shown:
    """The other way round: what is told of every step, for something that shows steps done since."""

    @contextmanager
    def told(what: str) -> Iterator[Report]:
        done = 0
        with ExitStack() as stack:
            tell: Callable[[int], None] | None = None

            def report(step: int, total: int, note: str) -> None:
                nonlocal done, tell
                if tell is None:
                    tell = stack.enter_context(show(what, total))
                tell(step - done)
                done = step

            yield report

    return told


@contextmanager
def silently(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress that shows nothing."""
    yield lambda done: None


def in_log(run: Run) -> Shown:
    """Lines in a run's log, one every ten seconds, for a process that nobody sits before."""

    @contextmanager
    def told(what: str) -> Iterator[Report]:
        began: tuple[int, float] | None = None
        said = time.monotonic()

        def report(step: int, total: int, note: str) -> None:
            nonlocal began, said
            now = time.monotonic()
            began = began or (step, now)
            if now - said < SAY_EVERY and step != total:
                return
            said = now
            done, since = step - began[0], now - began[1]
            left = f", about {since / done * (total - step):.0f} s left" if done and step < total else ""
            run.say(f"{what}: {step} of {total}{left}{note and ', '}{note}")

        yield report

    return told
