"""A warm process with verbs that misbehave: `python -m tests.helpers.warm_verbs`, as `Warm(module=...)` starts it."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from rationale_eval.desk.warm.process import main
from rationale_eval.errors import InputError, UsageError
from rationale_eval.workspace.runs import Workspace

held: list[bytearray] = []


def hello(_: Workspace) -> str:
    """Answers, without the seconds in which the real one loads torch."""
    return "hello"


def echo(_: Workspace, value: Any = None) -> Any:
    """What it was given."""
    return value


def sleep(_: Workspace, seconds: float, value: Any = None) -> Any:
    """Takes its time."""
    time.sleep(seconds)
    return value


def deaf(_: Workspace) -> Any:
    """Stops the whole process, which then neither reads nor writes."""
    os.kill(os.getpid(), 19)


def eat(_: Workspace, size: int) -> int:
    """Holds memory, and goes on holding it."""
    held.append(bytearray(b"x" * 4096) * (size // 4096))
    return size


def die(_: Workspace) -> None:
    """Ends the process without an answer."""
    os._exit(3)


def refuse(_: Workspace, kind: str) -> None:
    """An error of a kind."""
    raise {"usage": UsageError("not so"), "input": InputError("not that"), "other": ZeroDivisionError("oh")}[kind]


def chatter(_: Workspace) -> object:
    """Prints where answers go, and answers with what JSON cannot say."""
    sys.stdout.write("hello\n")
    sys.stdout.flush()
    return {1, 2}


def much(_: Workspace, size: int) -> str:
    """A long answer."""
    return "x" * size


VERBS = {each.__name__: each for each in (hello, echo, sleep, deaf, eat, die, refuse, chatter, much)}

if __name__ == "__main__":
    sys.exit(main(VERBS))
