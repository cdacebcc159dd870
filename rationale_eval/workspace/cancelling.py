"""The request to cancel a run: a file in its folder that names the attempt it is meant for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

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
    durable.write_json(
        folder / FILE, {"attempt": attempt, "by": by, "message": message, "at": clock.now().at}
    )


def asked(folder: Path, attempt: int) -> str | None:
    """Why an attempt is to be cancelled, or None if nobody asked."""
    try:
        record = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if record["attempt"] != attempt:
            return None
        by = record.get("by")
        return str(record.get("message") or ("cancelled by " + by if by else "cancelled on request"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
