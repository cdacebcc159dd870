"""Where a run stands: what was written last, read in the light of who the kernel says works on it.

A process that dies writes nothing. So no state is mended by writing: a live state without a holder of the lease simply
reads as the state it has become, the same for everyone who looks, and the next change of state starts from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rationale_eval.workspace import cancelling, clock, progress
from rationale_eval.workspace.lease import holder
from rationale_eval.workspace.status import LIVE, Status

LEASE: Final = "lease"
PLACE: Final = "queue.json"

CLAIM_SECONDS: Final = 60.0
"""A claimed run whose process has not appeared for so long goes back to the queue."""

MAX_MISSES: Final = 3
"""So many claims without a process, one after the other, are a failure."""

UNBEGUN_SECONDS: Final = 3600.0
"""A run that was made to be done at once, and was not begun for so long, was left behind."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Reads a stored status.

    Args:
        folder: The run's folder.
    """

    folder: Path

    def of(self, stored: Status) -> Status:
        """Where the run stands by now."""
        if stored.state == "queued":
            return self._left_behind(stored)
        if stored.state not in LIVE or holder(self.folder / LEASE) is not None:
            return stored
        if not stored.claimed or cancelling.asked(self.folder, stored.attempt):
            return self.ended(stored)
        waited = stored.instant.until(clock.now())
        if waited is not None and waited < CLAIM_SECONDS:
            return stored
        if stored.misses + 1 >= MAX_MISSES:
            message = f"started {MAX_MISSES} times, and no process took up the work; see its log"
            return stored.then("failed", at=stored.instant, reason="never started", message=message)
        return stored.then("queued", at=stored.instant, message="claimed, but no process took up the work")

    def ended(self, stored: Status) -> Status:
        """The status of a live run whose process is gone without having said why."""
        last = progress.read(self.folder)
        at = last.instant if last is not None and last.attempt == stored.attempt else stored.instant
        if why := cancelling.asked(self.folder, stored.attempt):
            return stored.then("cancelled", at=at, reason="cancelled", message=why)
        return stored.then("interrupted", at=at, message="its process ended without saying why")

    def begun(self, stored: Status) -> Status:
        """The status from which the process that now holds the lease begins; a claim, even an old one, is taken up."""
        if stored.state not in LIVE:
            return stored
        if not stored.claimed:
            return self.ended(stored)
        if why := cancelling.asked(self.folder, stored.attempt):
            return stored.then("cancelled", at=clock.now(), reason="cancelled", message=why)
        return stored

    def _left_behind(self, stored: Status) -> Status:
        waited = stored.instant.until(clock.now())
        fresh = waited is not None and waited < UNBEGUN_SECONDS
        if fresh or stored.clock is None or (self.folder / PLACE).exists():
            return stored
        return stored.then("interrupted", at=stored.instant, message="its process ended before it began")
