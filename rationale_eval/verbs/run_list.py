"""The runs of a workspace in rows: what each is, where it stands, how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rationale_eval.workspace.progress import Progress
from rationale_eval.workspace.reconcile import reconcile
from rationale_eval.workspace.rows import RunRow
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.status import State


@dataclass(frozen=True, slots=True)
class Listed:
    """A run in a list.

    Args:
        row: What the index knows.
        progress: How far its present attempt is; None if it is not at work.
        stalled: Whether it has made no step for long.
    """

    row: RunRow
    progress: Progress | None
    stalled: bool

    @property
    def age(self) -> float | None:
        """Seconds since it was asked for, by the time of day."""
        if self.row.created is None:
            return None
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(self.row.created)).total_seconds())

    def record(self) -> dict[str, Any]:
        """The run as JSON values."""
        at = self.progress
        found = asdict(self.row) | {"stalled": self.stalled, "age": self.age}
        found["progress"] = at and {
            "step": at.step,
            "total": at.total,
            "text": at.text,
            "seconds_left": at.seconds_left,
        }
        return found


def list_runs(
    workspace: Workspace,
    *,
    states: Sequence[State] = (),
    kind: str | None = None,
    group: str | None = None,
    deleted: bool = False,
    limit: int | None = None,
    checked: bool = False,
) -> list[Listed]:
    """Runs, newest first, after every state was checked against the processes there are.

    Args:
        workspace: The workspace.
        states: Only runs in one of these; all when empty.
        kind: Only of this kind.
        group: Only of this group.
        deleted: Those in the trash in place of the others.
        limit: So many at most.
        checked: The states were checked just now, by `reconcile`.
    """
    if not workspace.path.is_dir():
        return []
    if not checked:
        reconcile(workspace)
    rows = workspace.index.rows(
        kind=kind, state=list(states) or None, group=group, deleted=deleted, descending=True, limit=limit
    )
    return [_listed(workspace, row) for row in rows]


def _listed(workspace: Workspace, row: RunRow) -> Listed:
    if row.state not in ("starting", "running") or row.missing:
        return Listed(row, None, False)
    run = Run(workspace.path / "runs" / row.id)
    progress = run.progress
    current = progress is not None and progress.attempt == row.attempt
    return Listed(row, progress if current else None, run.stalled)
