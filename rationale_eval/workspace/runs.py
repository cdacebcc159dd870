"""Run folders: the truth about what was done. An index may be rebuilt from them at any time.

`workspace/runs/20260131-120000-123-4fe2/` holds

- `config.json`: what was asked, resolved, by whom; `provenance.json`: versions, data, seed, command;
- `queue.json`: its place in the queue, if a worker may start it; `status.json`: the state machine;
- `log.txt`: what was said; `lease`: who works on it; `progress.json`: how far that is; `cancel.json`: a request;
- `metrics.jsonl`: numbers by step; `summary.json`: the result in short; `examples.parquet`: one row an example;
- `checkpoints/`: while training; `model/`: the finished model.

Beside `runs/` stand `trash/` (deleted runs, restorable), `sets/` (own data sets, see `data/own.py`),
`index.sqlite` (derived) and `quotas.json` (a user's limits).
"""

from __future__ import annotations

import fcntl
import getpass
import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from rationale_eval import durable
from rationale_eval.data.own import DEFAULT_PATH, ENVIRONMENT, in_use
from rationale_eval.errors import UsageError
from rationale_eval.points import reached
from rationale_eval.workspace import clock, filesystem
from rationale_eval.workspace.provenance import provenance
from rationale_eval.workspace.run import Run, RunKind
from rationale_eval.workspace.status import Status
from rationale_eval.workspace.turn import wait_for

if TYPE_CHECKING:
    from rationale_eval.workspace.index import Index

RUNS: Final = "runs"
TRASH: Final = "trash"
_STAMP: Final = "%Y%m%d-%H%M%S"
_ID: Final = re.compile(r"(\d{8}-\d{6})-(\d{3})-[0-9a-f]{4,8}")


class Workspace:
    """A folder that holds runs.

    Args:
        path: The folder; by default that of `RATIONALE_EVAL_WORKSPACE`, else `./workspace`. Made on first use, for its
            owner's eyes only.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None):
        self.path = Path(path) if path else in_use()

    @property
    def index(self) -> Index:
        """The database of all runs, checked and, where needed, rebuilt when first used by this process."""
        from rationale_eval.workspace.index import Index  # a reader of folders needs no database

        return Index.of(self.path)

    def create_run(
        self,
        kind: RunKind,
        config: Mapping[str, Any],
        *,
        data: str | None = None,
        fingerprint: str | None = None,
        seed: int | None = None,
        command: str | None = None,
        about: Mapping[str, Any] | None = None,
        place: Mapping[str, Any] | None = None,
    ) -> Run:
        """Makes a queued run, to be worked on by the caller; see `submit` for one that a worker starts.

        Args:
            kind: "train", "extract", "generate", "evaluate", "audit" or "import".
            config: What was asked, resolved: JSON values.
            data: How the user named the data.
            fingerprint: The data set's content hash.
            seed: The seed, where chance plays a part.
            command: The command that repeats the run; by default the one this process was started with.
            about: title, owner, group, parent; the owner is by default the user of this process.
            place: device, priority, position: only with these may a worker start the run.

        Raises:
            UsageError: For an unknown kind, or a workspace that is open to others or on a network file system.
        """
        if kind not in get_args(RunKind):
            raise UsageError(f"there is no kind of run '{kind}'; choose one of {', '.join(get_args(RunKind))}.")
        origin = provenance(data=data, fingerprint=fingerprint, seed=seed, command=command)
        given = {name: value for name, value in (about or {}).items() if value is not None}
        record: dict[str, Any] = {"title": None, "owner": _user(), "group": None, "parent": None} | given
        folder = self._new_folder()
        durable.write_json(
            folder / "config.json", {"kind": kind, "config": dict(config), **record, "directory": os.getcwd()}
        )
        durable.write_json(folder / "provenance.json", origin)
        if place is not None:
            durable.write_json(folder / "queue.json", dict(place))
        reached("run.described")
        # Last: a folder without a status is one whose making was cut short, and is not a run.
        moment = clock.now()
        status = Status("queued", at=moment.at, boot=moment.boot, clock=moment.clock)
        durable.write_json(folder / "status.json", status.to_json())
        reached("run.created")
        run = Run(folder)
        run.follow()
        return run

    def submit(
        self,
        kind: RunKind,
        config: Mapping[str, Any],
        *,
        data: str | None = None,
        fingerprint: str | None = None,
        seed: int | None = None,
        command: str | None = None,
        **options: Any,
    ) -> Run:
        """Puts a run into the queue, for a worker (`worker.serve`) or `worker.start` to start.

        Args:
            kind: As for `create_run`.
            config: As for `create_run`.
            data: As for `create_run`.
            fingerprint: As for `create_run`.
            seed: As for `create_run`.
            command: As for `create_run`.
            options: device ("auto"), priority (0; higher goes first), after (ids of runs that must be finished before
                it starts), owner, group, title, parent (a run's id).

        Raises:
            UsageError: If a limit of `quotas.json` would be passed, or an argument has no meaning.
        """
        from rationale_eval.workspace.queue import submit

        origin = {"data": data, "fingerprint": fingerprint, "seed": seed, "command": command}
        return submit(self, kind, config, origin, **options)

    def runs(self, kind: RunKind | None = None) -> list[Run]:
        """All runs, oldest first; of one kind if given."""
        folder = self.path / RUNS
        if not folder.is_dir():
            return []
        found = [Run(entry) for entry in sorted(folder.iterdir()) if (entry / "status.json").is_file()]
        return [run for run in found if kind is None or run.kind == kind]

    def get(self, id: str) -> Run:
        """The run of exactly this id.

        Raises:
            UsageError: If there is none.
        """
        folder = self.path / RUNS / id
        if not _ID.fullmatch(id) or not (folder / "status.json").is_file():
            raise UsageError(f"there is no run '{id}' in {self.path}.")
        return Run(folder)

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

    def prepare(self) -> None:
        """Makes the workspace, for its owner's eyes only, and refuses one that cannot keep what it is given.

        Raises:
            UsageError: If it is open to others or on a network file system.
        """
        filesystem.require_local(self.path)
        durable.make_folder(self.path, 0o700)
        filesystem.require_private(self.path)
        for name in (RUNS, TRASH):
            durable.make_folder(self.path / name, 0o700)

    def _new_folder(self) -> Path:
        self.prepare()
        root = self.path / RUNS
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            wait_for(handle, fcntl.LOCK_EX, f"the workspace {self.path}")
            names = [entry.name for folder in (root, self.path / TRASH) for entry in os.scandir(folder)]
            folder = root / next_id(names)
            folder.mkdir(mode=0o700)
            durable.sync_folder(root)
        finally:
            os.close(handle)
        return folder


def next_id(names: list[str]) -> str:
    """An id that sorts after all ids in `names`: the time, or just after the newest if the clock was set back."""
    moment = clock.wall()
    newest = max((name for name in names if _ID.fullmatch(name)), default=None)
    if newest is not None and (found := _ID.fullmatch(newest)):
        last = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
        moment = max(moment, last + timedelta(milliseconds=int(found[2]) + 1))
    return f"{moment:{_STAMP}}-{moment.microsecond // 1000:03d}-{secrets.token_hex(2)}"


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


__all__ = ["DEFAULT_PATH", "ENVIRONMENT", "Run", "RunKind", "Workspace"]
