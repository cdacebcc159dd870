"""Every hostile string alone, on every page: in the address, and in every text field. The tests put many into one.

`python -m benchmarks.dashboard.hostile [--skip N] [--most N]` prints how many were tried, and every effect; all
of them take more than an hour.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from rationale_eval.data.own import ENVIRONMENT
from rationale_eval.ui.pages import PAGES
from tests.browser.test_hostile import require_only_text
from tests.helpers.dashboard import address, chromium, new_page, open_at, serving, settled
from tests.helpers.hostile import STRINGS, storable
from tests.helpers.hostile_workspace import make_hostile

FIELDS = "[data-testid=stMain] input[type=text]:not([disabled]), [data-testid=stMain] textarea:not([disabled])"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=len(STRINGS))
    parser.add_argument("--skip", type=int, default=0, help="pass over so many, to go on where a part ended")
    given = parser.parse_args()
    texts = [text for text in STRINGS if storable(text)][given.skip : given.skip + given.most]
    tried, effects, begun = 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        os.environ[ENVIRONMENT] = str(workspace)
        make_hostile(workspace)
        with serving(workspace) as server, chromium() as browser:
            for name in [page.name for page in PAGES]:
                page, seen = new_page(browser, bypass_csp=True)
                for text in texts:
                    open_at(page, server, f"{address(name)}?data={quote(text[:2000])}&search={quote(text[:2000])}")
                    fields = page.locator(FIELDS)
                    for place in range(min(fields.count(), 6)):
                        if fields.nth(place).is_visible():
                            fields.nth(place).fill(text)
                    settled(page)
                    tried += 1
                    try:
                        require_only_text(page, seen, f"{name}: {text[:60]!r}")
                    except AssertionError as error:
                        effects += 1
                        print(error, flush=True)
                page.context.close()
                print(f"{name}: {len(texts)} strings, {effects} effects so far", flush=True)
    print(f"{tried} views, {len(texts)} strings, {effects} effects, {time.monotonic() - begun:.0f} s")
    return 1 if effects else 0


if __name__ == "__main__":
    sys.exit(main())
