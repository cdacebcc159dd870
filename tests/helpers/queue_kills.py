"""Runs a piece of work in a forked process that is killed at a named point."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from rationale_eval import points


def in_child(work: Callable[[], object], point: str | None = None) -> int:
    """Runs `work` in a forked process; returns the signal that ended it, 0 if none did.

    Args:
        work: What to do.
        point: Armed in the child, for example "run.moved=kill".

    Raises:
        AssertionError: If the work failed by itself.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if point:
                points.arm(point)
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - printed, and told by the exit status
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or status == 0, f"the child failed ({status})"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def named_points(work: Callable[[], object]) -> list[str]:
    """The points that `work` reaches, in order, each with how many times it was reached before, as "name:time"."""
    seen: dict[str, int] = {}
    order: list[str] = []

    def listener(name: str) -> None:
        seen[name] = seen.get(name, 0) + 1
        order.append(f"{name}:{seen[name]}")

    points.listen(listener)
    try:
        work()
    finally:
        points.listen(None)
    return order


def killed_at(work: Callable[[], object], point: str) -> None:
    """Asserts that `work` was killed at a point."""
    assert in_child(work, f"{point}=kill") == signal.SIGKILL, point


def lines(path: Path) -> list[str]:
    """Lines of a file, none if it is missing."""
    return path.read_text().splitlines() if path.exists() else []
