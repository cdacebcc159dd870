"""Rows that were not imported, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rationale_eval.errors import InputError

EXAMPLES_KEPT: Final = 3
GROUPS_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class Rejection:
    """One row that cannot be used.

    Args:
        row: Its number, the first record being 1 (for JSONL: its line).
        field: The column at fault, or None when the row as a whole is.
        reason: What is wrong and how to mend it.
        file: The file as the user named it.
    """

    row: int | None
    field: str | None
    reason: str
    file: str | None = None

    def error(self) -> InputError:
        """The same as an exception."""
        return InputError(self.reason, file=self.file, row=self.row, field=self.field)

    @classmethod
    def of(cls, error: InputError) -> Rejection:
        """The rejection that `error` describes."""
        return cls(error.row, error.field, error.problem, error.file)


@dataclass(slots=True)
class Group:
    """Rows rejected for one reason in one field: how many, and the first three."""

    field: str | None
    reason: str
    count: int = 0
    first: list[Rejection] = dataclasses.field(default_factory=list)


class Rejections:
    """All rejected rows of one pass: a count, and for each reason the first three rows; memory stays bounded."""

    def __init__(self) -> None:
        self.total = 0
        self._groups: dict[tuple[str | None, str], Group] = {}

    def clear(self) -> None:
        """Forgets everything; called when a new pass begins."""
        self.total = 0
        self._groups.clear()

    def add(self, rejection: Rejection) -> None:
        """Counts one rejected row."""
        self.total += 1
        key = (rejection.field, rejection.reason)
        if key not in self._groups and len(self._groups) >= GROUPS_KEPT:
            key = (None, "other reasons")
        group = self._groups.setdefault(key, Group(*key))
        group.count += 1
        if len(group.first) < EXAMPLES_KEPT:
            group.first.append(rejection)

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def __len__(self) -> int:
        return self.total
