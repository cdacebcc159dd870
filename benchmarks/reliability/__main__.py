"""Kills, fails, damages and races the program in full counts, and writes docs/results/reliability.md.

python -m benchmarks.reliability [--share 0.05] [--jobs 2]; with a share below 1 it prints and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.reliability.series import ALL, Series, on_own_ground, seeded_bugs
from benchmarks.report import Page, table

MEMORY = Path("/dev/shm")


def main() -> int:
    """Returns 1 if any trial went wrong or a seeded bug was not seen."""
    parser = argparse.ArgumentParser(description="The full counts of the reliability suite.")
    parser.add_argument("--share", type=float, default=1.0, help="share of the full counts; below 1 nothing is written")
    parser.add_argument("--jobs", type=int, default=2, help="series at the same time")
    asked = parser.parse_args()
    began = time.monotonic()
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder, ThreadPoolExecutor(asked.jobs) as pool:
        # Kills are timed by the length of an undisturbed run, so what loads the machine does not spoil them.
        waiting = [pool.submit(_timed, series, Path(folder), asked.share) for series in (*ALL, seeded_bugs)]
        answers = [one.result() for one in waiting]
    (bugs, bug_seconds), series = answers.pop(), answers
    rows = [_row(found, seconds) for found, seconds in series]
    minutes = (time.monotonic() - began) / 60
    wrong = [f"{found.id}: {fault}" for found, _ in series for fault in found.wrong]
    if not bugs:
        wrong.append("the seeded bugs could not be sown")
    wrong += [f"not seen: {row['bug']}" for row in bugs if row["caught"] == "no"]
    if asked.share < 1:
        sys.stdout.write(f"{table(rows)}\n\n{table(bugs)}\n\n{minutes:.1f} minutes\n")
    else:
        _write(rows, bugs, wrong, minutes, bug_seconds)
    sys.stderr.write("".join(f"{fault}\n" for fault in wrong))
    return 1 if wrong else 0


def _timed(series: Callable[..., Any], folder: Path, share: float) -> tuple[Any, float]:
    began = time.monotonic()
    try:
        found = on_own_ground(series, folder, share)
    except (RuntimeError, OSError, ValueError) as error:
        name = getattr(series, "__name__", "series")
        found = [] if series is seeded_bugs else Series(name, "could not be done", 0, [str(error)[-500:]])
    sys.stderr.write(f"{getattr(series, '__qualname__', 'series')}: {time.monotonic() - began:.0f} s\n")
    return found, time.monotonic() - began


def _row(found: Series, seconds: float) -> dict[str, Any]:
    # Zero failures in n trials support a rate below 3/n at 95 %, the "rule of three".
    bound = f"below {3 / found.trials:.2%}" if found.trials and not found.wrong else ""
    return {
        "fault": found.id,
        "what was done, and what must hold": found.what,
        "trials": found.trials,
        "failures": len(found.wrong),
        "rate at 95 %": bound,
        "also": found.more,
        "seconds": round(seconds),
    }


def _write(
    rows: list[dict[str, Any]], bugs: list[dict[str, str]], wrong: list[str], minutes: float, last: float
) -> None:
    page = Page("reliability", "Runs that cannot be lost: the counts", "python -m benchmarks.reliability")
    failures = sum(row["failures"] for row in rows)
    trials = sum(row["trials"] for row in rows)
    seen = sum(row["caught"] == "yes" for row in bugs)
    page.text(
        f"{trials:,} trials, {failures} failures, in {minutes:.0f} minutes. The fast tier of the same trials is part",
        "of every test run (`tests/reliability`). The ids are those of the design's list of faults: K1 to K3 must end",
        'in bit-identical weights, metric lines and rationales; "failures" counts whatever else came out.',
        "No failure in n trials supports a rate below 3/n at 95 % confidence, no more than that.",
    )
    page.table(rows, "Trials", key="trials")
    page.text(
        "A named point is a place in the program that a test can strike (`rationale_eval/points.py`); a random time",
        "is drawn evenly over the life of an undisturbed process. The crash states assume the weakest that POSIX",
        "promises: bytes survive from a file's own fsync on, names from their folder's. Processes run on one thread",
        "with tiny models, on a file system in memory where there is one; what is tested is the order of operations.",
    )
    page.table(bugs, f"Seeded bugs: {seen} of {len(bugs)} seen")
    page.text(
        "Each bug was sown into otherwise sound code, and one check of the suite was run; the last column is the first",
        f"thing that the check found wrong. All of them took {last:.0f} seconds.",
    )
    if wrong:
        page.text("## What went wrong", *(f"- {' '.join(fault.split())[:200]}" for fault in wrong[:40]))
    page.write()


if __name__ == "__main__":
    sys.exit(main())
