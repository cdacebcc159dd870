"""The server of the dashboard: `python -m rationale_eval.ui.server run app.py ...`, Streamlit's own words after it.

Streamlit takes a folder `pages/` beside the script for its older kind of menu until the script has run once. On a
server that nobody has visited, a deep link would then be answered with "page not found", and one that equals the name
of a page's file would run that file without `app.py`. Saying beforehand that the folder is none closes both.

It also sends the headers of `headers.py`, lets all sessions share one look at the runs for a second, and has Python
change threads ten times as often: a thread that only asked the system for a file's time would else wait 5 ms for its
turn behind one that computes, and a page asks hundreds of times.
"""

from __future__ import annotations

import sys
from typing import Final

SWITCH: Final = 0.0005
LOOK: Final = 1.0


def main() -> None:
    """Runs Streamlit's command line."""
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web.cli import main as streamlit

    from rationale_eval.desk.listing import SHARED
    from rationale_eval.ui import headers

    sys.setswitchinterval(SWITCH)
    SHARED.age = LOOK
    PagesManager.uses_pages_directory = False
    headers.install()
    sys.argv[0] = "streamlit"
    streamlit()


if __name__ == "__main__":
    main()
