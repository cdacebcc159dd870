"""`rationale-eval runs`: the app with all its commands, in the order in which they are wanted."""

from __future__ import annotations

from typing import Final

from rationale_eval.commands import groups, runs_change, runs_look
from rationale_eval.commands.runs_app import runs_app

ORDER: Final = (
    *("list", "show", "watch", "logs", "group"),
    *("start", "cancel", "resume", "retry", "reorder"),
    *("delete", "restore", "purge", "export", "rebuild"),
)

runs_app.registered_commands.sort(key=lambda command: ORDER.index(command.name or ""))

__all__ = ["groups", "runs_app", "runs_change", "runs_look"]
