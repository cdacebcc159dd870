"""The gate for every value from outside: what cannot be stored, compared or shown faithfully is refused here.

Text is never changed: no normalisation, no stripping. It passes as it is, or its row is rejected.
"""

from __future__ import annotations

import math
from typing import Any, Final

from rationale_eval.data.limits import Limits

INT64_LIMIT: Final = 1 << 63


def text_problem(text: str, limits: Limits) -> str | None:
    """Why `text` cannot be used, or None."""
    if len(text) > limits.field:
        return f"is longer than {limits.field:,} characters; shorten it"
    if "\0" in text:
        return "holds a NUL character; remove it"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "holds half a surrogate pair (broken Unicode); write the file anew as UTF-8"
    return None


def value_problem(value: Any, limits: Limits, depth: int = 1) -> str | None:
    """Why a JSON-like value cannot be used, or None. Looks into lists and objects, at most `limits.nesting` deep."""
    if isinstance(value, str):
        return text_problem(value, limits)
    if isinstance(value, float):
        return None if math.isfinite(value) else "is not a finite number; leave the value out or write null"
    if isinstance(value, int):
        return None if -INT64_LIMIT <= value < INT64_LIMIT else "is a whole number beyond 64 bits; write it as text"
    if isinstance(value, list | dict):
        if depth > limits.nesting:
            return f"is nested more than {limits.nesting} levels deep; flatten it"
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        for item in inner:
            if problem := value_problem(item, limits, depth + 1):
                return problem
    return None
