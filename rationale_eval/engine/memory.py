"""Scores that were computed once and never again: remembered by content, on disk or in this process.

The store is one SQLite file in rollback-journal mode. A writer killed at any moment leaves the last committed state;
two processes may use one file. Every entry carries a checksum: an entry whose bits changed is dropped and recomputed.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from rationale_eval.errors import RationaleEvalError

Scores = NDArray[np.float32]

_CHUNK: Final = 500
_BUSY_SECONDS: Final = 30.0
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"


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


class DiskMemory:
    """Remembers on disk.

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

    def recall(self, keys: Iterable[bytes]) -> dict[bytes, Scores]:
        """Scores of those keys that are known and whose checksum holds; damaged entries are dropped."""
        wanted, found, broken = list(keys), dict[bytes, Scores](), list[bytes]()
        with self._lock:
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                for key, value in self._connection.execute(
                    f"SELECT key, value FROM scores WHERE key IN ({marks})",  # noqa: S608 - only question marks
                    chunk,
                ):
                    scores = _unpack(value)
                    if scores is None:
                        broken.append(key)
                    else:
                        found[key] = scores
        if broken:
            self._write("DELETE FROM scores WHERE key = ?", [(key,) for key in broken])
        return found

    def keep(self, scores: Mapping[bytes, Scores]) -> None:
        """Remembers scores in one transaction; what another process wrote first stays."""
        self._write("INSERT OR IGNORE INTO scores VALUES (?, ?)", [(k, _pack(v)) for k, v in scores.items()])

    def _write(self, statement: str, rows: list[tuple[bytes, ...]]) -> None:
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


def _pack(scores: Scores) -> bytes:
    content = np.ascontiguousarray(scores, dtype="<f4").tobytes()
    return zlib.crc32(content).to_bytes(4, "little") + content


def _unpack(value: bytes) -> Scores | None:
    content = value[4:]
    if not content or len(content) % 4 or zlib.crc32(content) != int.from_bytes(value[:4], "little"):
        return None
    return np.frombuffer(content, dtype="<f4").astype(np.float32)
