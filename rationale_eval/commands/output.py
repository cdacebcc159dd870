"""What verbs show: tables for people, aligned text for pipes, JSON for programs, progress for the one who waits."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def say(message: str) -> None:
    """Writes one line to standard error, where it never mixes with results."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def show(rows: Rows, *, as_json: bool = False, value: Any = None, title: str | None = None) -> None:
    """Prints a result on standard output.

    Args:
        rows: One mapping for each line of the table; the first row's keys are the columns.
        as_json: Print JSON in place of the table.
        value: What the JSON form prints; the rows when None.
        title: A line above the table.
    """
    if as_json:
        sys.stdout.write(json_text(rows if value is None else value) + "\n")
    elif sys.stdout.isatty():
        _show_table(rows, title)
    else:
        sys.stdout.write(plain_text(rows, title))
    sys.stdout.flush()


def json_text(value: Any) -> str:
    """JSON with 2 spaces of indentation in which NaN and infinities are null, since JSON has no such numbers."""
    return json.dumps(_finite(value), ensure_ascii=False, indent=2, allow_nan=False)


def plain_text(rows: Rows, title: str | None = None) -> str:
    """An aligned table without colours or borders: two spaces between columns, numbers to the right."""
    if not rows:
        return f"{title}\n" if title else ""
    columns = list(rows[0])
    cells = [columns, *([cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    right = [_is_number(rows, column) for column in columns]
    lines = [
        "  ".join(
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(line, widths, right, strict=True)
        )
        for line in cells
    ]
    return "\n".join([*([title] if title else []), *(line.rstrip() for line in lines)]) + "\n"


def cell(value: Any) -> str:
    """A value as a person reads it: three significant digits, "not defined" for NaN, yes and no for booleans."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if math.isfinite(value) else "not defined"
    return str(value)


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Shows a bar with the time left while the block runs, on a terminal only.

    Args:
        what: What is being done, a few words.
        total: Number of steps, or None when it is not known.

    Yields:
        A function to call with the number of steps that were done since the last call.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def _show_table(rows: Rows, title: str | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for column in list(rows[0]) if rows else []:
        table.add_column(Text(column), justify="right" if _is_number(rows, column) else "left")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row.values()))
    Console().print(table)


def _is_number(rows: Rows, column: str) -> bool:
    values = [row.get(column) for row in rows if row.get(column) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "item"):  # a numpy number
        return _finite(value.item())
    return str(value)
