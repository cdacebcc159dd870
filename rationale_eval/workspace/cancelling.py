"""The request to cancel a run: a file in its folder that names the attempt it is meant for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.workspace import clock

FILE: Final = "cancel.json"


def ask(folder: Path, attempt: int, by: str | None = None, message: str | None = None) -> None:
    """Asks that an attempt be cancelled; a later attempt is not meant.

    Args:
        folder: The run's folder.
        attempt: Which start of the run.
        by: Who asks.
        message: Why, in one sentence.
    """
    if asked(folder, attempt) is not None:
        return  # the first request counts, and its time
    now = clock.now()
    record = {"attempt": attempt, "by": by, "message": message, "at": now.at, "boot": now.boot, "clock": now.clock}
    durable.write_json(folder / FILE, record)


def asked(folder: Path, attempt: int) -> str | None:
    """Why an attempt is to be cancelled, or None if nobody asked."""
    record = _read(folder, attempt)
    if record is None:
        return None
    by = record.get("by")
    return str(record.get("message") or (f"cancelled by {by}" if by else "cancelled on request"))


def since(folder: Path, attempt: int) -> clock.Instant | None:
    """When an attempt was asked to be cancelled, or None if nobody asked."""
    record = _read(folder, attempt)
    return None if record is None else clock.Instant(record["at"], record["boot"], record["clock"])


def _read(folder: Path, attempt: int) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return record if record["attempt"] == attempt else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
