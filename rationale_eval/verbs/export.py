"""`export`: a result's tables as CSV, JSONL, Parquet or LaTeX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from rationale_eval import durable
from rationale_eval.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["csv", "jsonl", "parquet", "latex"]

CONTROLS: Final = ("random", "gold", "inverse_gold", "model", "human")
"""Rows that stand beside the methods and never win."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def format_of(path: Path, asked: str | None) -> Format:
    """The format asked for, or the one the file's ending names.

    Raises:
        UsageError: If neither says one that is known.
    """
    ending = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet", ".tex": "latex"}
    name = asked or ending.get(path.suffix)
    for known in get_args(Format):
        if name == known:
            return known
    raise UsageError(
        f"there is no export format '{asked or path.suffix}'; choose --format {', '.join(get_args(Format))}, "
        "or a file that ends in .csv, .jsonl, .parquet or .tex"
    )


def export(table: pd.DataFrame, path: Path, as_format: Format) -> None:
    """Writes a table, whole or not at all.

    CSV is for spreadsheets and so loses something: text that a spreadsheet would run as a formula gets an apostrophe in
    front. JSONL and Parquet are exact.

    Args:
        table: A summary or the rows of the examples.
        path: The file to write.
        as_format: "latex" takes a summary only.

    Raises:
        UsageError: If a table of examples is to become LaTeX.
    """
    with durable.whole_file(path) as temporary:
        if as_format == "parquet":
            table.to_parquet(temporary, index=False)
        elif as_format == "jsonl":
            table.to_json(temporary, orient="records", lines=True, force_ascii=False)
        elif as_format == "csv":
            table.map(_harmless).rename(columns=_harmless).to_csv(temporary, index=False)
        else:
            temporary.write_text(latex(table), encoding="utf-8")


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def latex(summary: pd.DataFrame, *, digits: int = 3) -> str:
    r"""A booktabs table: one row a method, one column a metric, intervals in brackets, the best method bold.

    The document needs `\usepackage{booktabs}`. Controls are never bold; methods that tie with the best to the shown
    digits are
    bold together.

    Args:
        summary: What `Result.summary` returns.
        digits: Digits after the point.
    """
    if "ci_low" not in summary.columns:
        raise UsageError("only a summary can become a LaTeX table; leave out --examples or choose another format")
    methods, columns, cells, best = _layout(summary, digits)
    arrow = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "none": ""}
    heads = [f"{latex_text(metric)} {arrow[direction]}".strip() for metric, _, direction in columns]
    variants = [latex_text(f"({variant})") for _, variant, _ in columns]
    lines = [
        r"\begin{tabular}{l" + "r" * len(columns) + "}",
        r"\toprule",
        " & ".join(["method", *heads]) + r" \\",
        " & ".join(["", *variants]) + r" \\",
        r"\midrule",
    ]
    for method in methods:
        row = [latex_text(method)]
        for column in columns:
            shown, interval = cells.get((method, column), ("--", ""))
            bold = method not in CONTROLS and shown != "--" and shown == best.get(column)
            row.append((rf"\textbf{{{shown}}}" if bold else shown) + interval)
        lines.append(" & ".join(row) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


Column = tuple[str, str, str]


def _layout(
    summary: pd.DataFrame, digits: int
) -> tuple[list[str], list[Column], dict[tuple[str, Column], tuple[str, str]], dict[Column, str]]:
    """Methods, columns, shown text of each cell, and the shown text of each column's best method."""
    methods = sorted(dict.fromkeys(summary["method"]), key=lambda name: name in CONTROLS)
    columns: list[Column] = []
    cells: dict[tuple[str, Column], tuple[str, str]] = {}
    values: dict[Column, list[float]] = {}
    for line in summary.itertuples():
        column = (line.metric, line.variant, line.direction)
        if column not in columns:
            columns.append(column)
        if math.isnan(line.value):
            continue
        interval = "" if math.isnan(line.ci_low) else f" [{line.ci_low:.{digits}f}, {line.ci_high:.{digits}f}]"
        cells[line.method, column] = (f"{line.value:.{digits}f}", interval)
        if line.method not in CONTROLS:
            values.setdefault(column, []).append(line.value)
    best = {
        column: f"{(min if column[2] == 'lower' else max)(found):.{digits}f}"
        for column, found in values.items()
        if column[2] != "none"
    }
    return methods, columns, cells, best


def latex_text(text: str) -> str:
    """Text as LaTeX that is only text."""
    return "".join(_LATEX.get(character, character) for character in text)


def ranked(summary: pd.DataFrame, by: Sequence[str] = ("comprehensiveness_aopc",)) -> list[str]:
    """Methods from best to worst by the first of `by` that the summary has; controls stand last.

    Args:
        summary: What `Result.summary` returns.
        by: Metric names, the most wanted first.
    """
    methods = list(dict.fromkeys(summary["method"]))
    for name in by:
        lines = summary[summary["metric"] == name].drop_duplicates("method")
        if len(lines):
            sign = 1 if lines["direction"].iloc[0] == "lower" else -1
            value = dict(zip(lines["method"], sign * lines["value"], strict=True))
            return sorted(methods, key=lambda m: (m in CONTROLS, math.isnan(value.get(m, math.nan)), value.get(m, 0.0)))
    return sorted(methods, key=lambda m: m in CONTROLS)
