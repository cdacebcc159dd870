"""Metric lines, keyed by (step, name). Doing a step again compares with what stands there, and writes nothing twice."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rationale_eval.durable import AppendFile
from rationale_eval.errors import RationaleEvalError
from rationale_eval.points import reached
from rationale_eval.training.faults import told_plainly

Told = Callable[[int, Mapping[str, float]], None]
"""Called with a step and the numbers that were not known before."""


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
        path: JSONL file, or None to write nothing (in processes beside the main one); what it holds already is read.
            What a kill or a power loss left unfinished at its end is cut off: it is of steps after the last checkpoint,
            which are done again.
        told: Told of every number once, after it was written.
        guard: Called before every write; raises where this process may no longer write.

    Raises:
        RationaleEvalError: If a line that was written whole cannot be read.
    """

    def __init__(self, path: Path | None, told: Told | None = None, guard: Callable[[], None] | None = None):
        self.differences: list[Difference] = []
        self._told, self._guard, self._prefix = told, guard, ""
        self._values: dict[tuple[int, str], float] = {}
        self._file: AppendFile | None = None
        if path is not None:
            with told_plainly("metric lines", path.parent):
                self._file = AppendFile(path)
                self._read(path, self._file)

    def under(self, prefix: str) -> Journal:
        """The same journal, for a part of a run whose steps begin anew: names get `prefix` in front.

        Its differences are its own; the journal it came from is the one to close.
        """
        part = copy.copy(self)
        part._prefix, part.differences = self._prefix + prefix, []
        return part

    def record(self, step: int, values: Mapping[str, float]) -> list[Difference]:
        """Adds the numbers of one step; returns those that differ from what was stored for it before."""
        differences: list[Difference] = []
        lines = b""
        fresh: dict[str, float] = {}
        for short, value in values.items():
            name = self._prefix + short
            stored = self._values.get((step, name))
            if stored is None:
                self._values[(step, name)] = fresh[name] = value
                lines += _line(step, name, value)
            elif stored != value and not (math.isnan(stored) and math.isnan(value)):
                differences.append(Difference(step, name, stored, value))
        if lines and self._file is not None:
            self._require_mine()
            with told_plainly("metric lines", self._file.path.parent):
                self._file.append(lines)
            reached("journal.recorded")
        if fresh and self._told is not None:
            self._told(step, fresh)
        self.differences += differences
        return differences

    def get(self, step: int, name: str) -> float | None:
        """The stored number, or None."""
        return self._values.get((step, self._prefix + name))

    def sync(self) -> None:
        """Makes the lines so far survive a power loss."""
        if self._file is not None:
            self._require_mine()
            with told_plainly("metric lines", self._file.path.parent):
                self._file.sync()

    def _require_mine(self) -> None:
        if self._guard is not None:
            self._guard()

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    def _read(self, path: Path, file: AppendFile) -> None:
        content = path.read_bytes()
        # A power loss may leave zeros where bytes were not synced; no line that was written holds one.
        torn = content.find(b"\0")
        whole = content.rfind(b"\n", 0, None if torn < 0 else torn) + 1
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                record = json.loads(line)
                value = record["value"] if record["value"] is not None else float(record["flag"])
                self._values[(int(record["step"]), str(record["name"]))] = float(value)
            except (ValueError, KeyError, TypeError) as error:
                raise RationaleEvalError(
                    f"{path.name}, line {number}: not a metric line; the file was changed."
                ) from error
        if whole < len(content):
            file.cut(whole)
