"""Files to rows: which reader a file needs, decided by its content and checked against its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, Literal

from rationale_eval.data.limits import DEFAULT_LIMITS, Limits
from rationale_eval.data.readers.delimited import read_delimited
from rationale_eval.data.readers.jsonl import read_jsonl
from rationale_eval.data.readers.row import RawRow
from rationale_eval.data.rejections import Rejection
from rationale_eval.data.source import FileSource
from rationale_eval.errors import InputError

Format = Literal["jsonl", "csv", "tsv", "parquet"]
Rows = Callable[[], Iterator[RawRow | Rejection]]

_BY_SUFFIX: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
_FOREIGN: Final = (
    (b"\x1f\x8b", "is gzip-compressed; unpack it first (gunzip)"),
    (b"PK\x03\x04", "is a zip archive (or a spreadsheet); unpack it, or save the sheet as CSV"),
    (b"BZh", "is bzip2-compressed; unpack it first"),
    (b"\xfd7zXZ", "is xz-compressed; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is zstd-compressed; unpack it first"),
    (b"SQLite format 3", "is a database; export the table as CSV"),
    (b"%PDF", "is a PDF document"),
    (b"\xd0\xcf\x11\xe0", "is an old Office document; save the sheet as CSV"),
)
_PARQUET: Final = b"PAR1"
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def sniff(head: bytes, name: str) -> Format | None:
    """The format that content announces: parquet, jsonl, or None for other text.

    Raises:
        InputError: For compressed archives and other files that are not data.
    """
    if not head:
        raise InputError("is empty", file=name)
    for magic, problem in _FOREIGN:
        if head.startswith(magic):
            raise InputError(problem, file=name)
    if head.startswith(_PARQUET):
        return "parquet"
    if not head.startswith(_MARKS) and b"\0" in head[:64]:
        raise InputError("is not text (it begins with NUL bytes); save it as UTF-8, or name its encoding", file=name)
    return "jsonl" if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else None


def file_format(source: FileSource, encoding: str | None = None) -> Format:
    """The format of a file; name and content must agree where both speak.

    Raises:
        InputError: If they do not. Text that says nothing is taken for CSV.
    """
    with source.open() as file:
        head = file.read(4096)
    named = _BY_SUFFIX.get(source.path.suffix.lower())
    if encoding is not None and named in ("jsonl", "csv", "tsv"):
        return named
    found = sniff(head, source.name)
    if (found == "parquet") != (named == "parquet") and named is not None:
        told = "is a Parquet file" if found == "parquet" else "is not a Parquet file"
        raise InputError(f"{told}, whatever its name ends with; rename it", file=source.name)
    return named or found or "csv"


def read_rows(
    source: FileSource, kind: Format, limits: Limits = DEFAULT_LIMITS, encoding: str | None = None
) -> Iterator[RawRow | Rejection]:
    """Yields the rows of a file, with rejections for those that cannot be used.

    Raises:
        InputError: If the file as a whole cannot be read, changed since it was named, or holds no row at all.
    """
    empty = True
    with source.open() as file:
        for row in _read(file, source.name, kind, limits, encoding):
            empty = False
            yield row
    if empty:
        raise InputError("holds no rows", file=source.name)


def _read(
    file: BinaryIO, name: str, kind: Format, limits: Limits, encoding: str | None
) -> Iterator[RawRow | Rejection]:
    if kind == "parquet":
        # Parquet needs a large library that the text formats do not.
        from rationale_eval.data.readers.parquet import read_parquet

        return read_parquet(file, name, limits)
    if kind == "jsonl":
        return read_jsonl(file, name, limits, encoding)
    return read_delimited(file, name, limits, encoding, tabs=kind == "tsv")
