"""Sentences of a rationale: cut where one ends, not at abbreviations, decimals or initials."""

from __future__ import annotations

import re
from typing import Final

ABBREVIATIONS: Final = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "jr",
        "st",
        "vs",
        "e.g",
        "i.e",
        "cf",
        "gen",
        "col",
        "sgt",
        "capt",
        "rev",
        "hon",
        "gov",
        "sen",
        "rep",
        "ave",
        "u.s",
        "u.k",
        "u.n",
    ]
)
"""Words after which a full stop does not end a sentence, in lower case."""

BEFORE_NUMBERS: Final = frozenset(
    ["no", "nos", "fig", "eq", "vol", "p", "pp", "approx", "max", "min", "ca", "rs", "sec", "ch", "art"]
)
"""Words after which it does not where a number follows."""

_END: Final = re.compile(r"(?P<mark>[.!?]+)(?P<close>[\"'”’)\]]*)(?P<gap>\s+|$)")
_LIST: Final = re.compile(r"(?:^|\s)(?:\d{1,2}|[a-zA-Z])$")


def sentences(text: str) -> list[str]:
    """Splits a text into sentences.

    A line end always ends one. A full stop, question or exclamation mark ends one where white space follows, unless it
    belongs to an abbreviation, to an initial ("J. Smith"), to a number of a list ("1. First"), or the next word starts
    in lower case.

    Args:
        text: A rationale.

    Returns:
        The sentences in order, without white space around them and none empty; joined by blanks they are the text with
        its white space made single.
    """
    found = []
    for line in text.splitlines():
        line = " ".join(line.split())
        start = 0
        for match in _END.finditer(line):
            if _ends(line, start, match):
                found.append(line[start : match.end()].strip())
                start = match.end()
        found.append(line[start:].strip())
    return [one for one in found if one]


def _ends(line: str, start: int, match: re.Match[str]) -> bool:
    after = line[match.end() :]
    if not after:
        return True
    if after[0].islower():
        return False
    if match["mark"] != ".":
        return True
    before = line[start : match.start()]
    word = before.rsplit(None, 1)[-1].lstrip("(\"'“‘[").casefold() if before.strip() else ""
    if word in ABBREVIATIONS or (word in BEFORE_NUMBERS and after[0].isdigit()):
        return False
    if _LIST.search(before) is None:
        return True
    # A number or letter alone begins a list where it opens the sentence; a capital alone is an initial.
    lone = before.strip()
    return not (len(lone) <= 2 or (before[-1].isupper() and before[-1] != "I"))
