"""K1, K2, K3: runs that are killed and resumed, compared with an undisturbed one bit by bit."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.helpers.forks import Attempt, Forks
from tests.helpers.subjects import result

LIFE = 0.97
"""Share of an undisturbed attempt's time within which kills fall; a child that ends before its kill does not count."""


@dataclass(slots=True)
class Tally:
    """What a series of trials found.

    Args:
        trials: Runs that were killed at least once.
        kills: Kills in all.
        where: What each trial did, in words.
        wrong: Trials that did not end as the undisturbed run did; empty is good.
    """

    trials: int = 0
    kills: int = 0
    where: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Trials:
    """Kills one subject in many ways.

    Args:
        forks: The server.
        root: Where trials work.
        subject: A name in `SUBJECTS`.
        bug: A seeded bug that every attempt has, or None.
        options: Arguments of the subject.
    """

    def __init__(
        self, forks: Forks, root: Path, subject: str, bug: str | None = None, options: dict[str, Any] | None = None
    ):
        self.forks, self.root, self.subject, self.bug, self.options = forks, root, subject, bug, options
        self.attempt("warm")  # the first child imports what is missing, which takes seconds
        whole = self.attempt("whole")
        self.life, self.points = whole.seconds, whole.points
        self.expected = result(self.folder("whole"))
        if whole.code != 0 or self.expected is None:
            raise RuntimeError(f"the undisturbed run failed: {whole.said}")

    def sown(self, bug: str | None) -> Trials:
        """The same trials with another bug, compared with the same undisturbed run."""
        other = copy.copy(self)
        other.bug = bug
        return other

    def folder(self, name: str) -> Path:
        return self.root / f"{self.subject}-{self.bug or 'sound'}-{name}"

    def attempt(self, name: str, **strike: Any) -> Attempt:
        asked = {"bug": self.bug, "options": self.options} | strike
        return self.forks.attempt(self.subject, self.folder(name), **asked)

    def at_random_times(self, count: int, seed: int = 0) -> Tally:
        """K1: one kill at a random time of each run."""
        draw, tally = random.Random(seed), Tally()
        for turn in range(4 * count):
            if tally.trials == count:
                break
            after = draw.uniform(0, LIFE * self.life)
            struck = self.attempt(f"time-{turn}", after=after)
            if struck.killed:
                self.finish(f"time-{turn}", f"after {after:.3f} s", tally)
            else:  # the machine has become quicker
                self.life = struck.seconds
        return tally

    def at_every_point(self, *, times: int = 1) -> Tally:
        """K3: one kill at each named point, the first time it is reached and, with more `times`, later ones."""
        tally = Tally()
        for name, often in sorted(self.points.items()):
            for turn in sorted({1 + round(i * (often - 1) / max(1, times - 1)) for i in range(min(times, often))}):
                point = f"{name}:{turn}=kill"
                label = f"point-{name}-{turn}"
                died = self.attempt(label, point=point)
                if not died.killed:
                    tally.wrong.append(f"{point}: not reached ({died.code})")
                    continue
                self.finish(label, point, tally)
        return tally

    def in_a_row(self, chains: int, kills: int = 10, seed: int = 0) -> Tally:
        """K2: many kills in one run, each a random number of points after the run was resumed."""
        draw, tally = random.Random(seed), Tally()
        for chain in range(chains):
            done, label = 0, f"chain-{chain}"
            for _ in range(kills):
                died = self.attempt(label, point=f"*:{draw.randint(1, 60)}=kill")
                done += died.killed
                if died.code == 0:
                    break
            tally.kills += done - 1
            self.finish(label, f"{done} kills in a row", tally)
        return tally

    def controls(self, count: int) -> Tally:
        """Runs that nobody disturbs."""
        tally = Tally()
        for turn in range(count):
            self.finish(f"control-{turn}", "undisturbed", tally)
        tally.kills = 0
        return tally

    def finish(self, label: str, where: str, tally: Tally) -> None:
        """Resumes a run that was killed and compares it with the undisturbed one."""
        tally.trials += 1
        tally.kills += 1
        tally.where.append(where)
        last = self.attempt(label)
        tally.wrong += [f"{self.subject}, {where}: {fault}" for fault in self._faults(label, last)]

    def _faults(self, label: str, last: Attempt) -> Iterator[str]:
        folder = self.folder(label)
        if last.code != 0:
            yield f"resuming ended with {last.code}: {last.said[-300:]}"
            return
        found = result(folder)
        if found != self.expected:
            assert found is not None and self.expected is not None
            yield "other " + ", ".join(name for name in found if found[name] != self.expected[name])
        # A run folder without a status is one whose making was cut short: not a run, and nothing looks into it.
        unmade = {run for run in folder.glob("workspace/runs/*") if not (run / "status.json").exists()}
        leftovers = [path.name for path in folder.rglob("*.tmp-*") if not unmade & set(path.parents)]
        if leftovers:
            yield f"left behind {leftovers}"
