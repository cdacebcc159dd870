"""Several processes try to start the same queued run at the same moment; again and again.

As a script: `python -m tests.helpers.queue_races FOLDER RACES [PROCESSES]`, prints the tally as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rationale_eval.errors import RationaleEvalError
from rationale_eval.workspace import queue, runs
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace

DEVICES = ("cpu",)


@dataclass
class Tally:
    """What came of the races; `wrong` must stay empty."""

    races: int = 0
    winners: int = 0
    losers: int = 0
    wrong: list[str] = field(default_factory=list)


def by_claim(workspace: Workspace, id: str) -> Run | None:
    """As two workers do: claim first, then work."""
    run = queue.claim(workspace, DEVICES, id)
    return run if run is None else work(run)


def by_process(workspace: Workspace, id: str) -> Run | None:
    """As two processes do that were both told to work on the run."""
    try:
        return work(workspace.get(id))
    except RationaleEvalError:
        return None


def work(run: Run) -> Run:
    with run.working(launched=True), open(run.folder / "worked", "a") as file:
        file.write("once\n")
    return run


WAYS: dict[str, Callable[[Workspace, str], Run | None]] = {"claim": by_claim, "process": by_process}


def race(folder: Path, number: int, processes: int = 3) -> Tally:
    """Runs races; each run must be worked on by exactly one process and bear no trace of the others.

    Args:
        folder: A new workspace.
        number: How many races; half of them by claims, half by processes that were started twice.
        processes: How many start at once.
    """
    workspace, tally = Workspace(folder), Tally()
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(processes + 1)
    orders: list[Any] = [context.Queue() for _ in range(processes)]
    answers: Any = context.Queue()
    runners = [context.Process(target=_runner, args=(folder, gate, order, answers), daemon=True) for order in orders]
    for runner in runners:
        runner.start()
    for at in range(number):
        way = ("claim", "process")[at % 2]
        run = workspace.submit("train", {"race": at})
        for order in orders:
            order.put((way, run.id))
        gate.wait(60)
        said = [answers.get(timeout=60) for _ in runners]
        judge(tally, run, said, f"race {at} by {way}")
    for order in orders:
        order.put(None)
    for runner in runners:
        runner.join(10)
    return tally


def judge(tally: Tally, run: Run, said: list[str], name: str) -> None:
    """Counts winners and traces of one race."""
    winners = said.count("won")
    tally.races += 1
    tally.winners += winners
    tally.losers += said.count("lost")
    status, traces = run.stored, (run.folder / "worked").read_text().split()
    row = Workspace(run.workspace).index.row(run.id)
    # queued, starting, running, finished: a loser that had changed anything would show in the sequence.
    fine = (status.state, status.attempt, status.sequence) == ("finished", 1, 3)
    if winners != 1 or len(said) != winners + said.count("lost") or traces != ["once"] or not fine:
        tally.wrong.append(f"{name}: {said}, {status.state} {status.attempt} {status.sequence}, {len(traces)} traces")
    elif row is None or (row.state, row.attempt) != ("finished", 1):
        tally.wrong.append(f"{name}: the index says {row and row.state}")


def _runner(folder: Path, gate: Any, orders: Any, answers: Any) -> None:
    workspace = Workspace(folder)
    workspace.index.rows(limit=1)
    while (order := orders.get()) is not None:
        way, id = order
        gate.wait(60)
        try:
            answers.put("won" if WAYS[way](workspace, id) else "lost")
        except Exception as error:  # noqa: BLE001 - reported to the judge
            answers.put(f"{type(error).__name__}: {error}")


def main(folder: Path, number: int, processes: int) -> dict[str, Any]:
    """The tally of `race` as JSON values."""
    runs.provenance = lambda **given: {"created": None, **given}  # asking git each time is not what is measured
    return asdict(race(folder, number, processes))


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.stdout.write(json.dumps(main(Path(words[0]), int(words[1]), int(words[2]) if len(words) > 2 else 3)))
