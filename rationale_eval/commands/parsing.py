"""What several verbs read from their options: lists of names, and name=value pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rationale_eval.errors import UsageError

PAIR_OPTIONS: Final = ("--map", "--set", "--option")
"""Options that take name=value pairs, as many as follow."""


def names(given: Sequence[str] | None) -> tuple[str, ...]:
    """Names from an option that may be repeated and may hold several, parted by commas."""
    return tuple(part.strip() for text in given or () for part in text.split(",") if part.strip())


def pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    """name=value pairs from an option that may be repeated and may hold several, parted by spaces.

    Raises:
        UsageError: If a pair has no "=" or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in (part for each in given or () for part in each.split()):
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UsageError(f"{option} takes name=value, not '{text}'")
        if name in found:
            raise UsageError(f"{option} sets '{name}' twice")
        found[name] = value
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
