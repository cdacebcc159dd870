"""The evaluations of a workspace that may be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rationale_eval.desk.desk import Desk
from rationale_eval.verbs.systems import Evaluation

if TYPE_CHECKING:
    from rationale_eval.workspace.rows import RunRow


def evaluations(desk: Desk) -> list[Evaluation]:
    """Finished evaluations that kept their results, newest first."""
    rows = [each.row for each in desk.runs(kind="evaluate", states=("finished",))]
    return [_evaluation(row) for row in rows if row.summary and row.summary.get("results")]


def _evaluation(row: RunRow) -> Evaluation:
    split = row.config.get("split")
    return Evaluation(
        id=row.id,
        title=row.title or row.id,
        data=row.data or "unknown data",
        split=str(split) if split else "",
        fingerprint=row.fingerprint or row.id,
        model=row.model or "",
        results=tuple((row.summary or {})["results"]),
    )
