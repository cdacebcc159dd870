"""The index file: how it is opened, locked, checked, set aside and told about when it fails.

Every connection is short, holds `index.lock` shared while it lives, and every writing transaction begins with
BEGIN IMMEDIATE. Setting a damaged file aside takes `index.lock` exclusively, so that nobody writes to a file that has
just been renamed, or rolls an old journal into a new file. Nothing here ever opens the database file itself: closing
such a file would drop SQLite's own locks in this process.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import create_engine, event, exc
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

from rationale_eval.errors import RationaleEvalError
from rationale_eval.points import reached
from rationale_eval.workspace import clock, filesystem, schema
from rationale_eval.workspace.turn import PATIENCE, wait_for

FILE: Final = "index.sqlite"
LOCK: Final = "index.lock"
_COMPANIONS: Final = ("-journal", "-wal", "-shm")
_DAMAGE: Final = ("malformed", "not a database", "disk image", "no such table", "no such column")

Fill = Callable[[Connection], object]
T = TypeVar("T")


class IndexFailed(RationaleEvalError):
    """The index could not be used; the run folders hold everything all the same."""


class Damaged(Exception):
    """The file is not a sound index."""


def wal_is_safe(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite is free of the write-ahead-log bug that can corrupt a database (fixed in 3.51.3)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


class Database:
    """The index file of one workspace.

    Args:
        workspace: Folder of the workspace.
        fill: Fills empty tables from the run folders; called inside the transaction that makes them.
        patience: Seconds to wait for other processes.
    """

    def __init__(self, workspace: Path, fill: Fill, patience: float = PATIENCE):
        self.workspace, self.path = workspace, workspace / FILE
        self.newer: int | None = None
        self._fill, self._patience = fill, patience
        self._checked: tuple[int, int] | None = None
        self._repair = threading.Lock()
        self._engine = self._make_engine()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the index."""
        with self._connected("read") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer overlaps; rolled back if the block fails.

        Raises:
            IndexFailed: If the file is busy for too long, newer than this program, read-only, or the disk is full.
        """
        with self._connected("write") as connection:
            yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` in a transaction; on a full disk once more after giving up the space put aside."""
        try:
            with self.writing() as connection:
                return work(connection)
        except IndexFailed as error:
            if not _is_full(error.__cause__) or not filesystem.drop_ballast(self.workspace):
                raise
        with self.writing() as connection:
            return work(connection)

    @contextmanager
    def _connected(self, mode: str) -> Iterator[Connection]:
        self._ensure()
        if mode == "write" and self.newer is not None:
            raise IndexFailed(
                f"the index {self.path} was written by a newer version of this program (schema {self.newer}, this one "
                f"knows {schema.VERSION}); update the program to change runs here."
            )
        with self._shared(), self._told():
            with self._engine.connect().execution_options(mode=mode) as connection, connection.begin():
                yield connection
                reached("index.written")
            reached("index.committed")

    @contextmanager
    def _shared(self, kind: int = fcntl.LOCK_SH) -> Iterator[None]:
        try:
            # For reading, so that a workspace on a read-only disk can be looked at.
            handle = os.open(self.workspace / LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise IndexFailed(f"the index {self.path} cannot be opened: {error.strerror}.") from error
        try:
            wait_for(handle, kind, f"the index {self.path}", self._patience)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what SQLite says into one sentence."""
        try:
            yield
        except exc.DatabaseError as error:
            if _is_damage(error):
                self._checked = None
            raise IndexFailed(_sentence(self.path, error, self._patience)) from error

    def _ensure(self) -> None:
        """Makes sure that a sound file is there; a process looks again only when the file became another one."""
        if self._checked is not None and self._identity() == self._checked:
            return
        with self._repair:
            if self._checked is not None and self._identity() == self._checked:
                return
            filesystem.require_local(self.workspace)
            filesystem.require_private(self.workspace)
            with suppress(OSError):  # told when the lock is opened
                self.workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._shared(fcntl.LOCK_EX), self._told():
                try:
                    self._check_or_make()
                except Damaged:
                    self.set_aside()
                    self._check_or_make()
            filesystem.put_ballast(self.workspace)
            self._checked = self._identity()

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _check_or_make(self) -> None:
        present = self.path.exists() and self.path.stat().st_size > 0
        if not present and any(self._companion(suffix).exists() for suffix in _COMPANIONS):
            raise Damaged  # a journal without its file would be rolled into the new one
        try:
            version = self._check() if present else None
        except exc.DatabaseError as error:
            if _is_damage(error):
                raise Damaged from error
            raise
        self.newer = version if version is not None and version > schema.VERSION else None
        if version is None or version < schema.VERSION:
            self._make(copy=present)

    def _check(self) -> int:
        with self._engine.connect().execution_options(mode="read") as connection, connection.begin():
            if connection.exec_driver_sql("PRAGMA application_id").scalar_one() != schema.APPLICATION:
                raise Damaged
            if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() != "ok":
                raise Damaged
            version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
            if version == schema.VERSION:
                for table in schema.metadata.sorted_tables:
                    connection.execute(table.select().limit(1)).all()
            return version

    def _make(self, *, copy: bool) -> None:
        """Makes the tables and fills them, in one transaction; an older file is copied first."""
        if copy:
            kept = self._dated("older")
            with self._engine.connect().execution_options(mode="none") as connection:
                connection.exec_driver_sql("VACUUM INTO ?", (str(kept),))
            reached("index.copied")
        with self._engine.connect().execution_options(mode="write") as connection, connection.begin():
            names = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).scalars()
            for name in list(names):
                quoted = '"' + name.replace('"', '""') + '"'
                connection.exec_driver_sql(f"DROP TABLE {quoted}")
            schema.metadata.create_all(connection)
            reached("index.made")
            self._fill(connection)
            connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION:d}")
            connection.exec_driver_sql(f"PRAGMA user_version = {schema.VERSION:d}")
            reached("index.filled")

    def set_aside(self) -> Path | None:
        """Renames the file and its journal; under the exclusive lock only. Nothing is ever deleted."""
        kept = self._dated("damaged")
        # The journal first: left alone beside a new file of the same name it would be rolled into that one.
        for suffix in (*_COMPANIONS, ""):
            with suppress(FileNotFoundError):
                os.rename(self._companion(suffix), kept.with_name(kept.name + suffix))
        return kept if kept.exists() else None

    def _companion(self, suffix: str) -> Path:
        return self.path.with_name(FILE + suffix)

    def _dated(self, what: str) -> Path:
        """A new name beside the file, with the time in it."""
        base, number = f"{FILE}.{what}-{clock.wall():%Y%m%dT%H%M%S}", 0
        while (path := self.path.with_name(base + (f"-{number}" if number else ""))).exists():
            number += 1
        return path

    def _make_engine(self) -> Engine:
        engine = create_engine(
            f"sqlite:///{self.path}",
            poolclass=NullPool,  # nothing is carried over a fork or shared between threads
            connect_args={"timeout": self._patience, "isolation_level": None},
        )

        @event.listens_for(engine, "connect")
        def on_connect(connection: sqlite3.Connection, record: object) -> None:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA synchronous = FULL")
            if wal_is_safe():
                connection.execute("PRAGMA journal_mode = WAL")

        @event.listens_for(engine, "begin")
        def on_begin(connection: Connection) -> None:
            mode = connection.get_execution_options().get("mode")
            if mode in ("read", "write"):
                connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == "write" else "BEGIN")

        return engine


def _is_damage(error: BaseException) -> bool:
    text = str(getattr(error, "orig", error))
    return any(part in text for part in _DAMAGE)


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, exc.DatabaseError) and "disk is full" in str(error.orig)


def _sentence(path: Path, error: exc.DatabaseError, patience: float) -> str:
    text = str(error.orig)
    if "locked" in text or "busy" in text:
        return f"the index {path} has been kept busy by another process for {patience:.0f} seconds; try again."
    if "full" in text:
        return f"the disk of {path} is full, so the index was left as it was; free some space and try again."
    if "readonly" in text or "unable to open" in text:
        return f"the index {path} cannot be written ({text}); runs can be read, but not changed, from here."
    if _is_damage(error):
        return f"the index {path} is damaged ({text}); it is set aside and made again at the next use."
    return f"the index {path} could not be used: {text}."
