"""What holds for every page: both themes, narrow windows, the keyboard, and nothing that leaves this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import expect

from rationale_eval.ui.pages import PAGES
from tests.helpers.dashboard import Seen, Server, address, new_page, open_at, settled

NAMES = [page.name for page in PAGES]
WIDE: Final = {"width": 1400, "height": 1000}
NARROW: Final = {"width": 400, "height": 900}
DARK: Final = re.compile(r"^rgb\((\d|[1-5]\d|6[0-3]), (\d|[1-5]\d|6[0-3]), (\d|[1-5]\d|6[0-3])\)$")


def _shade(view: Any) -> float:
    """Lightness of the page's background, 0 to 255."""
    colour = view.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    red, green, blue = (int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return (red + green + blue) / 3


def test_every_page_follows_the_readers_theme_and_fits_a_narrow_window(browser: Any, looking: Server) -> None:
    view, seen = new_page(browser)
    for name in NAMES:
        view.emulate_media(color_scheme="light")
        view.set_viewport_size(WIDE)
        open_at(view, looking, address(name))
        assert _shade(view) > 192, name
        # What is open follows the reader's system when that changes, and a reload begins with it.
        view.emulate_media(color_scheme="dark")
        expect(view.locator("[data-testid=stApp]")).to_have_css("background-color", DARK)
        view.set_viewport_size(NARROW)
        settled(view)
        # Charts take their new width a moment later.
        fits = "most => document.querySelector('[data-testid=stMain]').scrollWidth <= most"
        view.wait_for_function(fits, arg=NARROW["width"])
    view.reload()
    settled(view)
    assert _shade(view) < 64
    view.context.close()
    assert seen == Seen()
    # Every page has been shown: what needs torch is in another process.
    assert "libtorch" not in Path(f"/proc/{looking.process.pid}/maps").read_text()


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
    expect(page.locator("h1")).to_have_text("Methods")
