"""The series of trials of the reliability page: each returns how many trials were made and what was wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.report import ROOT
from tests.helpers.bug_checks import CHECKS, bench
from tests.helpers.forks import TOLD, Forks
from tests.helpers.kill_trials import Tally, Trials
from tests.helpers.seeded_bugs import BUGS
from tests.helpers.storage_trials import ERRORS
from tests.helpers.subjects import prepare, result

UNIREX: Final = {"recipe": "unirex", "extractor": "dlm", "objectives": "F", "dropout": None}
"""Settings under which the whole run is a UNIREX training with two encoders."""


@dataclass(slots=True)
class Series:
    """What one series found.

    Args:
        id: As in the list of faults.
        what: What was done, and what must hold, in words.
        trials: How often.
        wrong: What did not hold; empty is good.
        more: Other numbers worth a cell.
    """

    id: str
    what: str
    trials: int = 0
    wrong: list[str] = field(default_factory=list)
    more: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a series works with: a server of its own, a folder of its own, and its share of the full count.

    Args:
        forks: The server.
        root: The folder; the tiny model and its data are in it.
        share: 1 for the full counts.
    """

    forks: Forks
    root: Path
    share: float = 1.0

    def times(self, count: int) -> int:
        """A full count, scaled."""
        return max(1, round(count * self.share))

    def trials(self, subject: str, **options: Any) -> Trials:
        """Trials of one subject."""
        return Trials(self.forks, self.root, subject, options=options or None)


def _joined(id: str, what: str, tallies: list[Tally]) -> Series:
    kills = sum(tally.kills for tally in tallies)
    wrong = [fault for tally in tallies for fault in tally.wrong]
    return Series(id, what, sum(tally.trials for tally in tallies), wrong, f"{kills} kills" if kills else "")


def control(ground: Ground) -> Series:
    """Twenty runs that nobody disturbs."""
    tally = ground.trials("whole_run").controls(ground.times(20))
    return _joined("control", "undisturbed runs: the same weights, metric lines and rationales", [tally])


def toy_at_random_times(ground: Ground) -> Series:
    """K1 on the loop alone."""
    tally = ground.trials("toy").at_random_times(ground.times(100))
    return _joined("K1", "the training loop killed at a random time, resumed: the same bits", [tally])


def runs_at_random_times(ground: Ground) -> Series:
    """K1 on whole runs."""
    tally = ground.trials("whole_run").at_random_times(ground.times(80))
    return _joined("K1", "a whole run (train a tiny BERT, explain with it) killed at a random time", [tally])


def unirex_at_random_times(ground: Ground) -> Series:
    """K1 on UNIREX."""
    tally = ground.trials("whole_run", **UNIREX).at_random_times(ground.times(20))
    return _joined("K1", "a UNIREX run with two encoders killed at a random time", [tally])


def in_a_row(ground: Ground) -> Series:
    """K2."""
    tallies = [ground.trials("toy").in_a_row(ground.times(10)), ground.trials("whole_run").in_a_row(ground.times(10))]
    return _joined("K2", "up to ten kills in one run", tallies)


def toy_at_every_point(ground: Ground) -> Series:
    """K3 on the loop alone."""
    tally = ground.trials("toy").at_every_point(times=4 if ground.share == 1 else 1)
    return _joined("K3", "the training loop killed at each named point, up to four times each", [tally])


def runs_at_every_point(ground: Ground) -> Series:
    """K3 on whole runs."""
    tally = ground.trials("whole_run").at_every_point(times=2 if ground.share == 1 else 1)
    return _joined("K3", "a whole run killed at each named point, the first and the last time", [tally])


def failing_loop(ground: Ground) -> Series:
    """D1, D3 on the loop: each operation of a run fails, and the run is resumed."""
    trials, series = ground.trials("toy"), Series("D3", "each operation of a run fails for good, then it is resumed")
    errors, step = list(ERRORS), max(1, round(1 / ground.share))
    at = 1  # the first makes the folder of the trial, which is not the program's doing
    while True:
        error, label = errors[at % len(errors)], f"fault-{at}"
        failed = trials.attempt(label, fault={"at": at, "error": error})
        if failed.code == 0:
            return series
        tally = Tally()
        if (failed.code, failed.reason) != (TOLD, ERRORS[error]):
            said = without_places(failed.said, ground.root)[-200:]
            series.wrong.append(f"operation {at}, {error}: {failed.code} {said}")
        trials.finish(label, f"operation {at}, {error}", tally)
        series.trials += 1
        series.wrong += tally.wrong
        at += step


