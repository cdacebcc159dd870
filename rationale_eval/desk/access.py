"""Who looks, and what they may do: decided once, when the dashboard starts, and asked before every change."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rationale_eval.errors import UsageError

READ_ONLY: Final = "RATIONALE_EVAL_READ_ONLY"
ROOTS: Final = "RATIONALE_EVAL_ROOTS"
SESSIONS: Final = "RATIONALE_EVAL_SESSIONS"
"""How many sessions the dashboard lets in."""


class NotAllowed(UsageError):
    """The dashboard shows and does not change."""


@dataclass(frozen=True, slots=True)
class Access:
    """What the person in front of a page may do.

    Args:
        user: Under which name runs, notes and deletions are recorded; None where nobody logged in.
        read_only: Nothing may be changed.
        roots: Folders whose data sets and models may be picked; nothing outside them is ever opened by a page.
    """

    user: str | None = None
    read_only: bool = False
    roots: tuple[Path, ...] = ()

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Access:
        """As the operator started the dashboard."""
        given = os.environ if environment is None else environment
        roots = [Path(part) for part in given.get(ROOTS, "").split(os.pathsep) if part]
        return cls(read_only=given.get(READ_ONLY, "") not in ("", "0"), roots=tuple(roots))

    def require_change(self, what: str) -> None:
        """Refuses a change where only looking is allowed.

        Args:
            what: The change, as in "you cannot ...".

        Raises:
            NotAllowed: With what to do.
        """
        if self.read_only:
            raise NotAllowed(
                f"this dashboard is read-only, so you cannot {what} here; the person who runs it can, or you on the "
                "command line."
            )
