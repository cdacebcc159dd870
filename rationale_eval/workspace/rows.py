"""A run folder as a row of the index: a function of the folder and of who holds its lease, of nothing else."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.status import State, Status

_FILES: Final = ("config.json", "provenance.json", "queue.json", "status.json", "summary.json", "metrics.jsonl")


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the index knows it.

    Args:
        id: The run.
        kind: What it does.
        state: Where it stands.
        sequence: Number of transitions.
        attempt: Number of starts.
        reason: Short cause of the state.
        message: The state in a sentence.
        problem: What in the folder cannot be read, or None.
        created: UTC time; `at`, `started`, `ended` likewise, of the last transition, the first and last work.
        seconds: Time spent running, by the monotonic clock.
        boot: Which start of the machine saw the last transition.
        device: Device asked for; `assigned` is the one given by the scheduler.
        priority: Higher goes first; None for a run that is not for workers. Then the lower `position`.
        owner: Who asked; `group_id`, `title` and `parent` as given when asked.
        recipe: Of a training; `data`, `fingerprint`, `seed` and `model` from the record.
        config: What was asked, as JSON values.
        summary: The result in short, or None.
        deleted: In the trash.
        missing: Its folder is gone.
    """

    id: str
    kind: str | None
    state: State
    sequence: int
    attempt: int
    reason: str | None
    message: str | None
    problem: str | None
    created: str | None
    at: str | None
    started: str | None
    ended: str | None
    seconds: float
    boot: str | None
    device: str | None
    assigned: str | None
    priority: int | None
    position: float | None
    owner: str | None
    group_id: str | None
    title: str | None
    parent: str | None
    recipe: str | None
    data: str | None
    fingerprint: str | None
    seed: int | None
    model: str | None
    config: Mapping[str, Any]
    summary: Mapping[str, Any] | None
    deleted: bool
    missing: bool

    @classmethod
    def read(cls, row: Any) -> RunRow:
        """From a row of the table."""
        values = {field.name: getattr(row, field.name) for field in fields(cls)}
        values["config"] = _parsed(row.config) if row.config else {}
        values["summary"] = _parsed(row.summary) if row.summary else None
        return cls(**values)


@lru_cache(maxsize=512)
def _parsed(text: str) -> Any:
    """Pages list the same runs again and again; what is read here is shared and not to be changed."""
    return json.loads(text)


def stamp_of(folder: Path) -> str:
    """Changes whenever one of the files that the row depends on is written."""
    parts = []
    for name in _FILES:
        try:
            found = os.stat(f"{folder}/{name}")
        except OSError:
            parts.append("-")
        else:
            parts.append(f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}")
    return " ".join(parts)


def row_of(folder: Path, *, deleted: bool = False) -> dict[str, Any]:
    """The row of a run folder, without `metrics_at`.

    What cannot be read is told in `problem`; a damaged folder hides no other run.
    """
    stamp = stamp_of(folder)  # before reading: what is written meanwhile then shows as a change
    run, problems = Run(folder), list[str]()

    def get(what: str) -> dict[str, Any]:
        try:
            return getattr(run, what) or {}
        except RationaleEvalError as error:
            problems.append(str(error))
            return {}

    asked, origin, place, summary = get("asked"), get("provenance"), get("place"), get("summary")
    try:
        status = run.status
    except RationaleEvalError as error:
        problems.append(str(error))
        status = Status("failed", reason="damaged", message="its status.json cannot be read")
    config = asked.get("config")
    config = config if isinstance(config, dict) else {}
    return {
        "id": run.id,
        "kind": _text(asked.get("kind")),
        **state_columns(status),
        "problem": problems[0] if problems else None,
        "created": _text(origin.get("created")),
        "device": _text(place.get("device") or config.get("device")),
        "priority": _number(place.get("priority"), int),
        "position": _number(place.get("position"), float),
        "owner": _text(asked.get("owner")),
        "group_id": _text(asked.get("group")),
        "title": _text(asked.get("title")),
        "parent": _text(asked.get("parent")),
        "recipe": _text(config.get("recipe")),
        "data": _text(origin.get("data")),
        "fingerprint": _text(origin.get("data_fingerprint")),
        "seed": _number(origin.get("seed"), int),
        "model": _text(config.get("model")),
        "config": json.dumps(config),
        "summary": json.dumps(summary) if summary else None,
        "deleted": deleted,
        "missing": False,
        "stamp": stamp,
    }


def state_columns(status: Status) -> dict[str, Any]:
    """The columns of a row that follow from where the run stands."""
    return {
        "state": status.state,
        "sequence": status.sequence,
        "attempt": status.attempt,
        "reason": status.reason,
        "message": status.message,
        "at": status.at,
        "started": status.started,
        "ended": status.ended,
        "seconds": status.seconds,
        "boot": status.boot,
        "assigned": status.device,
    }


def _text(value: Any) -> str | None:
    # A lone surrogate, which JSON can hold, would be refused by the database.
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _number(value: Any, kind: type[int] | type[float]) -> Any:
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return kind(value) if fine and abs(value) < 2**63 else None


def read_lines(path: Path, start: int) -> tuple[list[dict[str, Any]], int, str | None]:
    """Whole metric lines from byte `start` on.

    Returns:
        Rows (step, name, value, flag), the byte after the last line that was read, and what is wrong with the one
        after it, if anything is.
    """
    try:
        with open(path, "rb") as file:
            file.seek(start)
            content = file.read()
    except FileNotFoundError:
        return [], 0, None
    rows, at = [], start
    for line in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):
        if line.strip():
            try:
                rows.append(_metric(json.loads(line)))
            except (ValueError, KeyError, TypeError):
                return rows, at, f"{path.name}: byte {at} does not begin a metric line; the file was changed"
        at += len(line)
    return rows, at, None


def _metric(record: dict[str, Any]) -> dict[str, Any]:
    value, flag = flagged(FLAGS[record["flag"]] if record["value"] is None else float(record["value"]))
    return {"step": int(record["step"]), "name": str(record["name"]), "value": value, "flag": flag}


FLAGS: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
"""How a number that is not finite is kept: JSON and SQL have none, and a flag cannot be ranked by mistake."""


def flagged(value: float) -> tuple[float | None, str | None]:
    """A number as (value, flag), one of which is None."""
    if math.isfinite(value):
        return value, None
    return None, "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
