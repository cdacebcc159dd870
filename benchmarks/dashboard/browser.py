"""The dashboard as a person waits for it: times in a real browser."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.dashboard.workspace import Made
from rationale_eval.ui.pages import PAGES, facts
from tests.helpers.dashboard import Server, address, settled

DRAWN: Final = """(title) => {
  const app = document.querySelector('[data-testid="stApp"]');
  const heading = app && app.querySelector('h1');
  return heading && heading.innerText === title
    && app.getAttribute('data-test-script-state') === 'notRunning'
    && !document.querySelector('[data-testid="stMain"] [data-stale="true"]');
}"""
HEADED: Final = """(title) => {
  const heading = document.querySelector('[data-testid="stApp"] h1');
  return heading && heading.innerText === title;
}"""

RESTED: Final = "() => new Promise(done => requestIdleCallback(done))"

WATCH: Final = """() => {
  const table = '[data-testid="stDataFrame"]';
  const main = document.querySelector('[data-testid="stMain"]');
  window.tabled = null;
  window.began = performance.now();
  const watch = new MutationObserver((changes) => {
    const fresh = changes.some(({target, addedNodes}) =>
      (target.getAttribute('data-stale') === 'false' && target.querySelector(table))
      || [...addedNodes].some(each => each.matches?.(table) || each.querySelector?.(table)));
    if (fresh) {
      window.tabled = performance.now() - window.began;
      watch.disconnect();
    }
  });
  watch.observe(main, {childList: true, attributes: true, subtree: true, attributeFilter: ['data-stale']});
}"""
"""Notes when the table ceases to be the one of before: put anew, or no longer stale."""

RANKED: Final = """(added) =>
  [...document.querySelectorAll('.rx-words .rx-w')].filter(each => each.innerText.includes('indeed')).length === added
"""
"""The words of the page Probe are those of the text with so many added."""


def queries(made: Made) -> dict[str, str]:
    """What each page is opened with: the largest evaluation, the audit, the MiniLM."""
    return {
        "home": "",
        "examples": f"run={made.largest}",
        "compare": f"run={made.largest}",
        "frame": f"run={made.audit}",
        "probe": f"probe=run%3A{made.model}",
        "train": "",
        "data": "",
        "methods": "",
    }


def opened(page: Any, server: Server, name: str, query: str = "") -> tuple[float, float]:
    """Opens a page by its address; seconds until its heading stands there, and until all of it does.

    The page of before has come to rest, so that its last chart is not counted here.
    """
    page.wait_for_load_state("networkidle")
    page.evaluate(RESTED)
    title, began = facts(name).title, time.perf_counter()
    page.goto(f"{server.url}/{address(name)}{f'?{query}' if query else ''}", wait_until="commit")
    return _seen(page, title, began)


def turned(page: Any, name: str) -> tuple[float, float]:
    """Goes to a page by the menu; seconds as `opened`."""
    title = facts(name).title
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True)
    link.wait_for()
    began = time.perf_counter()
    link.click()
    return _seen(page, title, began)


def _seen(page: Any, title: str, began: float) -> tuple[float, float]:
    page.wait_for_function(HEADED, arg=title, polling="raf")
    headed = time.perf_counter() - began
    page.wait_for_function(DRAWN, arg=title, polling="raf")
    return headed, time.perf_counter() - began


def pages(page: Any, server: Server, made: Made, times: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Every page, warm: opened by address and reached by the menu, so many times each after a first one."""
    rows = []
    for each in PAGES:
        query = queries(made)[each.name]
        opened(page, server, each.name, query)
        by_address = [opened(page, server, each.name, query) for _ in range(times)]
        by_menu = []
        away = "methods" if each.name != "methods" else "home"
        for _ in range(times):
            turned(page, away)
            by_menu.append(turned(page, each.name))
        row: dict[str, Any] = {"page": each.title}
        row |= _spread("heading by address", [headed for headed, _ in by_address])
        row |= _spread("all by address", [whole for _, whole in by_address])
        row |= _spread("heading by menu", [headed for headed, _ in by_menu])
        row |= _spread("all by menu", [whole for _, whole in by_menu])
        rows.append(row)
        say(f"{rows[-1]}")
    return rows


def examples(page: Any, server: Server, made: Made, times: int) -> list[dict[str, Any]]:
    """Changes on the page Examples with the largest evaluation: the next twenty rows, and another search."""
    opened(page, server, "examples", f"run={made.largest}")
    page.locator('[data-testid="stPagination"]').wait_for()
    turns = []
    for place in range(times + 1):
        button = page.locator('[data-testid="stPagination"]').get_by_role(
            "button", name=f"Page {place + 2}", exact=True
        )
        turns.append(_changed(page, button.click))
    box = page.get_by_role("textbox", name="Search")
    words, searches = ["a", "the", "music", "sail", "cook"], []
    for place in range(times + 1):
        box.fill(words[place % len(words)])
        searches.append(_changed(page, lambda: box.press("Enter")))
    rows = []
    for name, found in (("next page of the table", turns), ("another search", searches)):
        rows.append(_row(f"Examples: {name}, until the new rows stand there", [each for each, _ in found]))
        rows.append(_row(f"Examples: {name}, until the open example and all else does", [each for _, each in found]))
    return rows


def _changed(page: Any, act: Callable[[], object]) -> tuple[float, float]:
    """Seconds until the table is another one, and until nothing old is left on the page."""
    before = page.url
    page.evaluate(WATCH)
    began = time.perf_counter()
    act()
    page.wait_for_function("(before) => location.href !== before", arg=before, polling="raf")
    page.wait_for_function(DRAWN, arg="Examples", polling="raf")
    whole = time.perf_counter() - began
    tabled = page.evaluate("window.tabled")
    return whole if tabled is None else float(tabled) / 1000, whole


def probe(page: Any, server: Server, made: Made, times: int) -> list[dict[str, Any]]:
    """An edit on the page Probe, until the answer of the MiniLM and the ranked words of the new text stand there."""
    opened(page, server, "probe", queries(made)["probe"])
    settled(page)
    page.get_by_test_id("stMetric").nth(1).wait_for()
    box = page.get_by_test_id("stMain").get_by_test_id("stTextInput").first.get_by_role("textbox")
    text, found = box.input_value(), []
    for place in range(times + 1):
        added = place % 7 + 1
        box.fill(f"{text} {'indeed ' * added}".strip())
        began = time.perf_counter()
        box.press("Enter")
        page.wait_for_function(RANKED, arg=added, polling="raf")
        page.wait_for_function(DRAWN, arg="Probe", polling="raf")
        found.append(time.perf_counter() - began)
    return [_row("Probe: an edit, until the new prediction and its words", found)]


def _row(change: str, seconds: Sequence[float]) -> dict[str, Any]:
    """A row of the table; the first time is not warm and does not count."""
    row: dict[str, Any] = {"change": change}
    return row | _spread("", seconds[1:])


def _spread(name: str, seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        f"{name} p50 s".strip(): quantile(ordered, 0.5),
        f"{name} p95 s".strip(): quantile(ordered, 0.95),
    }


def quantile(seconds: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(seconds)
    return float(ordered[max(0, math.ceil(round(share * len(ordered), 6)) - 1)])
