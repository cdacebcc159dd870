"""Moments: the wall clock for people, the monotonic clock and the boot for everything that is compared."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Instant:
    """When something happened.

    Args:
        at: UTC time, ISO 8601; for people, never compared.
        boot: Which start of the machine; clocks of different boots say nothing about each other.
        clock: Seconds of the monotonic clock, which all processes of one boot share and nobody can set.
    """

    at: str
    boot: str = ""
    clock: float | None = None

    def until(self, later: Instant) -> float | None:
        """Seconds from here to `later`, or None where no clock saw both."""
        if self.clock is None or later.clock is None or self.boot != later.boot or later.clock < self.clock:
            return None
        return later.clock - self.clock


def wall() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds that only ever grow, the same for every process of this boot."""
    return time.monotonic()


@cache
def boot_id() -> str:
    """Names this start of the machine; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def now() -> Instant:
    """This moment by every clock."""
    return Instant(wall().isoformat(timespec="milliseconds"), boot_id(), monotonic())
