"""What a disk may hold after the power fails: every state that the recorded operations allow.

The model is the weakest that POSIX promises: the bytes of a file survive from its own fsync on, a name in a folder from
that folder's fsync on. What was not synced may be there or not: names go in the order they were made or one of them is
lost by itself; unsynced bytes are whole, half, zeros or absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.helpers.faults import Event, watched

Bytes = Literal["whole", "half", "zeros", "none"]
LOSSES: tuple[Bytes, ...] = ("none", "half", "zeros", "whole")
State = dict[str, bytes | None]
"""Path relative to the root to content; None for a folder."""


@dataclass(slots=True)
class Operation:
    """One recorded operation; `acknowledged` operations are marks of what the program promised by then."""

    kind: str
    path: str
    value: Any = None


@contextmanager
def recording(root: Path) -> Iterator[list[Operation]]:
    """Records what happens inside `root` during the block."""
    found: list[Operation] = []

    def relative(path: Path) -> str:
        return os.path.relpath(path, os.path.realpath(root))

    def around(event: Event, real: Callable[..., Any]) -> Any:
        kind, path, value = event
        made = kind == "open" and not os.path.exists(path)
        answer = real()
        if kind == "save_file":
            found.append(Operation("create", relative(path)))
            found.append(Operation("write", relative(path), path.read_bytes()))
        elif kind == "rename":
            found.append(Operation("rename", relative(path), relative(value)))
        elif kind == "open":
            if made:
                found.append(Operation("create", relative(path)))
        elif kind == "write":
            found.append(Operation("write", relative(path), value[:answer]))
        else:
            found.append(Operation(kind, relative(path), value))
        return answer

    with watched(root, around):
        yield found


@dataclass(slots=True)
class _File:
    content: bytes = b""
    synced: bytes = b""


@dataclass(slots=True)
class _Folder:
    names: dict[str, _File | _Folder] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    """Numbers of the changes of names since the last fsync."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of names: removes some, then adds some."""

    folder: _Folder
    removes: tuple[str, ...]
    adds: tuple[tuple[str, _File | _Folder], ...]


class Disk:
    """Applies operations one by one and tells which states a crash may leave."""

    def __init__(self) -> None:
        self.root = _Folder()
        self.kept: dict[int, dict[str, _File | _Folder]] = {}
        self.changes: list[_Change] = []

    def apply(self, operation: Operation) -> None:
        """Does one operation."""
        parent, name = self._place(operation.path)
        kind, value = operation.kind, operation.value
        if kind == "create":
            self._change(_Change(parent, (), ((name, _File()),)))
        elif kind == "mkdir":
            self._change(_Change(parent, (), ((name, _Folder()),)))
        elif kind in ("unlink", "rmdir"):
            self._change(_Change(parent, (name,), ()))
        elif kind == "rename":
            target, new = self._place(value)
            assert target is parent
            self._change(_Change(parent, (name,), ((new, parent.names[name]),)))
        elif kind == "fsync":
            node = self.root if operation.path == "." else parent.names[name]
            if isinstance(node, _File):
                node.synced = node.content
            else:
                self.kept[id(node)] = dict(node.names)
                node.pending.clear()
        elif kind in ("write", "truncate"):
            file = parent.names[name]
            assert isinstance(file, _File)
            file.content = file.content + value if kind == "write" else file.content[:value]

    def states(self) -> Iterator[State]:
        """All states that a crash at this moment may leave, the same one more than once perhaps."""
        pending = sorted(number for folder in self._folders(self.root) for number in folder.pending)
        shown = [pending[:count] for count in range(len(pending) + 1)]
        shown += [[other for other in pending if other != lost] for lost in pending[:-1]]
        for numbers in shown:
            for loss in LOSSES:
                state: State = {}
                self._read(self.root, "", frozenset(numbers), loss, state)
                yield state

    def _change(self, change: _Change) -> None:
        change.folder.pending.append(len(self.changes))
        self.changes.append(change)
        _alter(change.folder.names, change)

    def _place(self, path: str) -> tuple[_Folder, str]:
        *folders, name = Path(path).parts or (".",)
        here = self.root
        for part in folders:
            inner = here.names[part]
            assert isinstance(inner, _Folder)
            here = inner
        return here, name

    def _folders(self, folder: _Folder) -> Iterator[_Folder]:
        yield folder
        for node in folder.names.values():
            if isinstance(node, _Folder):
                yield from self._folders(node)

    def _read(self, folder: _Folder, path: str, shown: frozenset[int], loss: Bytes, state: State) -> None:
        names = dict(self.kept.get(id(folder), {}))
        for number in folder.pending:
            if number in shown:
                _alter(names, self.changes[number])
        for name, node in names.items():
            place = f"{path}{name}"
            if isinstance(node, _Folder):
                state[place] = None
                self._read(node, f"{place}/", shown, loss, state)
            else:
                state[place] = _lose(node, loss)


def _alter(names: dict[str, _File | _Folder], change: _Change) -> None:
    for name in change.removes:
        names.pop(name, None)
    names.update(change.adds)


def _lose(file: _File, loss: Bytes) -> bytes:
    if file.content == file.synced or loss == "whole":
        return file.content
    new = len(file.content) - len(file.synced)
    if loss == "none" or new <= 0:
        return file.synced
    return file.synced + (file.content[len(file.synced) :][: new // 2] if loss == "half" else b"\0" * new)


def write(state: State, root: Path) -> None:
    """Makes a folder that holds a state."""
    root.mkdir(parents=True)
    for path, content in state.items():
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)


def key(state: State) -> frozenset[tuple[str, bytes | None]]:
    """Equal for equal states."""
    return frozenset(state.items())
