"""Named pause points: places at which a test can kill, stop, slow or fail the very code that users run.

They do nothing unless `RATIONALE_EVAL_POINT` is set: a comma-separated list of `NAME[:TIME]=ACTION`.

- `NAME`: a point, for example `checkpoint.written`; `*` and `?` match as in file names.
- `TIME`: act when it is reached for the 1st (default), 2nd, 3rd ... time; `*` for every time.
- `ACTION`: `kill` (SIGKILL), `stop` (SIGSTOP), `exit` (SystemExit), `raise:ENOSPC` (OSError of that number) or
  `sleep:0.5` (seconds).

For example `RATIONALE_EVAL_POINT="folder.renamed:3=kill"`.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from rationale_eval.errors import UsageError

ENVIRONMENT: Final = "RATIONALE_EVAL_POINT"

Listener = Callable[[str], None]


def reached(name: str) -> None:
    """Says that the program is at a named point; costs one look-up when nobody listens."""
    if _listener is not None:
        _listener(name)


def listen(listener: Listener | None) -> None:
    """Has `listener` called with the name of every point that is reached in this process; None for nobody."""
    global _listener
    _listener = listener


def arm(text: str | None) -> None:
    """Acts as described by `text` (see the module); None disarms.

    Raises:
        UsageError: If the text cannot be read.
    """
    listen(_Armed([_read(part) for part in text.split(",")]) if text else None)


@dataclass(slots=True)
class _Trigger:
    pattern: str
    at: int | None
    act: Callable[[], None]
    seen: int = 0


class _Armed:
    def __init__(self, triggers: list[_Trigger]):
        self.triggers = triggers

    def __call__(self, name: str) -> None:
        for trigger in self.triggers:
            if fnmatchcase(name, trigger.pattern):
                trigger.seen += 1
                if trigger.at is None or trigger.seen == trigger.at:
                    trigger.act()


def _read(part: str) -> _Trigger:
    place, _, action = part.strip().partition("=")
    pattern, _, when = place.partition(":")
    if not pattern or not (when in ("", "*") or (when.isdecimal() and int(when) > 0)):
        raise UsageError(f"{ENVIRONMENT}: '{part}' is not NAME[:TIME]=ACTION.")
    return _Trigger(pattern, None if when == "*" else int(when or 1), _action(action))


def _action(text: str) -> Callable[[], None]:
    kind, _, value = text.partition(":")
    if kind in ("kill", "stop") and not value:
        wanted = signal.SIGKILL if kind == "kill" else signal.SIGSTOP
        return lambda: os.kill(os.getpid(), wanted)
    if kind == "exit" and not value:
        return lambda: sys.exit(1)
    if kind == "raise" and isinstance(number := getattr(errno, value, None), int):
        return lambda: _fail(number)
    if kind == "sleep" and value.replace(".", "", 1).isdecimal():
        return lambda: time.sleep(float(value))
    raise UsageError(f"{ENVIRONMENT}: '{text}' is no action; there are kill, stop, exit, raise:ENOSPC, sleep:SECONDS.")


def _fail(number: int) -> None:
    raise OSError(number, os.strerror(number))


def _first(name: str) -> None:
    """Reads the environment when the first point is reached: a mistake there is then told like any other."""
    arm(os.environ.get(ENVIRONMENT))
    reached(name)


_listener: Listener | None = _first if os.environ.get(ENVIRONMENT) else None
