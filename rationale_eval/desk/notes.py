"""Stars, tags, notes and saved slices: what people say about examples, kept in the workspace.

`notes.jsonl` only grows: every line says who did what and when, and a deletion is a line of its own, so that it can be
undone. What is set now follows from reading the lines in order. A half-written line, of a process that was killed, is
passed over.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from rationale_eval import durable
from rationale_eval.data.gate import text_problem
from rationale_eval.data.limits import DEFAULT_LIMITS
from rationale_eval.desk.access import Access
from rationale_eval.errors import UsageError
from rationale_eval.workspace.runs import Workspace

FILE: Final = "notes.jsonl"
LONGEST: Final = {"tag": 40, "note": 4000, "slice": 80}
"""Characters."""

Kind = Literal["star", "tag", "note", "slice"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something said.

    Args:
        id: Unique.
        kind: "star", "tag" or "note" of an example; "slice", a named view.
        text: The tag, the note or the slice's name; empty for a star.
        data: Data set and split the example is of; empty for a slice.
        example: The example's id; empty for a slice.
        owner: Who said it; None where nobody logged in.
        at: When, as ISO 8601.
        view: Of a slice: the view's values by their names in the address.
    """

    id: str
    kind: Kind
    text: str
    data: str = ""
    example: str = ""
    owner: str | None = None
    at: str = ""
    view: Mapping[str, list[str]] = field(default_factory=dict)


class Notes:
    """What was said in a workspace.

    Args:
        workspace: The workspace.
        access: Who asks.
    """

    def __init__(self, workspace: Workspace, access: Access):
        self.path, self.access = workspace.path / FILE, access

    def all(self) -> list[Note]:
        """What is set now, oldest first."""
        found: dict[str, Note] = {}
        gone: dict[str, Note] = {}
        for line in self._lines():
            match line:
                case {"delete": str(id)} if id in found:
                    gone[id] = found.pop(id)
                case {"restore": str(id)} if id in gone:
                    found[id] = gone.pop(id)
                case {"id": str(id), "kind": "star" | "tag" | "note" | "slice"}:
                    note = _read(line)
                    if note is not None:
                        found[id] = note
        return sorted(found.values(), key=lambda note: note.id)

    def of(self, data: str, example: str) -> list[Note]:
        """What is said about an example."""
        return [note for note in self.all() if note.data == data and note.example == example]

    def slices(self) -> list[Note]:
        """Saved slices, oldest first."""
        return [note for note in self.all() if note.kind == "slice"]

    def star(self, data: str, example: str) -> Note:
        """Sets a star; one that is set stays.

        Raises:
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("star an example")
        known = next((note for note in self.of(data, example) if note.kind == "star"), None)
        return known or self._add("star", "", data, example)

    def tag(self, data: str, example: str, text: str) -> Note:
        """Sets a tag; one that is set stays.

        Raises:
            UsageError: If it is empty or too long.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("tag an example")
        text = _checked("tag", " ".join(text.split()))
        known = [note for note in self.of(data, example) if note.kind == "tag" and note.text == text]
        return known[0] if known else self._add("tag", text, data, example)

    def note(self, data: str, example: str, text: str) -> Note:
        """Adds a note.

        Raises:
            UsageError: If it is empty or too long.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("write a note")
        return self._add("note", _checked("note", text.strip()), data, example)

    def save_slice(self, name: str, view: Mapping[str, list[str]]) -> Note:
        """Keeps a view under a name; an older one of the same name gives way, and can be brought back.

        Raises:
            UsageError: If the name is empty or too long.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("save a slice")
        name = _checked("slice", " ".join(name.split()))
        for old in self.slices():
            if old.text == name:
                self._append({"delete": old.id})
        return self._add("slice", name, view={key: [str(each) for each in values] for key, values in view.items()})

    def delete(self, id: str) -> None:
        """Takes something back; `restore` brings it again.

        Raises:
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("delete a note")
        self._append({"delete": id})

    def restore(self, id: str) -> None:
        """Brings back what was deleted.

        Raises:
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("restore a note")
        self._append({"restore": id})

    def _add(
        self, kind: Kind, text: str, data: str = "", example: str = "", view: Mapping[str, list[str]] | None = None
    ) -> Note:
        moment = datetime.now(UTC)
        id = f"{moment:%Y%m%d%H%M%S%f}-{secrets.token_hex(3)}"
        note = Note(id, kind, text, data, example, self.access.user, moment.isoformat(timespec="seconds"), view or {})
        self._append({name: getattr(note, name) for name in Note.__dataclass_fields__})
        return note

    def _append(self, line: Mapping[str, Any]) -> None:
        """One line, whole; two sessions take turns."""
        durable.make_folder(self.path.parent, 0o700)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            said = {**line, "by": self.access.user, "when": datetime.now(UTC).isoformat(timespec="seconds")}
            content = json.dumps(said, ensure_ascii=False).encode() + b"\n"
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                content = b"\n" + content  # a half-written line before stays one line
            durable.write_all(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        for line in content.split(b"\n"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found


def _read(line: Mapping[str, Any]) -> Note | None:
    given = {name: line[name] for name in Note.__dataclass_fields__ if name in line}
    texts = (given.get(name, "") for name in ("id", "kind", "text", "data", "example", "at"))
    view = given.get("view") or {}
    known = isinstance(view, dict) and all(isinstance(each, list) for each in view.values())
    return Note(**given) if known and all(isinstance(text, str) for text in texts) and "text" in given else None


def _checked(kind: str, text: str) -> str:
    if not text:
        raise UsageError(f"a {kind} needs a text.")
    if len(text) > LONGEST[kind]:
        raise UsageError(f"a {kind} has at most {LONGEST[kind]:,} characters, not {len(text):,}; shorten it.")
    if problem := text_problem(text, DEFAULT_LIMITS):
        raise UsageError(f"the {kind} {problem}.")
    return text
