"""What holds for every page: both themes, narrow windows, the keyboard, and nothing that leaves this machine."""

from __future__ import annotations

from typing import Any

import pytest

from rationale_eval.ui.pages import PAGES
from tests.helpers.dashboard import Seen, Server, address, new_page, open_at, settled

NAMES = [page.name for page in PAGES]


def _shade(view: Any) -> float:
    """Lightness of the page's background, 0 to 255."""
    colour = view.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    red, green, blue = (int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return (red + green + blue) / 3


@pytest.mark.parametrize("dark", [False, True])
def test_every_page_follows_the_readers_theme(dark: bool, browser: Any, looking: Server) -> None:
    view, seen = new_page(browser, dark=dark)
    for name in NAMES:
        open_at(view, looking, address(name))
        assert (_shade(view) < 64) == dark, name
    view.context.close()
    assert seen == Seen()


def test_no_page_is_wider_than_a_narrow_window(browser: Any, looking: Server) -> None:
    view, _ = new_page(browser, width=400, height=900)
    for name in NAMES:
        open_at(view, looking, address(name))
        wide = view.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert wide <= 400, name
    view.context.close()


def test_the_menu_is_reached_by_keyboard(view: tuple[Any, Seen], looking: Server) -> None:
    page, _ = view
    open_at(page, looking)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText || ''").strip().endswith("Methods"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/methods**")
    settled(page)
    assert page.locator("h1").inner_text() == "Methods"
