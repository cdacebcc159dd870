"""What every reader yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RawRow:
    """One record of a file before it is understood.

    Args:
        number: The first record is 1 (in JSONL: the line number).
        values: Column name to value; text only for CSV, JSON values otherwise.
    """

    number: int
    values: Mapping[str, Any]
