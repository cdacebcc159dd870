"""Kills a training run with SIGKILL at chosen moments, resumes it, and compares it with an undisturbed run.

Run as a script: `kill_driver.py FOLDER POINTS REPEATED`. It imports everything once and forks one process for each
attempt. Prints JSON: the names of the events at which attempts were killed, and what differed.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # optimizers import it, which takes seconds; once here, not once in each forked process

from rationale_eval import durable
from rationale_eval.engine.precision import medium_is_exact
from rationale_eval.training import checkpoints
from rationale_eval.training.journal import Journal
from tests.helpers.learning import ToyLearner, toy_fit


def watch(on_event: Callable[[str], None]) -> None:
    """Reports every write, before and after it happens."""

    def around(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def wrapped(*args: Any, **options: Any) -> Any:
            on_event(f"before {name}")
            value = real(*args, **options)
            on_event(f"after {name}")
            return value

        setattr(owner, name, wrapped)

    for owner, name in (
        (durable, "sync_file"),
        (durable.os, "replace"),
        (durable.shutil, "rmtree"),
        (durable, "sync_folder"),
        (checkpoints, "save_file"),
        (Journal, "record"),
        (Journal, "sync"),
        (ToyLearner, "losses"),
        (ToyLearner, "evaluate"),
    ):
        around(owner, name)


def attempt(folder: Path, on_event: Callable[[str], None] | None) -> int:
    """Trains in a forked process; returns its exit status."""
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        if on_event is not None:
            watch(on_event)
        _, weights = toy_fit(folder)
        digest = hashlib.sha256(b"".join(name.encode() + value.numpy().tobytes() for name, value in weights.items()))
        (folder / "weights").write_text(digest.hexdigest())
        os._exit(0)
    return os.waitpid(child, 0)[1]


def killer(at: int) -> Callable[[str], None]:
    """Counts events and dies at the given one."""
    count = 0

    def on_event(name: str) -> None:
        nonlocal count
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    return on_event


def main(root: Path, points: int, repeated: int) -> dict[str, Any]:
    events_file = root / "events"
    root.mkdir(parents=True)
    # Measured once; with one thread there is no thread pool that a fork would break.
    torch.set_num_threads(1)
    medium_is_exact()

    def note(name: str) -> None:
        with open(events_file, "a") as file:
            file.write(name + "\n")

    assert attempt(root / "whole", note) == 0
    events = events_file.read_text().splitlines()
    expected = result(root / "whole")
    chosen = [round((i + 0.5) * len(events) / points) for i in range(points)]
    killed, wrong = [], []
    for at in chosen:
        folder = root / f"at-{at}"
        status = attempt(folder, killer(at))
        killed.append(events[at])
        again = attempt(folder, None)
        if status != signal.SIGKILL or again != 0 or result(folder) != expected:
            wrong.append(f"{at}: {events[at]}, status {status}, then {again}")
    folder = root / "repeated"
    statuses = [attempt(folder, killer(37 + 11 * i)) for i in range(repeated)]
    if attempt(folder, None) != 0 or result(folder) != expected or signal.SIGKILL not in statuses:
        wrong.append(f"repeated: {statuses}")
    return {"events": len(events), "killed": killed, "repeated": statuses.count(signal.SIGKILL), "wrong": wrong}


def result(folder: Path) -> tuple[str, bytes]:
    """What must be equal: the final weights and the metric lines."""
    return (folder / "weights").read_text(), (folder / "metrics.jsonl").read_bytes()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
