"""Pause points: inert unless armed, and then exact."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rationale_eval import points
from rationale_eval.errors import UsageError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    points.arm(None)


def test_nothing_happens_unless_armed() -> None:
    assert points._listener is None
    points.reached("anything")


def test_the_named_time_acts_and_no_other() -> None:
    points.arm("a.b:3=raise:ENOSPC")
    for _ in range(2):
        points.reached("a.b")
        points.reached("a.c")
    with pytest.raises(OSError) as caught:
        points.reached("a.b")
    assert caught.value.errno == errno.ENOSPC
    points.reached("a.b")


def test_patterns_lists_and_every_time() -> None:
    points.arm("a.*:2=exit, slow:*=sleep:0.01")
    points.reached("a.x")
    with pytest.raises(SystemExit):
        points.reached("a.y")
    began = time.monotonic()
    for _ in range(3):
        points.reached("slow")
    assert time.monotonic() - began >= 0.03


@pytest.mark.parametrize(
    "text", ["a", "a=", "a=jump", "a:0=kill", "a:x=kill", "=kill", "a=raise:ENOTHING", "a=sleep:x"]
)
def test_what_cannot_be_read_is_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="RATIONALE_EVAL_POINT"):
        points.arm(text)


@pytest.mark.parametrize(("action", "code"), [("kill", -9), ("exit", 1)])
def test_the_environment_arms_a_process(action: str, code: int) -> None:
    program = "from rationale_eval import points\nfor _ in range(5): points.reached('a')\n"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "RATIONALE_EVAL_POINT": f"a:5={action}"},
        check=False,
    )
    assert done.returncode == code


def test_the_cost_is_one_look_up() -> None:
    began = time.process_time()
    for _ in range(100_000):
        points.reached("x")
    assert (time.process_time() - began) / 100_000 < 5e-6
