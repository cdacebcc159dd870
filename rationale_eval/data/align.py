"""Tokens of other tools, found again in the text: word pieces, byte-level pieces, sentence pieces, plain words.

Tokens are matched in order. Letter case, accents and compatibility forms may differ (uncased models drop them);
everything else must agree, and the first token that does not is named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.words import Word
from rationale_eval.errors import InputError

Merge = Literal["sum", "mean", "max"]
"""How the scores of a word's tokens become the word's score."""

SPECIAL: Final = re.compile(r"\[(?:CLS|SEP|PAD|BOS|EOS)\]|<(?:s|/s|pad|bos|eos|cls|sep)>|<\|[^|<>]+\|>")
UNKNOWN: Final = ("[UNK]", "<unk>")
_PIECE: Final = re.compile(r"\S+")


@lru_cache(maxsize=4096)
def _fold(letter: str) -> str:
    parts = unicodedata.normalize("NFKD", letter.casefold())
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


@lru_cache(maxsize=1)
def _bytes_of_letters() -> dict[str, int]:
    """The printable letter that byte-level tokenizers write for each byte (Radford et al. 2019)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(hidden)}


def is_byte_level(tokens: Sequence[str]) -> bool:
    """Whether tokens are written in the byte alphabet, as a marked blank or line end shows."""
    letters = _bytes_of_letters()
    marked = any(token[:1] in ("Ġ", "Ċ") for token in tokens)
    return marked and all(SPECIAL.fullmatch(token) or all(letter in letters for letter in token) for token in tokens)


def readings(token: str) -> Iterator[str]:
    """The texts a token may stand for: itself, and without its marker."""
    yield token
    if token.startswith("##") and len(token) > 2:
        yield token[2:]
    if "▁" in token:
        yield token.replace("▁", " ").strip()
    if token.endswith("</w>"):
        yield token[:-4]


def _end(want: str, text: str, start: int) -> int | None:
    """Where `want` ends if it stands at `start`, forgiving case, accents and compatibility forms."""
    folded = "".join(_fold(letter) for letter in want)
    found, place = "", start
    while len(found) < len(folded):
        if place >= len(text):
            return None
        found += _fold(text[place])
        place += 1
        if not folded.startswith(found):
            return None
    while place < len(text) and unicodedata.category(text[place]) == "Mn":
        place += 1
    return place


def _skip(text: str, place: int) -> int:
    """The next character that a tokenizer keeps: not white space, a control or a lone mark."""
    while place < len(text) and (text[place].isspace() or unicodedata.category(text[place]) in ("Cc", "Cf", "Mn")):
        place += 1
    return place


