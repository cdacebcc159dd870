"""Highlights as people write them, as character spans: spans, token indices, masks, marked text, lists of words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from rationale_eval.data.example import Evidence, Span
from rationale_eval.data.schema import read_spans
from rationale_eval.data.words import WORD_RULES
from rationale_eval.errors import InputError

EvidenceKind = Literal["spans", "indices", "mask", "marked", "words"]
"""`spans`: character offsets `[[start, end]]`; `indices`: numbers of white-space tokens, from 0; `mask`: a 0 or 1 for
each white-space token; `marked`: the text with *marked* words; `words`: a list of words or phrases, each marked
wherever it stands."""

FIELD: Final = "evidence"


def cell_value(value: Any) -> Any:
    """A CSV cell that holds a JSON list or object, as that list or object; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def token_spans(text: str) -> list[Span]:
    """White-space tokens of a text."""
    return WORD_RULES["whitespace"](text)


def from_spans(value: Any, text: str) -> tuple[Span, ...]:
    """Character spans in any order, as pairs or as objects with `start` and `end`; overlaps are refused."""
    if not isinstance(value, list):
        raise InputError("is not a list of [start, end] pairs", field=FIELD)
    pairs = [[one.get("start"), one.get("end")] if isinstance(one, dict) else one for one in value]
    whole = all(isinstance(pair, list) and all(type(end) is int for end in pair) for pair in pairs)
    return read_spans(sorted(pairs) if whole else pairs, text, FIELD)


def from_indices(value: Any, text: str) -> tuple[Span, ...]:
    """Token numbers, counted from 0."""
    tokens = token_spans(text)
    if not isinstance(value, list) or not all(type(place) is int for place in value):
        raise InputError("is not a list of token numbers", field=FIELD)
    for place in value:
        if not 0 <= place < len(tokens):
            raise InputError(f"token {place} is out of range; the text has {len(tokens)} tokens, from 0", field=FIELD)
    return tuple(tokens[place] for place in sorted(set(value)))


def from_mask(value: Any, text: str) -> tuple[Span, ...]:
    """A 0 or 1 for each token."""
    tokens = token_spans(text)
    if not isinstance(value, list) or not all(type(bit) is int and bit in (0, 1) for bit in value):
        raise InputError("is not a list of 0 and 1", field=FIELD)
    if len(value) != len(tokens):
        raise InputError(f"has {len(value)} marks for {len(tokens)} tokens", field=FIELD)
    return tuple(token for token, bit in zip(tokens, value, strict=True) if bit)


def unmark(marked: str, text: str) -> tuple[Span, ...] | None:
    """Spans between pairs of `*` in `marked`, which is otherwise equal to `text`; None if it is not."""
    spans: list[Span] = []
    place, start = 0, -1
    for letter in marked:
        if place < len(text) and letter == text[place]:
            place += 1
        elif letter != "*":
            return None
        elif start < 0:
            start = place
        else:
            if start < place:
                spans.append((start, place))
            start = -1
    return tuple(spans) if place == len(text) and start < 0 else None


def from_marked(value: Any, text: str) -> tuple[Span, ...]:
    """A copy of the text with stars around what is marked."""
    spans = unmark(value, text) if isinstance(value, str) else None
    if spans is None:
        raise InputError("is not the text with *marked* words (without its stars it differs)", field=FIELD)
    return spans


def from_words(value: Any, text: str) -> tuple[Span, ...]:
    """Words or phrases, each marked wherever it stands; letter case counts unless it is found in no other way."""
    phrases = [value] if isinstance(value, str) else value
    if not isinstance(phrases, list) or not all(isinstance(phrase, str) and phrase.strip() for phrase in phrases):
        raise InputError("is not a list of words", field=FIELD)
    found: set[Span] = set()
    for phrase in phrases:
        # Letters at the phrase's edges must be edges of words in the text as well.
        left = r"(?<!\w)" if phrase[0].isalnum() else ""
        right = r"(?!\w)" if phrase[-1].isalnum() else ""
        pattern = left + re.escape(phrase) + right
        hits = [hit.span() for hit in re.finditer(pattern, text)] or [
            hit.span() for hit in re.finditer(pattern, text, re.IGNORECASE)
        ]
        if not hits:
            raise InputError(f"'{phrase[:60]}' does not stand in the text", field=FIELD)
        found.update(hits)
    return _joined(sorted(found))


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    out: list[Span] = []
    for start, end in spans:
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return tuple(out)


READERS: Final[dict[str, Callable[[Any, str], tuple[Span, ...]]]] = {
    "spans": from_spans,
    "indices": from_indices,
    "mask": from_mask,
    "marked": from_marked,
    "words": from_words,
}


def guess_kind(value: Any, inputs: Mapping[str, str]) -> str | None:
    """The kind that a value shows; "numbers" where it may be indices or a mask, None where it shows nothing."""
    if isinstance(value, dict):
        return next((kind for part in value.values() if (kind := guess_kind(cell_value(part), inputs))), None)
    if isinstance(value, str):
        return "marked" if any(unmark(value, text) is not None for text in inputs.values()) else "words"
    if not isinstance(value, list) or not value:
        return None
    if all(type(one) is int for one in value):
        return "numbers"
    return "words" if all(isinstance(one, str) for one in value) else "spans"


def is_mask(value: Any, text: str) -> bool:
    """Whether a list of numbers could be a mask of the text's tokens."""
    return len(value) == len(token_spans(text)) and all(bit in (0, 1) for bit in value)


def read_marks(value: Any, inputs: Mapping[str, str], kind: str, field: str | None) -> Evidence:
    """One cell as evidence.

    Args:
        value: The cell, JSON already parsed.
        inputs: The example's inputs.
        kind: An `EvidenceKind`.
        field: The input it speaks of; None if it is the only one, or if the value or the marked text says so.

    Raises:
        InputError: If it cannot be read, or its field cannot be told.
    """
    if isinstance(value, dict) and field is None and not value.keys() <= {"start", "end"}:
        if unknown := [name for name in value if name not in inputs]:
            raise InputError(f"names '{unknown[0][:60]}', which is not an input ({', '.join(inputs)})", field=FIELD)
        return {name: _read(cell_value(part), inputs[name], kind) for name, part in value.items()}
    if field is None and kind == "marked" and isinstance(value, str):
        field = next((name for name, text in inputs.items() if unmark(value, text) is not None), None)
    if field is None:
        if len(inputs) > 1 and value != []:
            example = next(iter(inputs))
            raise InputError(f"does not say which input it marks; map evidence.{example}=COLUMN", field=FIELD)
        field = next(iter(inputs))
    return {field: _read(value, inputs[field], kind)} if value != [] else {}


def _read(value: Any, text: str, kind: str) -> tuple[Span, ...]:
    return () if value == [] else READERS[kind](value, text)
