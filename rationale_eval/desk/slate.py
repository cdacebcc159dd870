"""A slate: one wide row for each example of an evaluation, kept as a derived Parquet file and read by column.

What an evaluation leaves is long (a row for each example, system, metric), which is right for keeping and slow for
looking. A slate turns it round once: what is filtered, sorted or paged is one column each, so that twenty rows of a
hundred thousand are found and read in a fraction of a second. It stands in `cache/slates` of the workspace under a name
that says what it was made from; deleting it costs the time to make it again, nothing else.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from rationale_eval.desk.sources import Source, key_of
from rationale_eval.desk.systems import is_control

VERSION: Final = 1
"""Raised whenever a slate of the same run would hold something else."""

META: Final = b"rationale_eval.slate"
FOLDER: Final = Path("cache") / "slates"
KEPT: Final = 40
"""Slates that stay; the ones that were not looked at for longest go."""

ROWS_IN_GROUP: Final = 2048

Role = Literal["score", "answer", "right", "sure", "row"]
"""`score`: a metric's value; `answer`: the name of the answered choice; `right`: whether it is the label; `sure`: its
probability; `row`: the example's row in a file of word scores."""

Progress = Callable[[int, int], None]
"""Called with the number of examples done and of all."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a slate beside the fixed ones.

    Args:
        name: In the file.
        role: What it holds.
        system: Whose.
        metric: Of a score.
        variant: Of a score.
        direction: Of a score: which way is better.
    """

    name: str
    role: Role
    system: str
    metric: str = ""
    variant: str = ""
    direction: str = "none"

    @property
    def key(self) -> str:
        """A score's metric and variant in one word, as in `--metrics`."""
        return f"{self.metric}:{self.variant}"


@dataclass(frozen=True, slots=True)
class About:
    """What a slate says of itself.

    Args:
        rows: Examples.
        columns: Beside the fixed ones.
        systems: Methods, or systems with texts, in the order of the evaluation; controls after them.
        answering: Who answers: "model", or systems with texts.
        gold: Labels that occur.
        answers: Answers that occur.
        texts: Whether systems wrote free text.
        files: For each system with word scores, the file.
        missing: Why there are no texts of examples; empty where there are.
        data: Name and split of the data set, for stars and notes.
    """

    rows: int
    columns: tuple[Column, ...]
    systems: tuple[str, ...]
    answering: tuple[str, ...]
    gold: tuple[str, ...]
    answers: tuple[str, ...]
    texts: bool
    files: dict[str, str] = field(default_factory=dict)
    missing: str = ""
    data: str = ""

    def to_json(self) -> str:
        """For the file's metadata."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> About:
        """From the file's metadata."""
        record = json.loads(text)
        record["columns"] = tuple(Column(**each) for each in record["columns"])
        for name in ("systems", "answering", "gold", "answers"):
            record[name] = tuple(record[name])
        return cls(**record)


@dataclass(frozen=True)
class Slate:
    """The examples of one evaluation, or of several on the same data.

    Args:
        path: The Parquet file.

    Fixed columns: `place` (order in the data set, from 0), `example_id`, `start` (of the text), `search` (all texts in
    lower case), `gold` (name of the label), `record` (the example as JSON), `differ` (share of pairs of answers that
    differ, 0 to 1, null with fewer than two), `spread` (1 minus the mean overlap of the words that methods rank first,
    0 to 1, null with fewer than two; controls do not count), `words` (how many, null without word scores).
    """

    path: Path

    @cached_property
    def about(self) -> About:
        """What it holds."""
        return About.from_json(pq.read_metadata(self.path).metadata[META])

    def column(self, role: Role, system: str, key: str = "") -> Column | None:
        """A column by what it holds; None where there is none."""
        for each in self.about.columns:
            if each.role == role and each.system == system and (not key or key in (each.key, each.metric)):
                return each
        return None

    def scores(self, systems: Iterable[str] | None = None) -> list[Column]:
        """Columns of scores, of some systems or all."""
        wanted = None if systems is None else set(systems)
        return [
            each for each in self.about.columns if each.role == "score" and (wanted is None or each.system in wanted)
        ]

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Whole columns."""
        return pq.read_table(self.path, columns=list(columns), memory_map=True)

    @property
    def real(self) -> tuple[str, ...]:
        """Systems that are no controls."""
        return tuple(name for name in self.about.systems if not is_control(name))


_turn = threading.Lock()


def slate_of(sources: Sequence[Source], *, progress: Progress | None = None) -> Slate:
    """The slate of some evaluations of the same data, made where there is none yet.

    Args:
        sources: The evaluations; the first gives the order of the examples.
        progress: Shows how far the making is.

    Raises:
        UsageError: If they are of different data.
    """
    from rationale_eval.desk.slate_build import build

    name = f"{key_of(sources, VERSION)}.parquet"
    path = sources[0].workspace.path / FOLDER / name
    if not path.is_file():
        path = _elsewhere(path)
    with _turn:  # two sessions that open the same run make it once
        if not path.is_file():
            try:
                build(sources, path, progress)
            except PermissionError:
                path = Path(_temporary()) / name
                build(sources, path, progress)
            _sweep(path)
    return Slate(path)


def known(sources: Sequence[Source]) -> bool:
    """Whether the slate is there already."""
    path = sources[0].workspace.path / FOLDER / f"{key_of(sources, VERSION)}.parquet"
    return path.is_file() or _elsewhere(path).is_file()


def _elsewhere(path: Path) -> Path:
    """Where a slate lies of a workspace that cannot be written to."""
    other = Path(_temporary()) / path.name if _kept else path
    return other if other.is_file() else path


_kept: list[str] = []


def _temporary() -> str:
    if not _kept:
        _kept.append(tempfile.mkdtemp(prefix="rationale-eval-slates-"))
    return _kept[0]


def _sweep(newest: Path) -> None:
    """Removes what was not used for longest; another process may do the same at once."""
    found = []
    for entry in os.scandir(newest.parent):
        if entry.name.endswith(".parquet") and entry.path != str(newest):
            found.append((entry.stat().st_mtime_ns, entry.path))
    for _, path in sorted(found, reverse=True)[KEPT - 1 :]:
        Path(path).unlink(missing_ok=True)


def meta(about: About) -> dict[bytes, Any]:
    """Metadata for the file's schema."""
    return {META: about.to_json().encode()}
