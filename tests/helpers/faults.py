"""Stands between the program and the file system: fails one operation, or records all of them.

Operations are those that change what a folder holds: mkdir, open for writing, write, fsync (of files and folders),
rename, truncate, and the writing of a safetensors file, which happens outside Python's sight and counts as one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file

from rationale_eval.training import checkpoints

Event = tuple[str, Path, Any]
"""Operation, path, and what else it needs: written bytes, or where a file was moved."""

Around = Callable[[Event, Callable[..., Any]], Any]
"""Given an operation and how to do it (a write: all of it, or the bytes given); does it or not."""


class _Watched:
    """Replaces the functions of `os` by ones that tell `around` first, for paths inside `root`."""

    def __init__(self, root: Path, around: Around):
        self.root, self.around = os.path.realpath(root), around
        self.files: dict[int, Path] = {}
        self.real = {name: getattr(os, name) for name in ("open", "close", "write", "fsync", "mkdir", "ftruncate")}
        self.real |= {name: getattr(os, name) for name in ("replace", "unlink", "rmdir")}

    def inside(self, path: Path | None) -> bool:
        return path is not None and os.path.realpath(path).startswith(self.root)

    def place(self, path: Any, folder: int | None) -> Path:
        return self.files[folder] / path if folder in self.files else Path(os.path.abspath(path))

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        target = self.place(path, dir_fd)

        def real() -> int:
            return int(self.real["open"](path, flags, mode, dir_fd=dir_fd))

        makes = bool(flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR)) and self.inside(target)
        handle = self.around(("open", target, None), real) if makes else real()
        self.files[handle] = target
        return int(handle)

    def close(self, handle: int) -> None:
        self.files.pop(handle, None)
        self.real["close"](handle)

    def write(self, handle: int, content: Any) -> int:
        path = self.files.get(handle)
        if not self.inside(path):
            return int(self.real["write"](handle, content))
        whole = bytes(content)
        return int(self.around(("write", path, whole), lambda part=whole: self.real["write"](handle, part)))

    def fsync(self, handle: int) -> None:
        path = self.files.get(handle)
        if self.inside(path):
            self.around(("fsync", path, None), lambda: self.real["fsync"](handle))
        else:
            self.real["fsync"](handle)

    def ftruncate(self, handle: int, size: int) -> None:
        path = self.files.get(handle)
        self.around(("truncate", path or Path("?"), size), lambda: self.real["ftruncate"](handle, size))

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        target = self.place(path, dir_fd)
        if self.inside(target):
            self.around(("mkdir", target, None), lambda: self.real["mkdir"](path, mode, dir_fd=dir_fd))
        else:
            self.real["mkdir"](path, mode, dir_fd=dir_fd)

    def replace(self, source: Any, target: Any) -> None:
        place = self.place(source, None)
        self.around(("rename", place, Path(os.path.abspath(target))), lambda: self.real["replace"](source, target))

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        target = self.place(path, dir_fd)
        self.around(("unlink", target, None), lambda: self.real["unlink"](path, dir_fd=dir_fd))

    def rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        target = self.place(path, dir_fd)
        self.around(("rmdir", target, None), lambda: self.real["rmdir"](path, dir_fd=dir_fd))

    def save_file(self, tensors: Any, path: Path) -> None:
        def real() -> None:
            save_file(tensors, path)

        self.around(("save_file", Path(os.path.abspath(path)), None), real)


@contextmanager
def watched(root: Path, around: Around) -> Iterator[None]:
    """Has `around` called for every operation inside `root` during the block."""
    shim = _Watched(root, around)
    kept = checkpoints.save_file
    try:
        for name in shim.real:
            setattr(os, name, getattr(shim, name))
        checkpoints.save_file = shim.save_file  # type: ignore[assignment]
        yield
    finally:
        for name, real in shim.real.items():
            setattr(os, name, real)
        checkpoints.save_file = kept


FAILING = frozenset({"mkdir", "open", "write", "fsync", "rename", "truncate", "save_file"})
SHORT = "SHORT"
"""A fault that is no error yet: the system takes half of the bytes, and says so."""


@contextmanager
def failing(root: Path, *, at: int, error: str, lasting: bool = True) -> Iterator[list[str]]:
    """Fails the operation number `at` (from 0) inside `root`, and with `lasting` all that follow it.

    Args:
        root: Where.
        at: Which.
        error: Name of an errno, or `SHORT`.
        lasting: A full disk stays full; a passing fault strikes once.

    Yields:
        Names of the operations so far; longer than `at` if the fault struck.
    """
    done: list[str] = []

    def around(event: Event, real: Callable[..., Any]) -> Any:
        name, path, content = event
        if name not in FAILING:
            return real()
        done.append(name)
        if not (len(done) - 1 == at or (lasting and len(done) - 1 > at)):
            return real()
        if error == SHORT:
            return real(content[: len(content) // 2]) if name == "write" and len(content) > 1 else real()
        number = getattr(errno, error)
        if name == "write" and len(content) > 1:
            real(content[: len(content) // 2])
        if name == "save_file":
            path.write_bytes(b"half a file")
            raise SafetensorError(f"Error while serializing: I/O error: {os.strerror(number)} (os error {number})")
        raise OSError(number, os.strerror(number), str(path))

    with watched(root, around):
        yield done
