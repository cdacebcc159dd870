"""Eight processes record metric rows into one index while they are killed at random and begin again.

As a script: `python -m tests.helpers.queue_writers FOLDER ROWS KILLS [SEED]`, prints the tally as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rationale_eval.workspace import runs
from rationale_eval.workspace.index import rebuild
from rationale_eval.workspace.rows import RunRow
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace

WRITERS = 8


@dataclass
class Tally:
    """What came of it; `wrong` must stay empty."""

    rows: int = 0
    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicate: int = 0
    wrong: list[str] = field(default_factory=list)


def value_of(writer: int, step: int) -> float:
    """The number that a writer records at a step; some are not finite."""
    return float("nan") if step % 17 == 5 else writer + step / 1000


def write(workspace: Workspace, writer: int, id: str, rows: int, acknowledged: Path) -> None:
    """Records what is not acknowledged yet, and the row before it once more; acknowledges each row afterwards."""
    run = workspace.get(id)
    with run.working(), open(acknowledged, "a", buffering=1) as file:
        attempt = run.stored.attempt
        done = len(acknowledged.read_text().split())
        for step in range(max(0, done - 1), rows):
            differences = workspace.index.record(run, attempt, step, {"loss": value_of(writer, step)})
            if differences:
                (run.folder / "differences").write_text(repr(differences))
            if step >= done:
                file.write(f"{step}\n")


def hammer(folder: Path, rows: int, kills: int, seed: int = 0) -> Tally:
    """Has `WRITERS` processes write `rows` rows each, killing `kills` times; then looks for what is lost or double."""
    workspace, tally, draw = Workspace(folder), Tally(), random.Random(seed)
    made = [workspace.create_run("train", {"writer": i}) for i in range(WRITERS)]
    acks = [folder / f"acknowledged-{i}" for i in range(WRITERS)]
    for ack in acks:
        ack.touch()
    alive: dict[int, int] = {}

    def begin(writer: int) -> None:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                write(Workspace(folder), writer, made[writer].id, rows, acks[writer])
                code = 0
            finally:
                os._exit(code)
        alive[child] = writer

    for writer in range(WRITERS):
        begin(writer)
    while alive:
        if tally.kills < kills:
            time.sleep(draw.uniform(0, 0.05))
            victim = draw.choice(sorted(alive))
            os.kill(victim, signal.SIGKILL)
            tally.kills += 1
        pid, status = os.waitpid(-1, 0 if tally.kills >= kills else os.WNOHANG)
        while pid:
            writer = alive.pop(pid)
            if os.WIFSIGNALED(status):
                begin(writer)
            elif status:
                tally.wrong.append(f"writer {writer} ended with {status}")
            pid, status = os.waitpid(-1, os.WNOHANG) if alive else (0, 0)
    for writer, (run, ack) in enumerate(zip(made, acks, strict=True)):
        count(tally, workspace, run, writer, ack, rows)
    compare_rebuilt(tally, workspace)
    return tally


def count(tally: Tally, workspace: Workspace, run: Run, writer: int, ack: Path, rows: int) -> None:
    """Compares one run's rows, in the index and in the folder, with what was acknowledged and what is expected."""
    known = {row.step: row for row in workspace.index.metrics(run.id)}
    lines = [line["step"] for line in run.metrics()]
    acknowledged = {int(step) for step in ack.read_text().split()}
    tally.rows += len(known)
    tally.acknowledged += len(acknowledged)
    tally.lost += len(acknowledged - known.keys()) + len(acknowledged - set(lines))
    tally.duplicate += len(lines) - len(set(lines))
    if (run.folder / "differences").exists():
        tally.wrong.append(f"writer {writer}: a row came out differently when done again")
    for step in range(rows):
        want = value_of(writer, step)
        if step not in known or (known[step].flag == "nan") != (want != want) or known[step].value not in (want, None):
            tally.wrong.append(f"writer {writer}: step {step} is {known.get(step)}")
    if run.status.state != "finished":
        tally.wrong.append(f"writer {writer}: {run.status.state}")


def compare_rebuilt(tally: Tally, workspace: Workspace) -> None:
    """The index made again from the folders must be the same."""
    before = snapshot(workspace)
    rebuild(workspace)
    if before != snapshot(workspace):
        tally.wrong.append("the rebuilt index differs")


def snapshot(workspace: Workspace) -> tuple[list[RunRow], list[Any]]:
    """Everything the index holds."""
    rows = workspace.index.rows(deleted=None)
    return rows, [measure for row in rows for measure in workspace.index.metrics(row.id)]


def main(folder: Path, rows: int, kills: int, seed: int) -> dict[str, Any]:
    """The tally of `hammer` as JSON values."""
    runs.provenance = lambda **given: {"created": None, **given}
    return asdict(hammer(folder, rows, kills, seed))


if __name__ == "__main__":
    words = sys.argv[1:]
    numbers = [int(word) for word in words[1:]]
    sys.stdout.write(json.dumps(main(Path(words[0]), numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0)))
