"""The most memory that this process has held at a time, by the kernel's count."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_PEAK: Final = re.compile(r"VmHWM:\s+(\d+) kB")


def peak_memory() -> int | None:
    """Bytes; None where the kernel does not tell."""
    try:
        found = _PEAK.search(Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        return None
    return None if found is None else 1024 * int(found[1])
