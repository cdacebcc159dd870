"""The checks of the suite as functions of a seeded bug: each says what is wrong, and of sound code nothing.

Every process that a check forks has the bug; the answers it is compared with come from sound code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers.forks import TOLD, Forks
from tests.helpers.kill_trials import Tally, Trials
from tests.helpers.subjects import result


@dataclass(frozen=True, slots=True)
class Bench:
    """What all checks use: the server, a folder, and sound trials to compare with."""

    forks: Forks
    root: Path
    sound: Mapping[str, Trials]


def bench(forks: Forks, root: Path, subjects: tuple[str, ...] = ("toy", "patient", "whole_run")) -> Bench:
    """Runs each subject once, undisturbed."""
    return Bench(forks, root, {name: Trials(forks, root, name) for name in subjects})


def _struck(bench: Bench, bug: str | None, subject: str, points: tuple[str, ...]) -> Iterator[str]:
    trials = bench.sound[subject].sown(bug)
    for number, point in enumerate(points):
        label, tally = f"check-{number}", Tally()
        if trials.attempt(label, point=f"{point}=kill").killed:
            trials.finish(label, point, tally)
            yield from tally.wrong


def kills(bench: Bench, bug: str | None) -> Iterator[str]:
    """A few points of the toy."""
    strikes = ("loop.stepped:8", "loop.stepped:5", "folder.filled:4", "journal.recorded:14", "loop.saved:4")
    yield from _struck(bench, bug, "toy", strikes)


def patience(bench: Bench, bug: str | None) -> Iterator[str]:
    """A run that is to stop early, killed late."""
    steps = bench.sound["patient"].points["loop.stepped"]
    yield from _struck(bench, bug, "patient", tuple(f"loop.stepped:{steps - back}" for back in (1, 3, 5)))


def whole_runs(bench: Bench, bug: str | None) -> Iterator[str]:
    """A run of the `train` verb, killed before its first evaluation and at its last step."""
    yield from _struck(bench, bug, "whole_run", ("loop.stepped:2", "loop.stepped:10"))


def torn_line(bench: Bench, bug: str | None) -> Iterator[str]:
    """The end of a metric line is lost, or zeros stand there."""
    trials = bench.sound["toy"].sown(bug)
    for name, tail in (("half", b'{"step": 6, "na'), ("zeros", b'{"step": 6\0\0\0\0\0\n\0\0\0')):
        trials.attempt(f"torn-{name}", point="loop.saved:2=kill")
        with open(trials.folder(f"torn-{name}") / "metrics.jsonl", "ab") as file:
            file.write(tail)
        tally = Tally()
        trials.finish(f"torn-{name}", f"a torn line, {name}", tally)
        yield from tally.wrong


def _storage(trial: str, **options: Any) -> Callable[[Bench, str | None], Iterator[str]]:
    def check(bench: Bench, bug: str | None) -> Iterator[str]:
        folder = bench.root / f"{trial}-{bug}"
        ended = bench.forks.attempt("storage", folder, bug=bug, options={"trial": trial, **options})
        found = result(folder)
        if found is None:
            yield f"ended with {ended.code}: {ended.said[-300:]}"
        else:
            yield from found["wrong"]

    return check


def not_finite(bench: Bench, bug: str | None) -> Iterator[str]:
    """NaN in a loss, weights that overflow, a dev metric that is undefined."""
    trials = bench.sound["toy"].sown(bug)
    for what, step in (("loss", 7), ("weights", 8)):
        ended = trials.attempt(f"check-{what}", options={"spoil": [what, step]})
        told = f"step {step + 1}" in ended.said and "sound checkpoint is step 6" in ended.said
        if (ended.code, ended.reason) != (TOLD, "non-finite") or not told:
            yield f"{what} that is not finite: {ended.code} {ended.said[-300:]}"
    folder = bench.root / f"undefined-{bug}"
    bench.forks.attempt("undefined", folder, bug=bug)
    found = result(folder)
    if found != {"kept": 10, "metrics": {"accuracy": 0.5}}:
        yield f"an undefined dev metric: kept {found}"


def taken_over(bench: Bench, bug: str | None) -> Iterator[str]:
    """A process that was taken over wakes up and may write nothing."""
    folder = bench.root / f"taken-{bug}"
    ended = bench.forks.attempt("taken_over", folder, bug=bug)
    if ended.code != 0:
        yield f"ended with {ended.code}: {ended.said[-300:]}"
        return
    found = json.loads((folder / "taken.json").read_text())
    if found != {"ended": "taken over", "unchanged": True} or result(folder) != bench.sound["whole_run"].expected:
        yield f"{found}, or another result"


CHECKS: Mapping[str, Callable[[Bench, str | None], Iterator[str]]] = {
    "kills": kills,
    "patience": patience,
    "whole runs": whole_runs,
    "torn line": torn_line,
    "power loss": _storage("crashes", saves=4),
    "failing operations": _storage("failing_operations", errors={"ENOSPC": "disk full"}),
    "damage": _storage("damages", flips=5),
    "not finite": not_finite,
    "taken over": taken_over,
}
