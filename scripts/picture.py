"""Draws the demo's table as the README's picture: scripts/picture.py [RUN] [--workspace FOLDER].

The picture is made from the numbers of a finished evaluation, never by hand.
"""

from __future__ import annotations

import argparse
import io
import re
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from rationale_eval.commands.demo import ranked_table
from rationale_eval.verbs.export import CONTROLS
from rationale_eval.verbs.result import Result
from rationale_eval.workspace.runs import Workspace

TARGET = Path(__file__).resolve().parent.parent / "docs" / "images" / "demo.svg"


def main() -> None:
    """Reads a run, by default the newest evaluation, and writes docs/images/demo.svg."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", default="latest")
    parser.add_argument("--workspace", type=Path, default=None)
    given = parser.parse_args()
    run = Workspace(given.workspace).find(given.run)
    result = Result.load(run.folder)
    facts = result.provenance["data"]
    rows = ranked_table(result.records())
    table = Table(header_style="bold", box=box.SIMPLE_HEAD)
    for column in rows[0]:
        table.add_column(Text(column))
    for number, row in enumerate(rows):
        control = row["method"] in CONTROLS
        first = control and rows[number - 1]["method"] not in CONTROLS
        if first:
            table.add_section()
        table.add_row(*(Text(str(cell)) for cell in row.values()), style="dim" if control else "")
    console = Console(record=True, width=168, file=io.StringIO())
    console.print(table)
    title = f"rationale-eval demo: {facts['name']} ({facts['split']}), {facts['examples']} examples, 95% intervals"
    svg = console.export_svg(title=title, theme=SVG_EXPORT_THEME, unique_id="demo")
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    # Fonts from elsewhere would make the picture reach out; every reader has a monospaced one.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")
    print(TARGET.relative_to(TARGET.parent.parent.parent))


if __name__ == "__main__":
    main()
