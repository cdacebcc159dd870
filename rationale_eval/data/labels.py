"""Labels as people write them: names, indices, letters, truth values, the text of the right option."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

from rationale_eval.errors import InputError

LabelKind = Literal["name", "index", "letter", "bool", "answer"]
"""`name`: a label name; `index`: its place from 0; `letter`: A for the first; `bool`: false is 0; `answer`: an
option's text."""

MOST_CLASSES: Final = 1000
_WHOLE: Final = re.compile(r"-?\d+")
_FRACTION: Final = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?:\.\d*)?[eE][-+]?\d+)")


def label_text(value: Any) -> str | None:
    """A label as text; None where there is none (null or an empty cell).

    Raises:
        InputError: For truth values and fractional numbers, which could mean several things.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise InputError("is a truth value; map it as label:bool=COLUMN, or write label names", field="label")
    if isinstance(value, float) or (isinstance(value, str) and _FRACTION.fullmatch(value)):
        raise InputError(f"{value} is a fractional number, not a label; write whole numbers or names", field="label")
    if not isinstance(value, int | str):
        raise InputError("is neither text nor a whole number", field="label")
    text = str(value)
    if _WHOLE.fullmatch(text) and int(text[:20]) < 0:
        raise InputError(f"{text[:20]} is negative; leave the label of an unlabelled row empty", field="label")
    return text


def label_names(found: Iterable[str]) -> tuple[str, ...]:
    """The choices of a classification, from the label names in a file: numbers by value, others by alphabet.

    Raises:
        InputError: If there are so many that the column can hardly be a label.
    """
    names = list(found)
    if len(names) > MOST_CLASSES:
        reason = f"has more than {MOST_CLASSES} different values; map it as answer=COLUMN if it is open text"
        raise InputError(reason, field="label")
    numbers = all(_WHOLE.fullmatch(name) for name in names)
    return tuple(sorted(names, key=(lambda name: (int(name), name)) if numbers else None))


def place(value: Any, kind: str, choices: Sequence[str]) -> int | None:
    """The index a label stands for, or None for an unlabelled row.

    Raises:
        InputError: If it names no choice.
    """
    if kind == "bool":
        if not isinstance(value, bool):
            raise InputError("is not a truth value (true or false)", field="label")
        return int(value)
    text = label_text(value)
    if text is None:
        return None
    found = _find(text, kind, choices)
    if found is None or not 0 <= found < len(choices):
        listed = ", ".join(choices[:6])
        raise InputError(f"'{text[:60]}' is none of the {len(choices)} choices ({listed[:120]})", field="label")
    return found


def _find(text: str, kind: str, choices: Sequence[str]) -> int | None:
    if kind == "index":
        return int(text) if _WHOLE.fullmatch(text) and len(text) < 20 else None
    if kind == "letter":
        return ord(text.upper()) - ord("A") if len(text) == 1 and text.isascii() and text.isalpha() else None
    return list(choices).index(text) if text in choices else None


def fits(value: Any, kind: str, choices: Sequence[str]) -> bool:
    """Whether a label can be read in this way."""
    try:
        place(value, kind, choices)
    except InputError:
        return False
    return True
