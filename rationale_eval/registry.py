"""A table of named things that refuses silent overwrites and suggests the closest name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Generic, TypeVar

from rationale_eval.errors import UsageError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Names to things of one kind, in the order they were registered.

    Args:
        kind: What the things are called in messages, for example "metric".

    Raises:
        UsageError: On looking up an unknown name; the message lists the closest ones.
        ValueError: On registering a name twice.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T) -> T:
        """Registers `thing` under `name` and returns it."""
        if name in self._things:
            raise ValueError(f"{self.kind} '{name}' is registered twice")
        self._things[name] = thing
        return thing

    def __getitem__(self, name: str) -> T:
        if name in self._things:
            return self._things[name]
        close = get_close_matches(name, self._things, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(sorted(self._things))}."
        raise UsageError(f"there is no {self.kind} '{name}'; {hint}")

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)
