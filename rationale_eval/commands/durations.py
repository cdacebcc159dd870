"""Lengths of time as people say them."""

from __future__ import annotations


def duration(seconds: float | None) -> str:
    """A length of time in its largest unit and the next: "42 s", "3 min", "1 h 20 min", "5 d 2 h"; "" for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest and hours < 10 else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 and hours < 240 else f"{hours // 24} d"
