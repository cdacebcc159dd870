"""Outputs of other tools, kept as a run: word scores and texts can then be evaluated like those made here."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval import durable
from rationale_eval.data.align import Merge
from rationale_eval.data.keeping import UPLOADS
from rationale_eval.data.limited import ask_limited, groups_of
from rationale_eval.data.rejections import Group
from rationale_eval.data.store import Kind
from rationale_eval.errors import InputError
from rationale_eval.verbs.attempt import attempt
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace

FOLDER: Final = "imported"
FILES: Final[Mapping[Kind, str]] = {
    "scores": "scores.parquet",
    "predictions": "predictions.jsonl",
    "texts": "texts.jsonl",
}
"""In `FOLDER` of a run: what was imported, in our form."""


@dataclass(frozen=True, slots=True)
class ImportRun:
    """What came of a file.

    Args:
        run: Where it is kept; None if rows did not fit, for then nothing is.
        name: The method or system.
        rows: Rows that fit.
        rejected: Rows that did not.
        groups: For each reason the number of rows and the first three.
        listed: A JSONL file of rows that did not fit; None where all did.
        facts: Counts worth knowing at once, by name.
    """

    run: Run | None
    name: str
    rows: int
    rejected: int
    groups: tuple[Group, ...]
    listed: Path | None
    facts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Order:
    """What a file holds and what it is about.

    Args:
        data: Name of the data set.
        split: Its split.
        kind: "scores", "predictions" or "texts".
        name: Name of the method or system.
        merge: How token scores become word scores.
    """

    data: str
    split: str | None
    kind: Kind
    name: str
    merge: Merge = "sum"

    def command(self, file: str) -> str:
        """The command that does the same."""
        words = ["rationale-eval", "import", file, "--data", self.data, "--kind", self.kind, "--name", self.name]
        words += ["--split", self.split] if self.split else []
        words += ["--merge", self.merge] if self.kind == "scores" and self.merge != "sum" else []
        return shlex.join(words)


def import_run(file: Path, order: Order, workspace: Workspace, about: Mapping[str, Any] | None = None) -> ImportRun:
    """Checks every row of a file in the limited process and, if all fit, keeps them as a run.

    Args:
        file: JSONL, CSV or Parquet made by another tool.
        order: What it holds.
        workspace: Where the run is kept.
        about: title, owner, group, parent of the run.

    Raises:
        InputError: If the file cannot be read at all.
        UsageError: If the data set or the split does not exist.
    """
    workspace.prepare()
    folder = workspace.path / UPLOADS
    durable.make_folder(folder, 0o700)
    token = os.urandom(6).hex()
    made, listed = folder / f".made-{token}", folder / f".rejected-{token}"
    asked = {"data": order.data, "split": order.split, "kind": order.kind, "name": order.name, "merge": order.merge}
    try:
        said = ask_limited("outputs", file, {**asked, "output": str(made), "rejected": str(listed)})
        facts = (str(said["name"]), said["rows"], said["rejected"], groups_of(said))
        if said["rejected"]:
            return ImportRun(None, *facts, listed, said["facts"])
        if not said["rows"]:
            raise InputError("holds no rows for this data set", file=str(file))
        run = workspace.create_run(
            "import",
            {**asked, "split": said["split"]},
            data=order.data,
            fingerprint=said["fingerprint"],
            command=order.command(file.name),
            about={"title": f"{order.name} on {order.data}", **(about or {})},
        )
        with attempt(run):
            durable.make_folder(run.folder / FOLDER, 0o700)
            os.replace(made, run.folder / FOLDER / FILES[order.kind])
            durable.sync_folder(run.folder / FOLDER)
            run.write_summary({"kind": order.kind, "name": order.name, "rows": said["rows"], **said["facts"]})
        listed.unlink(missing_ok=True)
        return ImportRun(run, *facts, None, said["facts"])
    finally:
        made.unlink(missing_ok=True)


def imported_texts(name: str, workspace: Workspace) -> tuple[str, Path] | None:
    """The system and the file of texts that an imported run's name means; None for any other name."""
    if Path(name).exists() or not name.startswith("run:"):
        return None
    run = workspace.find(name)
    file = run.folder / FOLDER / FILES["texts"]
    return (str(run.config["name"]), file) if run.kind == "import" and file.is_file() else None