@dataclass(slots=True)
class _Reader:
    """A place in the texts of an example, moving forward only.

    Args:
        fields: Names and texts.
        bytewise: Whether tokens are written in the byte alphabet.
    """

    fields: Sequence[tuple[str, str]]
    bytewise: bool
    field: int = 0
    place: int = 0
    moved: bool = False
    pending: bytes = b""

    def take(self, token: str) -> tuple[str, int, int] | None:
        """The span of a token; None for a special token or an empty one."""
        if self._at_end() and self.field + 1 < len(self.fields):
            self._next()
        name, text = self.fields[self.field]
        start = _skip(text, self.place)
        if (end := self._match(token, text, start)) is not None:
            return name, start, end
        if token in UNKNOWN and (piece := _PIECE.match(text, start)):
            self.place, self.moved = piece.end(), True
            return name, start, piece.end()
        if SPECIAL.fullmatch(token):
            # A separator after some tokens ends a field, also one that was cut short.
            if self.moved and self.field + 1 < len(self.fields):
                self._next()
            return None
        if self._is_blank(token):
            return None
        raise InputError(
            f"the token '{token[:40]}' does not continue the text of '{name}' "
            f"at character {start} ('{text[start : start + 24]}')"
        )

    def _match(self, token: str, text: str, start: int) -> int | None:
        """Where the token ends if it stands at `start`; moves there."""
        if self.bytewise and not SPECIAL.fullmatch(token):
            return self._match_bytes(token, text, start)
        for want in readings(token):
            if want and (end := _end(want, text, start)) is not None and end > start:
                self.place, self.moved = end, True
                return end
        return None

    def _match_bytes(self, token: str, text: str, start: int) -> int | None:
        letters = _bytes_of_letters()
        whole = (self.pending + bytes(letters[letter] for letter in token)).lstrip(b" \t\r\n")
        try:
            want, self.pending = whole.decode("utf-8").strip(), b""
        except UnicodeDecodeError as error:
            # Part of a character: the token lies on it, and the character is read when its last byte is there.
            if error.reason != "unexpected end of data" or start >= len(text):
                return None
            want, self.pending = whole[: error.start].decode("utf-8"), whole[error.start :]
            end = start if not want else _end(want, text, start)
            if end is None:
                return None
            self.place, self.moved = end, True
            return end if want else start + 1
        end = _end(want, text, start) if want else None
        # Marks and invisible characters that `_skip` passes over are tokens of their own here.
        if end is None and want and all(unicodedata.category(letter) in ("Cc", "Cf", "Mn") for letter in want):
            return start if start < len(text) else None
        if end is not None and end > start:
            self.place, self.moved = end, True
            return end
        return None

    def _is_blank(self, token: str) -> bool:
        if not self.bytewise:
            return any(not want.strip() for want in readings(token))
        letters = _bytes_of_letters()
        text = bytes(letters[letter] for letter in token if letter in letters).decode("utf-8", "ignore")
        return _skip(text, 0) >= len(text)

    def _at_end(self) -> bool:
        text = self.fields[self.field][1]
        return not self.pending and _skip(text, self.place) >= len(text)

    def _next(self) -> None:
        self.field, self.place, self.moved, self.pending = self.field + 1, 0, False, b""


def token_words(tokens: Sequence[str], inputs: Mapping[str, str], words: Sequence[Word]) -> NDArray[np.int64]:
    """Index of the word that each token belongs to: the first one it overlaps.

    Args:
        tokens: Tokens of all input fields in reading order, special tokens allowed.
        inputs: The example's texts.
        words: Its words.

    Returns:
        int64 `[tokens]`, -1 for special tokens and markers.

    Raises:
        InputError: Naming the first token that is not in the text; without file and row, which the caller knows.
    """
    reader = _Reader(list(inputs.items()), is_byte_level(tokens))
    by_field: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        by_field.setdefault(word.field, []).append(place)
    found = np.full(len(tokens), -1, dtype=np.int64)
    cursor = dict.fromkeys(by_field, 0)
    for number, token in enumerate(tokens):
        span = reader.take(token)
        if span is None or span[0] not in by_field:
            continue
        name, start, end = span
        places = by_field[name]
        while cursor[name] < len(places) and words[places[cursor[name]]].end <= start:
            cursor[name] += 1
        if cursor[name] < len(places) and words[places[cursor[name]]].start < end:
            found[number] = places[cursor[name]]
    return found


def merge_scores(
    scores: NDArray[np.float64], owner: NDArray[np.int64], words: int, how: Merge = "sum"
) -> NDArray[np.float64]:
    """Word scores from token scores.

    Args:
        scores: float64 `[tokens]`.
        owner: Index of each token's word, int64 `[tokens]`; -1 for none.
        words: Number of words.
        how: "sum", "mean" or "max".

    Returns:
        float64 `[words]`; NaN for words without a token.
    """
    own = owner >= 0
    counts = np.bincount(owner[own], minlength=words)
    if how == "max":
        merged = np.full(words, -np.inf)
        np.maximum.at(merged, owner[own], scores[own])
    else:
        merged = np.bincount(owner[own], weights=scores[own], minlength=words)
        if how == "mean":
            merged = merged / np.maximum(counts, 1)
    return np.where(counts > 0, merged, np.nan)
