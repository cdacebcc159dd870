"""Scores that were computed once and never again: remembered by content, on disk or in this process.

The store is one SQLite file in rollback-journal mode. A writer killed at any moment leaves the last committed state;
two processes may use one file. Every entry carries a checksum: an entry whose bits changed is dropped and recomputed.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rationale_eval.errors import RationaleEvalError

Scores = NDArray[np.float32]

_CHUNK: Final = 500
_BUSY_SECONDS: Final = 30.0
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"

Content = TypeVar("Content")


class Memory(Protocol):
    """Row scores by content key."""

    def recall(self, keys: Iterable[bytes]) -> dict[bytes, Scores]:
        """Scores of those keys that are known."""

    def keep(self, scores: Mapping[bytes, Scores]) -> None:
        """Remembers scores; what is known already stays as it is."""


class ProcessMemory:
    """Remembers the most recent entries in this process.

    Args:
        entries: How many to hold; the oldest go first.
    """

    def __init__(self, entries: int = 200_000):
        self._entries, self._known = entries, dict[bytes, Scores]()

    def recall(self, keys: Iterable[bytes]) -> dict[bytes, Scores]:
        """Scores of those keys that are known."""
        return {key: self._known[key] for key in keys if key in self._known}

    def keep(self, scores: Mapping[bytes, Scores]) -> None:
        """Remembers scores."""
        self._known.update(scores)
        for key in list(self._known)[: max(0, len(self._known) - self._entries)]:
            del self._known[key]


class DiskStore(Generic[Content], ABC):
    """Remembers on disk, whatever it is that can be packed into bytes.

    Args:
        path: The SQLite file; made if absent. A file that is damaged is set aside under a dated name and begun anew,
            since everything in it can be computed again.

    Raises:
        RationaleEvalError: If the file cannot be opened or stays locked for 30 seconds.
    """

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                raise RationaleEvalError(f"the memory file {path} cannot be opened: {error}") from error
            path.rename(path.with_name(f"{path.name}.damaged-{datetime.now():%Y%m%dT%H%M%S}"))
            self._connection = self._open()

    @abstractmethod
    def pack(self, content: Content) -> bytes:
        """As bytes, at least one."""

    @abstractmethod
    def unpack(self, packed: bytes) -> Content | None:
        """From bytes; None where they hold no such thing."""

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(_SCHEMA)
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("quick check failed")
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    def recall(self, keys: Iterable[bytes]) -> dict[bytes, Content]:
        """What stands under those keys that are known and whose checksum holds; damaged entries are dropped."""
        wanted, found, broken = list(keys), dict[bytes, Content](), list[bytes]()
        with self._lock:
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                for key, value in self._connection.execute(
                    f"SELECT key, value FROM scores WHERE key IN ({marks})",  # noqa: S608 - only question marks
                    chunk,
                ):
                    content = self.unpack(value[4:]) if _whole(value) else None
                    if content is None:
                        broken.append(key)
                    else:
                        found[key] = content
        if broken:
            self._write("DELETE FROM scores WHERE key = ?", [(key,) for key in broken])
        return found

    def keep(self, contents: Mapping[bytes, Content]) -> None:
        """Remembers in one transaction; what another process wrote first stays."""
        rows = [(key, _checked(self.pack(content))) for key, content in contents.items()]
        self._write("INSERT OR IGNORE INTO scores VALUES (?, ?)", rows)

    def _write(self, statement: str, rows: Sequence[tuple[bytes, ...]]) -> None:
        if not rows:
            return
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(statement, rows)
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise RationaleEvalError(f"the memory file {self.path} cannot be written: {error}") from error

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()


class DiskMemory(DiskStore[Scores]):
    """Remembers row scores on disk; see `DiskStore`."""

    def pack(self, content: Scores) -> bytes:
        """As little-endian float32."""
        return np.ascontiguousarray(content, dtype="<f4").tobytes()

    def unpack(self, packed: bytes) -> Scores | None:
        """From little-endian float32."""
        return None if len(packed) % 4 else np.frombuffer(packed, dtype="<f4").astype(np.float32)


class DiskTexts(DiskStore[str]):
    """Remembers texts on disk; see `DiskStore`."""

    def pack(self, content: str) -> bytes:
        """As UTF-8 after one byte, so that an empty text is remembered too."""
        return b"t" + content.encode("utf-8")

    def unpack(self, packed: bytes) -> str | None:
        """From UTF-8."""
        return packed[1:].decode("utf-8") if packed.startswith(b"t") else None


def _checked(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little") + content


def _whole(value: bytes) -> bool:
    return len(value) > 4 and zlib.crc32(value[4:]) == int.from_bytes(value[:4], "little")
