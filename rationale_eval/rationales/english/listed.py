"""Word lists that read like text."""

from __future__ import annotations


def listed(words: str) -> tuple[str, ...]:
    """The words of a text, in its order."""
    return tuple(words.split())
