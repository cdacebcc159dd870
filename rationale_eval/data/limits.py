"""How much one data file may hold, so that a hostile or mistaken file ends in a sentence and not in a full memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps that every reader enforces while it reads.

    Args:
        rows: Most records in a file.
        columns: Most columns (keys of one record).
        field: Most characters in one text.
        nesting: Deepest nesting of lists and objects inside a record.
        decoded: Most bytes of text and numbers a file may unpack to, whatever its size on disk.
        line: Most characters in one line of a JSONL file.
    """

    rows: int = 1_000_000
    columns: int = 64
    field: int = 100_000
    nesting: int = 32
    decoded: int = 2 << 30
    line: int = 16 << 20


DEFAULT_LIMITS: Final = Limits()
