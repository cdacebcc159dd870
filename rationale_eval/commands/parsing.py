"""What several verbs read from their options: lists of names, and name=value pairs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rationale_eval.errors import InputError, UsageError

PAIR_OPTIONS: Final = ("--map", "--set", "--option", "--grid", "--request")
"""Options that take name=value pairs, as many as follow."""


def names(given: Sequence[str] | None) -> tuple[str, ...]:
    """Names from an option that may be repeated and may hold several, parted by commas."""
    return tuple(part.strip() for text in given or () for part in text.split(",") if part.strip())


def read_ids(path: Path) -> frozenset[str]:
    """Ids from a text file, one a line.

    Raises:
        InputError: If it cannot be read or names none.
    """
    try:
        found = frozenset(line.rstrip("\r") for line in path.read_text(encoding="utf-8").split("\n") if line.strip())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as text: {error}", file=str(path)) from error
    if not found:
        raise InputError("names no example; write one id a line", file=str(path))
    return found


def pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    """Pairs name=value from an option that may be repeated and may hold several, parted by spaces.

    A pair ends where the next name and its "=" begin, so values may hold blanks.

    Raises:
        UsageError: If a pair has no "=" or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in (part for each in given or () for part in re.split(r"\s+(?=[\w.:]+=)", each.strip())):
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"{option} takes name=value, not '{text}'")
        if name.strip() in found:
            raise UsageError(f"{option} sets '{name.strip()}' twice")
        found[name.strip()] = value.strip()
    return found


def spread(arguments: Sequence[str]) -> list[str]:
    """Repeats a pair option before each of several pairs: `--map a=b c=d` becomes `--map a=b --map c=d`."""
    found: list[str] = []
    option = ""
    for word in arguments:
        if word.startswith("-") or "=" not in word:
            option = word if word in PAIR_OPTIONS else ""
        elif option and found[-1] != option:
            found.append(option)
        found.append(word)
    return found
