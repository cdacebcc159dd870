"""What a queued run waits for: runs whose result it reads. It starts when they are finished, and not before.

The ids stand in the run's `queue.json` under `after`. Only the folders are asked: finished is a state that nothing
leaves, so a run that was free to start stays so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.status import RESUMABLE, StateChanged

KEY: Final = "after"
REASON: Final = "needed run"
"""Why a run failed that waited for one that has ended without a result."""


@dataclass(frozen=True, slots=True)
class Needs:
    """How things stand with what a run waits for.

    Args:
        coming: Runs that may still finish.
        lost: A sentence about one that has stopped or is gone, or None.
    """

    coming: tuple[str, ...] = ()
    lost: str | None = None

    @property
    def met(self) -> bool:
        """Whether nothing is waited for."""
        return not self.coming and self.lost is None


def needs(run: Run) -> Needs:
    """What a run still waits for."""
    place: dict[str, Any] = run.place or {}
    coming: list[str] = []
    for id in place.get(KEY, ()):
        folder = run.folder.parent / str(id)
        if not (folder / "status.json").is_file():
            return Needs(lost=f"it needs run {id}, which was deleted; restore that one and resume this one")
        try:
            status = Run(folder).status
        except RationaleEvalError as error:
            return Needs(lost=f"it needs another run: {error}")
        if status.state in RESUMABLE:
            return Needs(lost=f"it needs run {id}, which {_ended(status.state)}; resume that one first, then this one")
        if status.state != "finished":
            coming.append(str(id))
    return Needs(tuple(coming))


def require_possible(run: Run) -> None:
    """Refuses to put a run into the queue whose needs cannot be met as things stand.

    Raises:
        UsageError: Which run is to be resumed or restored first.
    """
    if (lost := needs(run).lost) is not None:
        raise UsageError(f"run {run.id} cannot go on: {lost}.")


def give_up(run: Run) -> str | None:
    """Fails a queued run that waits for one that has stopped, so that nobody waits in vain.

    Returns:
        The sentence it failed with, or None where it may still begin.
    """
    lost = needs(run).lost
    if lost is None:
        return None
    try:
        run.move("failed", when="queued", reason=REASON, message=lost)
    except StateChanged:
        return None
    return lost


def _ended(state: str) -> str:
    return "failed" if state == "failed" else f"was {state}"
