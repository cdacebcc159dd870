"""`rationale-eval export`: the tables of a finished evaluation in another tool's format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rationale_eval.commands.options import AsJson, Workspace
from rationale_eval.commands.output import say, show


def export(
    run: Annotated[str, typer.Argument(help="Id of an evaluation, a part of it, or latest.", metavar="RUN")],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write: .csv, .jsonl, .parquet or .tex.", show_default=False)
    ] = None,
    as_format: Annotated[
        str | None, typer.Option("--format", help="csv, jsonl, parquet or latex; by default from the file's ending.")
    ] = None,
    examples: Annotated[
        bool, typer.Option("--examples/--summary", help="One row for each example, or the corpus values.")
    ] = False,
    metric: Annotated[str | None, typer.Option("--metric", help="Only this metric.", show_default=False)] = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write the scores of an evaluation as CSV, JSONL, Parquet or a LaTeX table."""
    from rationale_eval.errors import UsageError
    from rationale_eval.verbs.export import export as write
    from rationale_eval.verbs.export import format_of, latex
    from rationale_eval.verbs.result import Result
    from rationale_eval.workspace.runs import Workspace as Place

    found = Place(workspace).find(run)
    result = Result.load(found.folder)
    table = result.examples(metric=metric) if examples else result.summary()
    if metric is not None:
        table = table[table["metric"] == metric]
        if not len(table):
            raise UsageError(f"run {found.id} has no scores of '{metric}'")
    if out is None:
        if as_format != "latex":
            raise UsageError("say where to write: --out FILE (only --format latex may be printed)")
        typer.echo(latex(table), nl=False)
        return
    kind = format_of(out, as_format)
    write(table, out, kind)
    if as_json:
        show([], as_json=True, value={"run": found.id, "file": str(out), "format": kind, "rows": len(table)})
    else:
        say(f"{len(table)} rows of run {found.id} written to {out} as {kind}")