def _storage(id: str, what: str, trial: str, **options: int) -> Callable[[Ground], Series]:
    def series(ground: Ground) -> Series:
        folder = ground.root / trial
        scaled = {name: ground.times(value) for name, value in options.items()}
        ended = ground.forks.attempt("storage", folder, options={"trial": trial, **scaled})
        found = result(folder)
        if found is None:
            return Series(id, what, 0, [ended.said])
        return Series(id, what, found["trials"], found["wrong"])

    return series


def _script(id: str, what: str, module: str, count: str, words: Callable[[Ground], list[object]]) -> Any:
    """A series that is a script of its own and prints its tally as JSON."""

    def series(ground: Ground) -> Series:
        command = [sys.executable, "-m", module, *map(str, words(ground))]
        if module.endswith("full_disk"):
            command = ["unshare", "-rm", *command]
            if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
                return Series(id, f"{what}: skipped, this system gives users no namespaces")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            return Series(id, what, 0, [done.stderr[-500:]])
        found = json.loads(done.stdout)
        wrong = list(found["wrong"])
        wrong += [f"{found[name]} {name}" for name in ("lost", "duplicate") if found.get(name)]
        more = ", ".join(
            f"{found[name]:,} {name}" for name in ("winners", "kills", "lost", "duplicate") if name in found
        )
        return Series(id, what, found[count], wrong, more)

    return series


def seeded_bugs(ground: Ground) -> Iterator[dict[str, str]]:
    """Each seeded bug, and what the check that must see it said first."""
    prepared = bench(ground.forks, ground.root)
    for name, bug in BUGS.items():
        found = next(CHECKS[bug.caught_by](prepared, name), None)
        # Random names in what was said would change the page at every run.
        said = "not seen" if found is None else without_places(found, ground.root).split("[")[0][:90]
        yield {"bug": bug.says, "check": bug.caught_by, "caught": "no" if found is None else "yes", "said first": said}


ALL: Final[tuple[Callable[[Ground], Series], ...]] = (
    runs_at_every_point,
    runs_at_random_times,
    unirex_at_random_times,
    in_a_row,
    toy_at_every_point,
    toy_at_random_times,
    failing_loop,
    control,
    _storage(
        "K4, K5", "each operation of a checkpoint write fails, once or for good, in six ways", "failing_operations"
    ),
    _storage("K6, D10", "power loss after each operation: every state that may be left recovers", "crashes", saves=30),
    _storage("D7, C1", "flipped bits, cut, missing, extra and swapped files are found by name", "damages", flips=240),
    _script(
        "D1",
        "a real disk fills up, gets room, and the run is resumed",
        "tests.helpers.full_disk",
        "sizes",
        lambda g: [g.root / "disk"],
    ),
    _script(
        "K9, P10",
        "three processes start the same queued run: one winner, no trace of the others",
        "tests.helpers.queue_races",
        "races",
        lambda g: [g.root / "races", g.times(1000)],
    ),
    _script(
        "Q1, Q2, Q5",
        "rows of 8 writers that are killed: none lost or doubled, index rebuilt equal",
        "tests.helpers.queue_writers",
        "rows",
        lambda g: [g.root / "writers", g.times(10_000), g.times(500)],
    ),
)


def on_own_ground(series: Callable[[Ground], Any], parent: Path, share: float) -> Any:
    """Runs a series with a server and a folder of its own."""
    root = parent / f"{getattr(series, '__name__', 'series')}-{id(series)}"
    prepare(root)
    try:
        with Forks() as forks:
            found = series(Ground(forks, root, share))
            return list(found) if isinstance(found, Iterator) else found
    finally:
        shutil.rmtree(root, ignore_errors=True)


def without_places(text: str, ground: Path) -> str:
    """What was said without the folders of this machine."""
    for place in (ground, ROOT):
        text = text.replace(f"{place}/", "").replace(str(place), "")
    return text
