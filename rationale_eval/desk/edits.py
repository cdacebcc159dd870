"""Edits that were kept: examples changed in Probe, in files of the workspace that only grow.

`edits/NAME.jsonl` is a data set in our schema: `load_dataset` opens it, and every page offers it. Each record says in
`meta.probe` where it came from, what was changed and what the model said.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.data.example import Example
from rationale_eval.data.gate import text_problem
from rationale_eval.data.limits import DEFAULT_LIMITS
from rationale_eval.data.schema import to_record
from rationale_eval.data.words import Word
from rationale_eval.desk.access import Access
from rationale_eval.errors import UsageError
from rationale_eval.workspace.quotas import Quotas
from rationale_eval.workspace.runs import Workspace

FOLDER: Final = "edits"
MOST: Final = 10_000
"""Examples in one file."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of edits.

    Args:
        name: Of the file, without its ending.
        path: The file; what `load_dataset` takes.
        examples: How many it holds.
    """

    name: str
    path: Path
    examples: int


def cut(inputs: Mapping[str, str], words: Sequence[Word], dropped: Sequence[int]) -> dict[str, str]:
    """Texts without some words, and without the gaps they leave.

    Raises:
        UsageError: If nothing is left of a field.
    """
    found: dict[str, str] = {}
    for name, text in inputs.items():
        spans = sorted((words[place].start, words[place].end) for place in dropped if words[place].field == name)
        parts, at = [], 0
        for start, end in spans:
            parts.append(text[at:start])
            at = end
        left = "".join([*parts, text[at:]])
        found[name] = " ".join(left.split()) if spans else text
        if not found[name]:
            raise UsageError(f"nothing is left of the field '{name}', and an example needs some text in each.")
    return found


class Edits:
    """The edits of a workspace.

    Args:
        workspace: The workspace.
        access: Who asks.
    """

    def __init__(self, workspace: Workspace, access: Access):
        self.workspace, self.access = workspace, access
        self.folder = workspace.path / FOLDER

    def all(self) -> list[Kept]:
        """The files there are, by name."""
        if not self.folder.is_dir():
            return []
        found = [path for path in sorted(self.folder.glob("*.jsonl")) if path.is_file() and not path.is_symlink()]
        return [Kept(path.stem, path.absolute(), path.read_bytes().count(b"\n")) for path in found]

    def keep(self, name: str, example: Example, about: Mapping[str, Any]) -> Kept:
        """Adds an example to a file; what stands there stays.

        Args:
            name: Of the file, which is begun where there is none.
            example: The example as edited; it gets an id of its own.
            about: Where it came from, as JSON values.

        Raises:
            UsageError: If the name is unfit, the file is full, or its examples have other fields or choices.
            NotAllowed: In a read-only dashboard.
        """
        self.access.require_change("keep an example")
        if not _NAME.fullmatch(name):
            raise UsageError(
                "a name for edits has 1 to 40 letters, digits, - and _, and begins with a letter or digit."
            )
        for text in (*example.inputs.values(), *example.rationales):
            if problem := text_problem(text, DEFAULT_LIMITS):
                raise UsageError(f"the text {problem}.")
        self.workspace.prepare()
        Quotas.of(self.workspace.path).require_free(self.workspace.path)
        durable.make_folder(self.folder, 0o700)
        path = self.folder / f"{name}.jsonl"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            with open(path, encoding="utf-8") as file:
                lines = file.readlines()
            if lines and not lines[-1].endswith("\n"):
                # Half a line is what a write that was cut short left behind; it was never kept.
                os.ftruncate(handle, sum(len(line.encode("utf-8")) for line in lines[:-1]))
                lines.pop()
            record = to_record(replace(example, id=f"{example.id}-edit-{len(lines) + 1}"))
            _require_alike(lines, record, name)
            moment = datetime.now(UTC).isoformat(timespec="seconds")
            told = {**about, "by": self.access.user, "at": moment}
            record["meta"] = {**record["meta"], "probe": told}
            durable.write_all(handle, json.dumps(record, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n")
            os.fsync(handle)
            durable.sync_folder(self.folder)
        finally:
            os.close(handle)
        return Kept(name, path.absolute(), len(lines) + 1)


def _require_alike(lines: Sequence[str], record: Mapping[str, Any], name: str) -> None:
    if len(lines) >= MOST:
        raise UsageError(f"the edits '{name}' hold {MOST:,} examples already; choose another name.")
    if not lines:
        return
    first = json.loads(lines[0])
    if first["task"] != record["task"] or list(first["inputs"]) != list(record["inputs"]):
        raise UsageError(f"the edits '{name}' are of another task ({first['task']}); choose another name.")
    if first["choices"] != record["choices"] and record["task"] != "multiple_choice":
        raise UsageError(f"the edits '{name}' have other choices; choose another name.")
