"""One run folder: what was asked, where it stands, and the right to change that.

`status.json` is the truth about the state. It is changed only in a turn (`turn.py`), by one conditional replacement:
the caller says which state, and which attempt, it believes the run to be in. The database row of the run follows
afterwards (`index.py`); a crash between the two leaves the row behind the folder, never ahead of it, and the next
reconcile brings it up. A live state whose process is gone needs no writing at all to be mended: `Run.status` reads it
as interrupted (cancelled, or queued again), because the kernel says that nobody holds the lease.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError
from rationale_eval.points import reached
from rationale_eval.workspace import cancelling, clock, filesystem, progress
from rationale_eval.workspace.lease import Lease, Taken, holder
from rationale_eval.workspace.reasons import reason_of
from rationale_eval.workspace.standing import LEASE, PLACE, Standing
from rationale_eval.workspace.status import LIVE, State, StateChanged, Status
from rationale_eval.workspace.stopping import Stopped, stop_on_term
from rationale_eval.workspace.turn import FolderGone, turn

RunKind = Literal["train", "extract", "generate", "evaluate", "audit", "import"]

LEASE_PATIENCE: Final = 5.0
"""Seconds that a launched process waits for the one before it, which may still be putting its things away."""


class TakenOver(RationaleEvalError):
    """The run was taken over while this process was stopped; nothing it writes counts any more."""

    reason = "taken over"


@dataclass(slots=True)
class _Hold:
    """What a process that works on a run knows beyond the folder."""

    lease: Lease | None = None
    attempt: int | None = None
    pulse: progress.Pulse = field(default_factory=progress.Pulse)


@dataclass(frozen=True, slots=True)
class Run:
    """One run folder.

    Args:
        folder: The folder; its name is the run's id.
    """

    folder: Path
    _hold: _Hold = field(default_factory=_Hold, init=False, compare=False, repr=False)

    @property
    def id(self) -> str:
        """Unique; ids sort by the order in which runs were made, whatever the clock did."""
        return self.folder.name

    @property
    def workspace(self) -> Path:
        """The folder of the workspace that holds the run."""
        return self.folder.parent.parent

    @property
    def kind(self) -> RunKind:
        """What the run does: "train", "extract", "generate", "evaluate", "audit" or "import"."""
        kind: RunKind = self._record("config.json")["kind"]
        return kind

    @property
    def config(self) -> dict[str, Any]:
        """What was asked for, with every default resolved."""
        config: dict[str, Any] = self._record("config.json")["config"]
        return config

    @property
    def asked(self) -> dict[str, Any]:
        """The whole record: kind, config, title, owner, group, parent, and the directory it was asked from."""
        return self._record("config.json")

    @property
    def place(self) -> dict[str, Any] | None:
        """Place in the queue: device wanted, priority, position; None for a run that no worker may start."""
        return self._record(PLACE) if (self.folder / PLACE).exists() else None

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions, data, seed and the command that repeats the run."""
        return self._record("provenance.json")

    @property
    def metrics_file(self) -> Path:
        """JSONL: one number by step and name."""
        return self.folder / "metrics.jsonl"

    @property
    def log_file(self) -> Path:
        """Text: what the run said."""
        return self.folder / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """Folder of training checkpoints."""
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        """Folder of the finished model."""
        return self.folder / "model"

    @property
    def examples(self) -> Path:
        """Parquet: one row for each example (and metric)."""
        return self.folder / "examples.parquet"

    @property
    def lease_file(self) -> Path:
        """The file whose lock says that a process works on the run."""
        return self.folder / LEASE

    @property
    def summary(self) -> dict[str, Any] | None:
        """The result in short, or None while there is none."""
        return self._record("summary.json") if (self.folder / "summary.json").exists() else None

    @property
    def progress(self) -> progress.Progress | None:
        """What the run's process said last about its steps, or None; look at its `attempt`."""
        return progress.read(self.folder)

    @property
    def stored(self) -> Status:
        """The status as it was written last."""
        try:
            return Status.from_json(self._record("status.json"))
        except (ValueError, TypeError) as error:
            raise RationaleEvalError(f"run {self.id} has an unreadable status.json: {error}.") from error

    @property
    def status(self) -> Status:
        """Where the run stands, given who the kernel says works on it; no state is ever stuck."""
        return Standing(self.folder).of(self.stored)

    @property
    def worker(self) -> int | None:
        """Id of the process that works on the run, by the kernel's word; 0 if it cannot be seen from here."""
        return holder(self.lease_file)

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked to cancel the present attempt; long work should look now and then."""
        attempt = self._hold.attempt
        return cancelling.asked(self.folder, self.stored.attempt if attempt is None else attempt) is not None

    @property
    def stalled(self) -> bool:
        """Whether a process works on the run but has made no step for long; for showing, nothing acts on it."""
        stored, last = self.stored, self.progress
        return (
            stored.state == "running"
            and last is not None
            and last.attempt == stored.attempt
            and last.stalled()
            and self.worker is not None
        )

    def metrics(self) -> list[dict[str, Any]]:
        """The metric lines so far; a half-written last line is left out."""
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines if line]

    def write_summary(self, value: Mapping[str, Any]) -> None:
        """Stores the result in short (JSON values, no NaN)."""
        self.require_mine()
        durable.write_json(self.folder / "summary.json", dict(value))

    def say(self, text: str) -> None:
        """Adds a line with the time to the run's log."""
        with open(self.log_file, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{clock.now().at} {text}\n")

    def beat(self, step: int, total: int, text: str = "") -> None:
        """Says where the work is; call it after every step, it writes at most twice a second.

        Args:
            step: Steps done.
            total: Steps in all; 0 where unknown.
            text: A few words for whoever watches.

        Raises:
            TakenOver: If the run is no longer this process's.
            FolderGone: If the run's folder was deleted or moved.
        """
        if not self._hold.pulse.due(step, total):
            return
        self.require_mine()
        # A full disk must not end the work for the sake of a progress bar.
        with suppress(OSError):
            self._hold.pulse.write(self.folder, step, total, text, self._hold.attempt or 0)

    def require_mine(self) -> None:
        """Refuses to go on in a process whose run was taken over or whose folder is gone; else does nothing.

        Raises:
            TakenOver: If another process may work on the run now.
            FolderGone: If the folder was deleted or moved.
        """
        lease = self._hold.lease
        if lease is None or lease.holds():
            return
        if not self.folder.is_dir():
            raise FolderGone(f"the folder of run {self.id} is gone: it was deleted or moved while the run worked.")
        raise TakenOver(
            f"run {self.id} was taken over while attempt {self._hold.attempt} stood still; it writes nothing more."
        )

    def move(
        self,
        state: State,
        *,
        reason: str | None = None,
        message: str | None = None,
        when: State | Collection[State] | None = None,
        attempt: int | None = None,
        claim: str | None = None,
        follow: bool = True,
    ) -> Status:
        """Moves the run to another state, if it is in the state the caller believes, and makes that durable.

        Where cancelling was asked for, "interrupted" becomes "cancelled".

        Args:
            state: The new state.
            reason: Short cause.
            message: A sentence.
            when: The state, or states of which one, it must be in; None for any that `state` may follow.
            attempt: The attempt the run must be in; that of this process while it works on the run.
            claim: Device that a scheduler assigns.
            follow: Whether the index is brought up to date here.

        Raises:
            StateChanged: If the run is in another state or attempt, or `state` may not follow.
            TakenOver: If this process worked on the run, and somebody else does now.
            FolderGone: If the folder was deleted or moved.
        """
        with turn(self.folder):
            self.require_mine()
            before = self.status
            attempt = self._hold.attempt if attempt is None else attempt
            if when is not None and before.state not in ((when,) if isinstance(when, str) else when):
                raise StateChanged(f"run {self.id} is {before.state} by now.")
            if attempt is not None and before.attempt != attempt:
                raise StateChanged(f"run {self.id} is in attempt {before.attempt} by now; attempt {attempt} is over.")
            if state == "interrupted" and (why := cancelling.asked(self.folder, before.attempt)):
                state, reason, message = "cancelled", "cancelled", message or why
            status = before.then(state, at=clock.now(), reason=reason, message=message, claim=claim)
            self._write_status(status)
        reached("run.moved")
        if follow:
            self.follow()
        return status

    def follow(self) -> None:
        """Brings the run's row in the index up to date; a failure is noted in the log, for the folder holds it all."""
        if self.folder.parent.name != "runs":
            return
        from rationale_eval.workspace.index import follow  # opening a workspace must not bring a database along

        follow(self)

    @contextmanager
    def working(self, *, launched: bool = False) -> Iterator[Run]:
        """Owns the run for the length of a block: running inside, afterwards finished, failed, interrupted, cancelled.

        A block that moved the run to a final state itself is left as it is. SIGTERM and Ctrl-C end the block with
        `KeyboardInterrupt`; the run is then cancelled if that was asked for, else interrupted. Errors pass through.

        Args:
            launched: True in a process that a launcher started. It takes up a claim (or a run that is back in the
                queue) and refuses any other state, so that a late process never revives a run that was cancelled. It
                also makes the process a polite one (`launch.settle`). False for a person who starts or resumes.

        Raises:
            StateChanged: If the run is not in a state to be worked on.
            RationaleEvalError: If another process works on it.
        """
        if launched:
            from rationale_eval.workspace.launch import settle

            settle()
        with self._leased(LEASE_PATIENCE if launched else 0.0) as lease:
            reached("run.leased")
            self._begin(lease, launched)
            try:
                with stop_on_term():
                    yield self
            except KeyboardInterrupt as error:
                how = "stopped by a signal" if isinstance(error, Stopped) else "stopped from the keyboard"
                self._end("interrupted", "stopped", how)
                raise
            except Exception as error:
                self._end("failed", reason_of(error), str(error) or type(error).__name__)
                raise
            else:
                self._end("finished")
            finally:
                self._hold.lease = self._hold.attempt = None

    @contextmanager
    def _leased(self, patience: float) -> Iterator[Lease]:
        end = clock.monotonic() + patience
        while True:
            with ExitStack() as stack:
                try:
                    lease = stack.enter_context(Lease(self.lease_file))
                except Taken:
                    if self.stored.state != "starting" or clock.monotonic() > end:
                        raise
                else:
                    yield lease
                    return
            time.sleep(0.1)

    def _begin(self, lease: Lease, launched: bool) -> None:
        with turn(self.folder):
            stored = Standing(self.folder).begun(self.stored)
            if launched and not (stored.claimed or stored.state == "queued"):
                raise StateChanged(f"run {self.id} is {stored.state}; there is nothing to start.")
            now = clock.now()
            if not stored.claimed:
                stored = stored.then("starting", at=now)
            status = stored.then("running", at=now)
            durable.sweep(self.folder, keep=cancelling.FILE)
            self._write_status(status)
        self._hold.lease, self._hold.attempt, self._hold.pulse = lease, status.attempt, progress.Pulse()
        reached("run.running")
        self.follow()

    def _end(self, state: State, reason: str | None = None, message: str | None = None) -> None:
        try:
            if self.status.state not in LIVE:
                return
            self.move(state, reason=reason, message=message)
        except (OSError, RationaleEvalError):
            # Where even this cannot be written, the free lease says interrupted, and the first error is the one told.
            if state == "finished":
                raise
            self.follow()

    def _write_status(self, status: Status) -> None:
        """Inside a turn. The space put aside is given up before a full disk may hide what happened."""
        try:
            durable.write_json(self.folder / "status.json", status.to_json())
        except OSError as error:
            if not filesystem.full(error) or not filesystem.drop_ballast(self.workspace):
                raise
            durable.write_json(self.folder / "status.json", status.to_json())
        with suppress(OSError):
            self.say(" ".join(part for part in (f"[{status.state}]", status.reason, status.message) if part))

    def _record(self, name: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except OSError as error:
            raise RationaleEvalError(f"run {self.id} has no readable {name}: {error.strerror}.") from error
        except ValueError as error:
            raise RationaleEvalError(f"run {self.id} has a damaged {name}: {error}.") from error
        return record
