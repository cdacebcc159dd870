"""Waits, memory and crowds of the dashboard on a full workspace, and docs/results/dashboard.md.

python -m benchmarks.dashboard [--times 20] [--views 500] [--people 50]; with other counts it prints and writes nothing.
The workspace (100 runs, 1,000,000 rows of example scores) is made once in `.bench/dashboard`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from benchmarks.dashboard import browser, client
from benchmarks.dashboard.workspace import Made, make
from benchmarks.report import Page, table
from rationale_eval.ui.pages import PAGES
from tests.helpers.dashboard import CHROMIUM, WITHOUT, Server, chromium, new_page, serving

TIMES: Final = 20
VIEWS: Final = 500
PEOPLE: Final = 50
LOOKS: Final = 12
THINK: Final = (5.0, 15.0)
COLD: Final = 300_000
"""Milliseconds that a page may take the first time, when its tests are computed."""

EVERY: Final = 10
"""Page views between two looks at the server's memory."""


def main() -> int:
    """Returns 1 if a page could not be shown."""
    parser = argparse.ArgumentParser(description="How quick the dashboard is, and how it bears many people.")
    parser.add_argument("--times", type=int, default=TIMES, help="measured repeats of each wait in the browser")
    parser.add_argument("--views", type=int, default=VIEWS, help="page views over which memory is followed")
    parser.add_argument("--people", type=int, default=PEOPLE, help="sessions at once")
    asked = parser.parse_args()
    if CHROMIUM is None:
        sys.stderr.write(f"{WITHOUT}\n")
        return 2
    made = make()
    load = os.getloadavg()[1]
    with serving(Path(made.workspace)) as server:
        with chromium() as run:
            page, seen = new_page(run)
            page.set_default_timeout(COLD)
            waits = browser.pages(page, server, made, asked.times, _say)
            changes = [
                *browser.examples(page, server, made, asked.times),
                *browser.probe(page, server, made, asked.times),
            ]
            _say(f"{changes}")
            page.context.close()
        memory, met = _views(server, made, asked.views)
        _say(f"{memory}")
    with serving(Path(made.workspace)) as server:
        # Every page once alone, as on any day but the first.
        asyncio.run(client.visits(server.url, _addresses(made), client.Found()))
        crowd = asyncio.run(client.crowd(server.url, _addresses(made), asked.people, LOOKS, THINK))
    people = {
        "people": asked.people,
        "looks": len(crowd.seconds),
        "p50 s": browser.quantile(crowd.seconds, 0.5),
        "p95 s": browser.quantile(crowd.seconds, 0.95),
        "errors": len(crowd.errors),
    }
    errors = [*met.errors, *crowd.errors, *seen.errors]
    parts = (waits, changes, memory, people)
    if (asked.times, asked.views, asked.people) != (TIMES, VIEWS, PEOPLE):
        for part in (waits, changes, [memory], [people]):
            sys.stdout.write(f"{table(part)}\n\n")
    else:
        _write(made, *parts, load)
    sys.stderr.write("".join(f"{error}\n" for error in errors[:20]))
    return 1 if errors else 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _addresses(made: Made) -> list[tuple[str, str]]:
    return [(each.name, browser.queries(made)[each.name]) for each in PAGES]


def _views(server: Server, made: Made, views: int) -> tuple[dict[str, Any], client.Found]:
    """Opens pages in turn, each in a session of its own, and follows the server's memory."""
    process, found = psutil.Process(server.process.pid), client.Found()
    addresses = _addresses(made)
    asyncio.run(client.visits(server.url, addresses, client.Found()))  # what is loaded once is loaded
    sizes = [process.memory_info().rss / 2**20]
    for start in range(0, views, EVERY):
        turn = [addresses[(start + place) % len(addresses)] for place in range(min(EVERY, views - start))]
        asyncio.run(client.visits(server.url, turn, found))
        sizes.append(process.memory_info().rss / 2**20)
    later = np.array(sizes[len(sizes) // 2 :])
    slope = float(np.polyfit(np.arange(len(later)) * EVERY, later, 1)[0]) if len(later) > 2 else float("nan")
    return {
        "page views": views,
        "MiB before": sizes[0],
        "MiB after": sizes[-1],
        "MiB at most": max(sizes),
        "KiB a view, second half": slope * 1024,
        "errors": len(found.errors),
    }, found


def _write(made: Made, waits: Any, changes: Any, memory: Any, people: Any, load: float) -> None:
    page = Page("dashboard", "The dashboard on a full workspace", "python -m benchmarks.dashboard")
    page.text(
        f"A workspace of {made.runs} runs and {made.rows:,} rows of example scores, about half of them in one",
        "evaluation of 5,000 texts by eight methods and controls in twelve metrics; scores are drawn, files are",
        "written by the program. Server and a real Chromium share the machine, on which",
        f"{load:.1f} processes were at work in the minutes before.",
    )
    page.table(waits, "Opening a page", key="pages")
    page.text(
        "Seconds at which 50 % and 95 % of the repeats were done. A page is opened by its address (the browser loads",
        "the program anew, when the page of before has come to rest) or by the menu (the session stays), after one",
        "time that does not count. The heading is the first thing drawn; all of it means that the script has ended",
        "and nothing old is left: with Examples and Compare of the largest evaluation, tests of all pairs included.",
    )
    page.table(changes, "Changes on a page", key="changes")
    page.table([memory], "Memory of the server", key="memory")
    page.text("Page views without a browser, each in a session of its own, one after the other, all pages in turn.")
    page.table([people], "Many people at once", key="people")
    page.text(
        f"Sessions that speak the browser's protocol: each looks at {LOOKS} pages at random and thinks {THINK[0]:.0f}",
        f"to {THINK[1]:.0f} seconds between them; a look ends when the page's script has ended.",
    )
    sys.stdout.write(f"{page.write()}\n")


if __name__ == "__main__":
    sys.exit(main())
