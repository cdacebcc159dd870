"""Bytes to lines of text: encodings, one chunk at a time.

UTF-8 (with or without a byte order mark) and UTF-16 or UTF-32 with one are recognised. Anything else is refused with
the byte at fault, unless the caller names the encoding.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final

from rationale_eval.data.limits import Limits
from rationale_eval.errors import InputError, UsageError

CHUNK: Final = 1 << 18

# The longer marks first: the UTF-32 mark begins with the UTF-16 one.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def detect_encoding(head: bytes) -> str:
    """The encoding that the first bytes of a file announce; UTF-8 where they announce none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        return codecs.getincrementaldecoder(encoding)("strict")
    except LookupError as error:
        raise UsageError(f"there is no encoding '{encoding}'; utf-8, utf-16, latin-1 and cp1252 are common") from error


def read_text(file: BinaryIO, name: str, limits: Limits, encoding: str | None = None) -> Iterator[str]:
    """Yields the text of `file` in pieces.

    Raises:
        InputError: At the first byte that is not in the encoding, or when the file is larger than `limits.decoded`.
    """
    chunk = file.read(CHUNK)
    encoding = encoding or detect_encoding(chunk)
    decoder, position, row = _decoder(encoding), 0, 1
    while True:
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            start = getattr(error, "start", 0)
            good = chunk[: max(start - pending, 0)].count(b"\n")
            raise InputError(
                f"byte {position - pending + start:,} is not {encoding.removesuffix('-sig').upper()} text; "
                "convert the file to UTF-8 (iconv -f latin1 -t utf-8) or name its encoding",
                file=name,
                row=row + good,
            ) from error
        if text:
            yield text
        if not chunk:
            return
        row += text.count("\n")
        position += len(chunk)
        if position > limits.decoded:
            raise InputError(f"is larger than {limits.decoded:,} bytes; split it", file=name)
        chunk = file.read(CHUNK)


def read_lines(file: BinaryIO, name: str, limits: Limits, encoding: str | None = None) -> Iterator[str]:
    """Yields lines with their line ends. Only a line feed ends a line: U+2028 and the like are ordinary text.

    Raises:
        InputError: As `read_text`, and for a line longer than `limits.line`.
    """
    pieces: list[str] = []
    held = number = 0
    for text in read_text(file, name, limits, encoding):
        *whole, rest = text.split("\n")
        for end in whole:
            number += 1
            pieces.append(end)
            yield "".join(pieces) + "\n"
            pieces, held = [], 0
        pieces.append(rest)
        held += len(rest)
        if held > limits.line:
            raise InputError(f"the line is longer than {limits.line:,} characters", file=name, row=number + 1)
    if last := "".join(pieces):
        yield last
