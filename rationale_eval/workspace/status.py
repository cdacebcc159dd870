"""The life of a run as a small state machine: which state may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace.clock import Instant

State = Literal["queued", "starting", "running", "finished", "failed", "cancelled", "interrupted"]

NEXT: Final[Mapping[State, frozenset[State]]] = {
    "queued": frozenset({"starting", "failed", "cancelled", "interrupted"}),
    "starting": frozenset({"queued", "running", "failed", "cancelled", "interrupted"}),
    "running": frozenset({"finished", "failed", "cancelled", "interrupted"}),
    "failed": frozenset({"queued", "starting"}),
    "cancelled": frozenset({"queued", "starting"}),
    "interrupted": frozenset({"queued", "starting"}),
    "finished": frozenset(),
}
"""A stopped run that did not finish may start again (resume); a finished one never changes."""

LIVE: Final[frozenset[State]] = frozenset({"starting", "running"})
"""States in which some process works on the run, or was just started to."""

PENDING: Final[tuple[State, ...]] = ("queued", "starting", "running")
"""States of a run that works or waits to: it will change by itself."""

RESUMABLE: Final[frozenset[State]] = frozenset({"interrupted", "failed", "cancelled"})
"""States from which the same run may go on."""


class StateChanged(RationaleEvalError):
    """A change of state that came too late: the run is in another state, or in a later attempt."""


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run stands.

    Args:
        state: One of the seven states.
        sequence: Grows by one with every transition; orders them whatever the clock does.
        attempt: How many times the run was started.
        at: UTC time of the transition, ISO 8601; for people, never compared.
        reason: Short machine-readable cause of a failure, for example "non-finite" or "disk full".
        message: One sentence for a person.
        boot: Which start of the machine saw the transition.
        clock: Monotonic time of the transition, in seconds of that boot.
        claimed: "starting" because a scheduler claimed the run: its process need not be there yet.
        device: Where the present or last attempt runs or ran, if a scheduler assigned a device.
        misses: How many claims in a row led to no process that took up the work.
        started: When the run first ran. For people.
        ended: When it last stopped. For people.
        seconds: Time spent running, over all attempts, by the monotonic clock.
    """

    state: State
    sequence: int = 0
    attempt: int = 0
    at: str = ""
    reason: str | None = None
    message: str | None = None
    boot: str = ""
    clock: float | None = None
    claimed: bool = False
    device: str | None = None
    misses: int = 0
    started: str | None = None
    ended: str | None = None
    seconds: float = 0.0

    @property
    def instant(self) -> Instant:
        """The moment of the transition."""
        return Instant(self.at, self.boot, self.clock)

    def then(
        self,
        state: State,
        *,
        at: str | Instant,
        reason: str | None = None,
        message: str | None = None,
        claim: str | None = None,
    ) -> Status:
        """The status after moving to `state`.

        Args:
            state: The new state.
            at: When.
            reason: Short cause.
            message: A sentence.
            claim: The device a scheduler assigns with a claim ("starting" only).

        Raises:
            StateChanged: If `state` may not follow the present one.
        """
        if state not in NEXT[self.state]:
            raise StateChanged(f"a run that is {self.state} cannot become {state}.")
        instant = at if isinstance(at, Instant) else Instant(at)
        ran = self.instant.until(instant) or 0.0 if self.state == "running" else 0.0
        stopped = self.state == "running" or state in RESUMABLE
        return Status(
            state,
            self.sequence + 1,
            self.attempt + (state == "starting"),
            instant.at,
            reason,
            message,
            instant.boot,
            instant.clock,
            claimed=claim is not None,
            device=claim if state == "starting" else None if state == "queued" else self.device,
            misses=_misses(self, state),
            started=self.started or (instant.at if state == "running" else None),
            ended=instant.at if stopped else self.ended,
            seconds=self.seconds + ran,
        )

    def to_json(self) -> dict[str, Any]:
        """The status as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Status:
        """Reads what `to_json` wrote.

        Raises:
            ValueError: If the state is unknown.
        """
        if value.get("state") not in get_args(State):
            raise ValueError(f"unknown state {value.get('state')!r}")
        known = {field.name for field in fields(cls)}
        return cls(**{name: one for name, one in value.items() if name in known})


def _misses(before: Status, state: State) -> int:
    if before.state == "starting" and state == "queued":
        return before.misses + 1
    # A claim neither proves nor disproves that the work can begin.
    return before.misses if before.state == "queued" and state == "starting" else 0
