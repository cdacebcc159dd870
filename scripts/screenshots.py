"""Pictures of every page in both themes: `make screenshots`; they go to `.screenshots/`.

The workspace is that of `make demo`. With `--docs` the few that the README shows are also written, smaller, to
`docs/images/`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rationale_eval.ui.pages import PAGES  # noqa: E402 - the checkout comes first
from tests.helpers.dashboard import CHROMIUM, PATIENCE, WITHOUT, address, chromium, new_page, open_at, serving  # noqa: E402

OUT: Final = ROOT / ".screenshots"
DOCS: Final = ROOT / "docs" / "images"
SHOWN: Final = {("examples", "light"), ("compare", "light"), ("train", "light")}
HEIGHT: Final = 1800
"""Pixels of the window: a page scrolls inside it, so that what is below is in no picture."""

WIDTH: Final = 1000
COLOURS: Final = 128
"""Enough for flat colours and grey text; a quarter of the bytes."""


def main() -> None:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, default=ROOT / "workspace")
    parser.add_argument("--docs", action="store_true", help="write the README's pictures too")
    given = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit(WITHOUT)
    if not (given.workspace / "runs").is_dir():
        raise SystemExit(f"{given.workspace} holds no runs; make some with `make demo`.")
    OUT.mkdir(exist_ok=True)
    words = _words(given.workspace)
    with serving(given.workspace) as server, chromium() as browser:
        for theme in ("light", "dark"):
            view, _ = new_page(browser, dark=theme == "dark", height=HEIGHT)
            for page in PAGES:
                query = f"?run={words}" if words and page.name == "examples" else ""
                query = f"?runs={words}" if words and page.name == "compare" else query
                open_at(view, server, address(page.name) + query)
                _quiet(view)
                path = OUT / f"{page.name}-{theme}.png"
                view.screenshot(path=path)
                print(path.relative_to(ROOT))
                if given.docs and (page.name, theme) in SHOWN:
                    _small(path, DOCS / path.name)
            view.context.close()


def _words(workspace: Path) -> str | None:
    """The newest evaluation of word scores: it shows more than one of texts."""
    made = sorted((workspace / "runs").glob("*/explanations"))
    kinds = [path.parent.name for path in made if (path.parent / "evaluation.json").is_file()]
    return kinds[-1] if kinds else None


def _quiet(view: Any) -> None:
    """Waits until no skeleton, spinner or moving chart is left."""
    from playwright.sync_api import expect

    waiting = view.locator('[data-testid="stSkeleton"], [data-testid="stSpinner"], [data-testid="stProgress"]')
    expect(waiting).to_have_count(0, timeout=PATIENCE)
    view.wait_for_load_state("networkidle")


def _small(path: Path, target: Path) -> None:
    from PIL import Image

    target.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(path).convert("RGB")
    height = round(picture.height * WIDTH / picture.width)
    small = picture.resize((WIDTH, height), Image.Resampling.LANCZOS).crop((0, 0, WIDTH, min(height, 900)))
    small.quantize(COLOURS).save(target, optimize=True)


if __name__ == "__main__":
    main()
