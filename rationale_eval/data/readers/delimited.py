"""CSV and TSV: every cell is text and stays exactly what it is ("NA", "007" and "TRUE" included).

CSV follows RFC 4180 with the delimiter of its header (comma, semicolon, tab or bar). TSV has no quoting, as the public
corpora write it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final

from rationale_eval.data.gate import text_problem
from rationale_eval.data.limits import Limits
from rationale_eval.data.readers.row import RawRow
from rationale_eval.data.readers.text import read_lines
from rationale_eval.data.rejections import Rejection
from rationale_eval.errors import InputError

DELIMITERS: Final = (",", "\t", ";", "|")


def find_delimiter(header: str) -> str:
    """The delimiter that stands most often in a header line, outside quotes; a comma if none does."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _header(cells: list[str], name: str, limits: Limits) -> list[str]:
    if len(cells) > limits.columns:
        raise InputError(f"has {len(cells):,} columns; at most {limits.columns} can be read", file=name)
    names = [cell or f"column_{place}" for place, cell in enumerate(cells, start=1)]
    for cell in names:
        if problem := text_problem(cell, limits):
            raise InputError(f"a column name {problem}", file=name)
        if names.count(cell) > 1:
            raise InputError(f"has two columns named '{cell[:60]}'; rename one", file=name)
    return names


def _records(lines: Iterator[str], tabs: bool, name: str, limits: Limits) -> Iterator[list[str]]:
    """Cells of every record, the header first.

    Raises:
        InputError: Where the file cannot be cut into records any more.
    """
    first = next(lines, None)
    if first is None:
        raise InputError("is empty", file=name)
    if tabs:
        yield first.rstrip("\r\n").split("\t")
        for line in lines:
            if line.strip("\r\n"):
                yield line.rstrip("\r\n").split("\t")
        return

    def again() -> Iterator[str]:
        yield first
        yield from lines

    if csv.field_size_limit() < limits.field:
        csv.field_size_limit(limits.field)
    reader, record = csv.reader(again(), delimiter=find_delimiter(first), strict=True), 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(_say(str(error)), file=name, row=max(record, 1)) from error
        if cells:
            yield cells
            record += 1


def _say(error: str) -> str:
    if "field limit" in error or "unexpected end" in error:
        return "a quote is opened and never closed, or a cell is too long"
    if "new-line" in error:
        return "a carriage return stands alone; save the file with Unix or Windows line ends"
    return f"is not CSV ({error}); write a quote inside a quoted cell twice"


def read_delimited(
    file: BinaryIO, name: str, limits: Limits, encoding: str | None = None, *, tabs: bool = False
) -> Iterator[RawRow | Rejection]:
    """Yields the records of `file`; a record with too few or too many cells becomes a rejection.

    Raises:
        InputError: If the file as a whole cannot be read: encoding, size, header, quotes.
    """
    records = _records(read_lines(file, name, limits, encoding), tabs, name, limits)
    names = _header(next(records), name, limits)
    for number, cells in enumerate(records, start=1):
        if number > limits.rows:
            raise InputError(f"holds more than {limits.rows:,} rows; split it", file=name)
        if len(cells) != len(names):
            reason = f"has {len(cells)} cells, the header has {len(names)}; quote cells that hold the delimiter"
            yield Rejection(number, None, reason, name)
            continue
        values = dict(zip(names, cells, strict=True))
        bad = next(((key, problem) for key, cell in values.items() if (problem := text_problem(cell, limits))), None)
        yield Rejection(number, *bad, name) if bad else RawRow(number, values)
