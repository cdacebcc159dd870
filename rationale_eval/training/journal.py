"""Metric lines, keyed by (step, name). Doing a step again compares with what stands there, and writes nothing twice."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rationale_eval.errors import RationaleEvalError
from rationale_eval.training.faults import told_plainly


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that came out differently when its step was done again."""

    step: int
    name: str
    stored: float
    again: float


def _line(step: int, name: str, value: float) -> bytes:
    record: dict[str, object] = {"step": step, "name": name, "value": value}
    if not math.isfinite(value):
        # JSON has no NaN; a flag cannot be mistaken for a number.
        record |= {"value": None, "flag": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    return json.dumps(record, allow_nan=False).encode() + b"\n"


class Journal:
    """The metric lines of one run.

    Args:
        path: JSONL file; what it holds already is read, and a half-written last line is cut off.

    Raises:
        RationaleEvalError: If a line that was written whole cannot be read.
    """

    def __init__(self, path: Path):
        self.path = path
        self.differences: list[Difference] = []
        self._values: dict[tuple[int, str], float] = {}
        if path.exists():
            self._read()
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - lives as long as the journal

    def record(self, step: int, values: Mapping[str, float]) -> list[Difference]:
        """Adds the numbers of one step; returns those that differ from what was stored for it before."""
        differences: list[Difference] = []
        lines = b""
        for name, value in values.items():
            stored = self._values.get((step, name))
            if stored is None:
                self._values[(step, name)] = value
                lines += _line(step, name, value)
            elif stored != value and not (math.isnan(stored) and math.isnan(value)):
                differences.append(Difference(step, name, stored, value))
        if lines:
            with told_plainly("metric lines", self.path.parent):
                self._file.write(lines)
        self.differences += differences
        return differences

    def get(self, step: int, name: str) -> float | None:
        """The stored number, or None."""
        return self._values.get((step, name))

    def sync(self) -> None:
        """Makes the lines so far survive a power loss."""
        with told_plainly("metric lines", self.path.parent):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self) -> None:
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                record = json.loads(line)
                value = record["value"] if record["value"] is not None else float(record["flag"])
                self._values[(int(record["step"]), str(record["name"]))] = float(value)
            except (ValueError, KeyError, TypeError) as error:
                raise RationaleEvalError(
                    f"{self.path.name}, line {number}: not a metric line; the file was changed."
                ) from error
        if whole < len(content):
            os.truncate(self.path, whole)
