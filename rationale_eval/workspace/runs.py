"""Run folders: the truth about what was done. An index may be rebuilt from them at any time.

`workspace/runs/20260131-120000-123-4fe2/` holds

- `config.json`: what was asked, resolved; `provenance.json`: versions, data, seed, command;
- `status.json`: the state machine; `log.txt`: what was said; `lease`: who works on it;
- `metrics.jsonl`: numbers by step; `summary.json`: the result in short; `examples.parquet`: one row an example;
- `checkpoints/`: while training; `model/`: the finished model.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.workspace.lease import Lease, holder
from rationale_eval.workspace.provenance import provenance
from rationale_eval.workspace.status import LIVE, State, Status

RunKind = Literal["train", "extract", "evaluate", "import"]

ENVIRONMENT = "RATIONALE_EVAL_WORKSPACE"
DEFAULT_PATH = "workspace"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Run:
    """One run folder.

    Args:
        folder: The folder; its name is the run's id.
    """

    folder: Path

    @property
    def id(self) -> str:
        """Sortable by creation time, unique."""
        return self.folder.name

    @property
    def kind(self) -> RunKind:
        """What the run does: "train", "extract", "evaluate" or "import"."""
        kind: RunKind = self._record("config.json")["kind"]
        return kind

    @property
    def config(self) -> dict[str, Any]:
        """What was asked for, with every default resolved."""
        config: dict[str, Any] = self._record("config.json")["config"]
        return config

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions, data, seed and the command that repeats the run."""
        return self._record("provenance.json")

    @property
    def metrics_file(self) -> Path:
        """JSONL: one number by step and name."""
        return self.folder / "metrics.jsonl"

    @property
    def log_file(self) -> Path:
        """Text: what the run said."""
        return self.folder / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """Folder of training checkpoints."""
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        """Folder of the finished model."""
        return self.folder / "model"

    @property
    def examples(self) -> Path:
        """Parquet: one row for each example (and metric)."""
        return self.folder / "examples.parquet"

    @property
    def summary(self) -> dict[str, Any] | None:
        """The result in short, or None while there is none."""
        return self._record("summary.json") if (self.folder / "summary.json").exists() else None

    @property
    def status(self) -> Status:
        """The stored status; a live state whose process is gone reads as interrupted, for no state may be stuck."""
        try:
            status = Status.from_json(self._record("status.json"))
        except (ValueError, TypeError) as error:
            raise RationaleEvalError(f"run {self.id} has an unreadable status.json: {error}.") from error
        if status.state in LIVE and holder(self._lease) is None:
            return status.then("interrupted", at=status.at, message="its process ended without saying why")
        return status

    def metrics(self) -> list[dict[str, Any]]:
        """The metric lines so far; a half-written last line is left out."""
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines if line]

    def write_summary(self, value: Mapping[str, Any]) -> None:
        """Stores the result in short (JSON values, no NaN)."""
        durable.write_json(self.folder / "summary.json", dict(value))

    def say(self, text: str) -> None:
        """Adds a line with the time to the run's log."""
        with open(self.log_file, "a", encoding="utf-8") as file:
            file.write(f"{_now()} {text}\n")

    def move(self, state: State, *, reason: str | None = None, message: str | None = None) -> Status:
        """Moves the run to another state and makes that durable.

        Raises:
            RationaleEvalError: If that state may not follow the present one.
        """
        status = self.status.then(state, at=_now(), reason=reason, message=message)
        durable.write_json(self.folder / "status.json", status.to_json())
        self.say(" ".join(part for part in (f"[{state}]", reason, message) if part))
        return status

    @contextmanager
    def working(self) -> Iterator[Run]:
        """Owns the run for the length of a block: running inside, afterwards finished, failed or interrupted.

        A block that moved the run to a final state itself is left as it is. Errors pass through.

        Raises:
            RationaleEvalError: If the run is finished or another process works on it.
        """
        with Lease(self._lease):
            stored = Status.from_json(self._record("status.json"))
            if stored.state in LIVE:
                # The lease was free, so whoever left this state behind is gone.
                stored = stored.then("interrupted", at=_now(), message="its process ended without saying why")
                durable.write_json(self.folder / "status.json", stored.to_json())
            self.move("starting")
            self.move("running")
            try:
                yield self
            except KeyboardInterrupt:
                self._end("interrupted", "stopped", "stopped from the keyboard")
                raise
            except Exception as error:
                self._end("failed", _reason(error), str(error) or type(error).__name__)
                raise
            self._end("finished")

    def _end(self, state: State, reason: str | None = None, message: str | None = None) -> None:
        if self.status.state not in LIVE:
            return
        try:
            self.move(state, reason=reason, message=message)
        except OSError:
            # On a full disk even this cannot be written; the free lease then says interrupted, and the cause is told.
            if state == "finished":
                raise

    @property
    def _lease(self) -> Path:
        return self.folder / "lease"

    def _record(self, name: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except OSError as error:
            raise RationaleEvalError(f"run {self.id} has no readable {name}: {error.strerror}.") from error
        except ValueError as error:
            raise RationaleEvalError(f"run {self.id} has a damaged {name}: {error}.") from error
        return record


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return {errno.ENOSPC: "disk full", errno.EDQUOT: "disk full"}.get(error.errno or 0, "input/output error")
    if isinstance(error, MemoryError):
        return "out of memory"
    return str(getattr(error, "reason", "error"))


class Workspace:
    """A folder that holds runs.

    Args:
        path: The folder; by default that of `RATIONALE_EVAL_WORKSPACE`, else `./workspace`. Made on first use, for its
            owner's eyes only.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None):
        self.path = Path(path or os.environ.get(ENVIRONMENT) or DEFAULT_PATH)

    def create_run(
        self,
        kind: RunKind,
        config: Mapping[str, Any],
        *,
        data: str | None = None,
        fingerprint: str | None = None,
        seed: int | None = None,
        command: str | None = None,
    ) -> Run:
        """Makes a queued run.

        Args:
            kind: "train", "extract", "evaluate" or "import".
            config: What was asked, resolved: JSON values.
            data: How the user named the data.
            fingerprint: The data set's content hash.
            seed: The seed, where chance plays a part.
            command: The command that repeats the run; by default the one this process was started with.
        """
        if kind not in get_args(RunKind):
            raise UsageError(f"there is no kind of run '{kind}'; choose one of {', '.join(get_args(RunKind))}.")
        origin = provenance(data=data, fingerprint=fingerprint, seed=seed, command=command)
        folder = self._new_folder()
        durable.write_json(folder / "config.json", {"kind": kind, "config": dict(config)})
        durable.write_json(folder / "provenance.json", origin)
        # Last: a folder without a status is one whose making was cut short, and is not a run.
        durable.write_json(folder / "status.json", Status("queued", at=_now()).to_json())
        return Run(folder)

    def runs(self, kind: RunKind | None = None) -> list[Run]:
        """All runs, oldest first; of one kind if given."""
        folder = self.path / "runs"
        if not folder.is_dir():
            return []
        found = [Run(entry) for entry in sorted(folder.iterdir()) if (entry / "status.json").is_file()]
        return [run for run in found if kind is None or run.kind == kind]

    def find(self, key: str) -> Run:
        """The run whose id is `key`, or begins or ends with it, if that is one run only.

        Args:
            key: An id or a part of one; a leading "run:" is ignored; "latest" means the newest.

        Raises:
            UsageError: If there is no such run, or more than one.
        """
        key = key.removeprefix("run:")
        runs = self.runs()
        if key == "latest" and runs:
            return runs[-1]
        exact = [run for run in runs if run.id == key]
        near = exact or [run for run in runs if key and (run.id.startswith(key) or run.id.endswith(key))]
        if len(near) == 1:
            return near[0]
        if near:
            raise UsageError(
                f"'{key}' fits {len(near)} runs: {', '.join(run.id for run in near[:5])}; give more of it."
            )
        known = ", ".join(run.id for run in runs[-3:]) or "none yet"
        raise UsageError(f"there is no run '{key}' in {self.path}; the newest are: {known}.")

    def latest(self, kind: RunKind | None = None) -> Run | None:
        """The newest run, of one kind if given, or None."""
        runs = self.runs(kind)
        return runs[-1] if runs else None

    def _new_folder(self) -> Path:
        if not self.path.exists():
            self.path.mkdir(mode=0o700, parents=True)
        root = self.path / "runs"
        root.mkdir(mode=0o700, exist_ok=True)
        while True:
            now = datetime.now(UTC)
            name = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}-{secrets.token_hex(2)}"
            try:
                (root / name).mkdir(mode=0o700)
            except FileExistsError:
                continue
            return root / name
