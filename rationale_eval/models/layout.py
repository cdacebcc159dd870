"""How an example becomes the text a network reads, and which word every token of it belongs to.

A layout lays pieces of text side by side: input fields, words of its own ("Q: "), choices. The tokenizer's own template
adds the special tokens, so nothing here knows what they are called. Characters lead back from tokens to words.

Truncation rule `longest_field_end`: while a row is too long, the field with most tokens loses tokens at its end (of
equally long fields the later one), the same for every row of an example, so that all choices see the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.example import Example
from rationale_eval.data.words import Word
from rationale_eval.errors import InputError
from rationale_eval.models.base import NO_WORD

TRUNCATION: Final = "longest_field_end"

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text in a layout.

    Args:
        text: The text.
        field: The input field it is, or None for the layout's own words and the choices.
        target: Whether it is what a language model has to say.
    """

    text: str
    field: str | None = None
    target: bool = False


Parts = tuple[tuple[Piece, ...], ...]
"""One row: one text, or two for the tokenizer's pair template."""

Layout = Callable[[Mapping[str, str], Sequence[str]], list[Parts]]
"""Inputs and choices to rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """A tokenised row.

    Args:
        ids: int64 `[tokens]`.
        types: int64 `[tokens]`, as the tokenizer gives them.
        word: int64 `[tokens]`, `NO_WORD` where there is none.
        field: int64 `[tokens]`: index into `fields`, or -1.
        start: int64 `[tokens]`: first character, counted in the token's field (meaningless outside fields).
        end: int64 `[tokens]`: one past the last character, as `start`.
        target: Booleans `[tokens]`: whether the token belongs to the target piece.
        fields: Names of the fields in the row.
    """

    ids: Ints
    types: Ints
    word: Ints
    field: Ints
    start: Ints
    end: Ints
    target: NDArray[np.bool_]
    fields: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


def first_overlap(start: Ints, end: Ints, left: Ints, right: Ints) -> Ints:
    """For each stretch `start:end` the first of the intervals `left:right` that it overlaps, or -1.

    First means lowest `left`, then lowest index. Empty stretches and empty intervals overlap nothing.

    Args:
        start: int64 `[n]`.
        end: int64 `[n]`.
        left: int64 `[m]`.
        right: int64 `[m]`.

    Returns:
        int64 `[n]`.
    """
    order = np.flatnonzero(left < right)
    if not len(order):
        return np.full(len(start), -1, dtype=np.int64)
    order = order[np.argsort(left[order], kind="stable")]
    # The first interval that ends after `start` is where the running maximum of the ends passes it.
    place = np.searchsorted(np.maximum.accumulate(right[order]), start, side="right")
    candidate = order[np.minimum(place, len(order) - 1)]
    hit = (place < len(order)) & (left[candidate] < end) & (start < end)
    return np.where(hit, candidate, -1).astype(np.int64)


def tokenise(tokenizer: Any, parts: Parts, words: Sequence[Word]) -> Tokens:
    """Tokenises one row and finds the word of every token.

    Args:
        tokenizer: A fast tokenizer.
        parts: One or two texts in pieces.
        words: The example's words; those that reach past a field's text (cut off) are ignored or clipped.
    """
    texts = ["".join(piece.text for piece in part) for part in parts]
    made = tokenizer(*texts, truncation=False, padding=False, verbose=False).encodings[0]
    spans = np.array(made.offsets, dtype=np.int64).reshape(-1, 2)
    part_of = np.array([-1 if part is None else part for part in made.sequence_ids], dtype=np.int64)
    size = len(part_of)
    word, field, base = (np.full(size, fill, dtype=np.int64) for fill in (NO_WORD, -1, 0))
    target = np.zeros(size, dtype=bool)
    fields: list[str] = []
    for number, part in enumerate(parts):
        here = np.flatnonzero(part_of == number)
        at = 0
        for piece in part:
            overlap = here[(spans[here, 0] < at + len(piece.text)) & (at < spans[here, 1])]
            if piece.target:
                target[overlap] = True
            elif piece.field is not None:
                overlap = overlap[field[overlap] < 0]
                field[overlap], base[overlap] = len(fields), at
                fields.append(piece.field)
                places, left, right = _places(words, piece)
                found = first_overlap(spans[overlap, 0] - at, spans[overlap, 1] - at, left, right)
                word[overlap] = np.where(found >= 0, places[found] if len(places) else NO_WORD, NO_WORD)
            at += len(piece.text)
        _adopt_blanks(texts[number], here, spans, word)
    return Tokens(
        ids=np.array(made.ids, dtype=np.int64),
        types=np.array(made.type_ids, dtype=np.int64),
        word=word,
        field=field,
        start=np.maximum(spans[:, 0] - base, 0),
        end=np.maximum(spans[:, 1] - base, 0),
        target=target,
        fields=tuple(fields),
    )


def _adopt_blanks(text: str, here: NDArray[np.intp], spans: Ints, word: Ints) -> None:
    """Gives tokens that are nothing but white space to the word that follows, in place.

    Vocabularies that write a space as part of a word fall back to a token for the space alone before a rare word; it
    has to go when the word goes.
    """
    for before, after in zip(here[-2::-1], here[:0:-1], strict=True):
        if word[before] < 0 <= word[after] and not text[spans[before, 0] : spans[before, 1]].strip():
            word[before] = word[after]


def _places(words: Sequence[Word], piece: Piece) -> tuple[Ints, Ints, Ints]:
    """Indices, starts and ends of the words in a field's piece, clipped to its text."""
    found = [
        (i, word.start, min(word.end, len(piece.text))) for i, word in enumerate(words) if word.field == piece.field
    ]
    table = np.array(found, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def lay_out(
    tokenizer: Any, layout: Layout, example: Example, words: Sequence[Word], max_length: int
) -> tuple[list[Tokens], bool]:
    """Tokenises every row of an example, cutting the inputs by the rule `longest_field_end` until all rows fit.

    Args:
        tokenizer: A fast tokenizer.
        layout: Says what each row reads.
        example: The example.
        words: Its words.
        max_length: Most tokens in a row, special tokens and choices included.

    Returns:
        The rows, and whether anything was cut off.

    Raises:
        InputError: If the choices and the layout's own text do not fit by themselves.
    """
    inputs = dict(example.inputs)
    truncated = False
    while True:
        rows = [tokenise(tokenizer, parts, words) for parts in layout(inputs, example.choices)]
        longest = max(rows, key=len)
        if len(longest) <= max_length:
            return rows, truncated
        inputs = cut(inputs, longest, len(longest) - max_length, example.id)
        truncated = True


def cut(inputs: Mapping[str, str], row: Tokens, excess: int, name: str) -> dict[str, str]:
    """Takes at least `excess` tokens off the ends of the longest fields of a row.

    Returns:
        The inputs, shortened.

    Raises:
        InputError: If no field has a token left to lose.
    """
    counts = np.bincount(row.field[row.field >= 0], minlength=len(row.fields))
    if counts.sum() < excess:
        raise InputError(
            f"example '{name}' does not fit the model: its choices and the prompt alone take more tokens than the "
            "model reads; shorten them or raise max_length"
        )
    left = counts.copy()
    for _ in range(excess):
        left[len(left) - 1 - int(np.argmax(left[::-1]))] -= 1
    shorter = dict(inputs)
    for number in np.flatnonzero(left < counts):
        tokens = np.flatnonzero(row.field == number)
        field = row.fields[number]
        shorter[field] = inputs[field][: int(row.start[tokens[left[number]]])].rstrip()
    return shorter


def reading_order(inputs: Mapping[str, str], choices: Sequence[str]) -> list[Parts]:
    """Layout `fields` of classifiers: the first field; the others, joined by a newline, as second text of a pair."""
    first, *rest = (Piece(text, field) for field, text in inputs.items())
    return [((first,), join(rest)) if rest else ((first,),)]


def question_answer(inputs: Mapping[str, str], choices: Sequence[str]) -> list[Parts]:
    """Layout `question_answer` of encoders that score choices, one row each: "Q: question", "A: choice" (UNIREX)."""
    question = (Piece("Q: "), *join([Piece(text, field) for field, text in inputs.items()]))
    return [(question, (Piece(f"A: {choice}"),)) for choice in choices]


def join(pieces: Sequence[Piece], between: str = "\n") -> tuple[Piece, ...]:
    """Puts `between` between pieces."""
    return tuple(part for i, piece in enumerate(pieces) for part in ((Piece(between), piece) if i else (piece,)))


LAYOUTS: Final[dict[str, Layout]] = {"fields": reading_order, "question_answer": question_answer}
