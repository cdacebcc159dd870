"""The life of a run as a small state machine: which state may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from rationale_eval.errors import RationaleEvalError

State = Literal["queued", "starting", "running", "finished", "failed", "cancelled", "interrupted"]

NEXT: Final[Mapping[State, frozenset[State]]] = {
    "queued": frozenset({"starting", "cancelled"}),
    "starting": frozenset({"running", "failed", "cancelled", "interrupted"}),
    "running": frozenset({"finished", "failed", "cancelled", "interrupted"}),
    "failed": frozenset({"starting"}),
    "cancelled": frozenset({"starting"}),
    "interrupted": frozenset({"starting"}),
    "finished": frozenset(),
}
"""A stopped run that did not finish may start again (resume); a finished one never changes."""

LIVE: Final[frozenset[State]] = frozenset({"starting", "running"})
"""States in which some process must hold the run's lease."""


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
    """

    state: State
    sequence: int = 0
    attempt: int = 0
    at: str = ""
    reason: str | None = None
    message: str | None = None

    def then(self, state: State, *, at: str, reason: str | None = None, message: str | None = None) -> Status:
        """The status after moving to `state`.

        Raises:
            RationaleEvalError: If `state` may not follow the present one.
        """
        if state not in NEXT[self.state]:
            raise RationaleEvalError(f"a run that is {self.state} cannot become {state}.")
        attempt = self.attempt + (state == "starting")
        return Status(state, self.sequence + 1, attempt, at, reason, message)

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
        return cls(**{name: value[name] for name in cls.__slots__ if name in value})
