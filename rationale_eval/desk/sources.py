"""What an evaluation left behind, found and read without a model: its data, its rationales, its files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.explanations import KEY
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.roots import may_open
from rationale_eval.errors import InputError, RationaleEvalError, UsageError
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.predictions import FILE as PREDICTIONS
from rationale_eval.verbs.result import EVALUATION
from rationale_eval.workspace.run import Run

SCORES: Final = "examples.parquet"
RATIONALES: Final = "explanations"


@dataclass(frozen=True, slots=True)
class Rationales:
    """A file of word scores.

    Args:
        method: Who made them.
        path: The file.
        target: Which choice was explained: "predicted", "gold", a label; None where the file does not say.
    """

    method: str
    path: Path
    target: str | None


class Source:
    """One evaluation.

    Args:
        run: A finished run of `evaluate`.
        desk: Who looks: files outside the operator's folders are not opened.

    Raises:
        UsageError: If the run is no evaluation, or has no scores yet.
    """

    def __init__(self, run: Run, desk: Desk):
        if run.kind != "evaluate":
            raise UsageError(f"run {run.id} is no evaluation ({run.kind}); choose one that is.")
        if not run.examples.is_file():
            raise UsageError(f"run {run.id} has no scores yet ({run.status.state}); wait until it is finished.")
        self.run, self.workspace = run, desk.workspace
        self.roots = (*desk.access.roots, desk.workspace.path)

    @cached_property
    def job(self) -> EvaluateConfig:
        """What was asked."""
        return EvaluateConfig(**self.run.config)

    @cached_property
    def about(self) -> dict[str, Any]:
        """What was evaluated and how, as the evaluation wrote it down; empty where it did not."""
        try:
            found: dict[str, Any] = json.loads((self.run.folder / EVALUATION).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    @property
    def fingerprint(self) -> str | None:
        """Content hash of the data that were scored."""
        found = (self.about.get("data") or {}).get("fingerprint")
        return found if isinstance(found, str) else None

    @property
    def predictions(self) -> Path | None:
        """The file of answers; None for evaluations without a model, and for old ones."""
        path = self.run.folder / PREDICTIONS
        return path if path.is_file() else None

    @property
    def permitted(self) -> bool:
        """Whether this dashboard may open the data."""
        return may_open(self.job.data, self.roots)

    def open_data(self) -> RationaleDataset:
        """The data set as it is now.

        Raises:
            InputError: If it cannot be read any more, or is not what was scored.
        """
        if not self.permitted:
            raise InputError(
                f"The data of this run ({self.job.data}) lie outside the folders that this dashboard may open, so "
                "texts are missing; start it with --root and their folder to see them."
            )
        try:
            data = self.job.open_data(self.workspace)
            same = self.fingerprint is None or self._untouched(data) or data.fingerprint() == self.fingerprint
        except (RationaleEvalError, OSError) as error:
            raise InputError(f"The data of this run cannot be read any more, so texts are missing: {error}") from error
        if not same:
            raise InputError(
                f"The data set {self.job.data} has changed since this run, so its texts are not shown; the scores are "
                "those of the data as they were."
            )
        return data

    def _untouched(self, data: RationaleDataset) -> bool:
        """Whether the files were last changed before the run was asked for: then there is no need to read them.

        The time of a change of the file's record counts, which copying and touching cannot set back.
        """
        try:
            created = datetime.fromisoformat(self.run.provenance["created"]).timestamp()
            changed = [os.stat(file).st_ctime for file in data.origin.files]
        except (KeyError, ValueError, OSError, RationaleEvalError):
            return False
        return bool(changed) and max(changed) < created

    def rationales(self) -> list[Rationales]:
        """Its files of word scores, those that were made for it and those it read; files that are gone are left out."""
        asked = {*self.job.methods, *self.job.controls}
        order = {name: place for place, name in enumerate((*self.job.methods, *self.job.controls))}
        found = [_about(path) for path in sorted((self.run.folder / RATIONALES).glob("*.parquet"))]
        own = [each for each in found if each is not None and each.method in asked]
        own.sort(key=lambda each: order[each.method])
        return [*own, *(each for each in self._read() if each is not None)]

    def _read(self) -> Iterator[Rationales | None]:
        for name in self.job.scores:
            path = Path(name)
            if path.exists() and not may_open(name, self.roots):
                continue
            if not path.exists():
                try:
                    path = self.workspace.find(name).folder
                except UsageError:
                    continue
            for file in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
                if file.name not in (SCORES, PREDICTIONS):
                    yield _about(file)

    def depends_on(self) -> Iterator[Sequence[Any]]:
        """Names, sizes and times of all files that a slate of this run is made from."""
        yield (self.run.id, self.fingerprint, self.permitted)
        files = [self.run.examples, self.run.folder / PREDICTIONS, *(each.path for each in self.rationales())]
        data = Path(self.job.data)
        if self.permitted:
            files += sorted(data.iterdir()) if data.is_dir() else [data]
        for path in files:
            try:
                status = os.stat(path)
            except (OSError, ValueError):
                continue
            yield (str(path), status.st_size, status.st_mtime_ns)


def key_of(sources: Sequence[Source], version: int) -> str:
    """The name of the slate of some runs: another one as soon as anything it is made from changes."""
    told = [version, [list(each.depends_on()) for each in sources]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _about(path: Path) -> Rationales | None:
    try:
        about = json.loads((pq.read_schema(path).metadata or {})[KEY])
        method, params = str(about["method"]), about.get("params") or {}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Rationales(method, path, params.get("target") if isinstance(params, dict) else None)
