"""`rationale-eval export`: the tables of a finished evaluation in another tool's format."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rationale_eval.commands.options import AsJson, Metrics, Workspace
from rationale_eval.commands.output import say, show
from rationale_eval.commands.parsing import names, read_ids

if TYPE_CHECKING:
    from rationale_eval.workspace.run import Run

HTML: Final = "html"


def export(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Id of an evaluation, a part of it, or latest; several on the same data for a report.",
            metavar="RUN...",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="File to write: .csv, .jsonl, .parquet, .tex, or .html for a report.", show_default=False
        ),
    ] = None,
    as_format: Annotated[
        str | None,
        typer.Option("--format", help="csv, jsonl, parquet, latex or html; by default from the file's ending."),
    ] = None,
    examples: Annotated[
        bool, typer.Option("--examples/--summary", help="One row for each example, or the corpus values.")
    ] = False,
    metrics: Metrics = None,
    methods: Annotated[
        list[str] | None,
        typer.Option("--method", help="Only these methods (report).", metavar="NAME", show_default=False),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", help="Test against this system alone (report).", show_default=False)
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option("--ids", help="Only the examples whose ids this text file holds, one a line.", show_default=False),
    ] = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write the scores of an evaluation as CSV, JSONL, Parquet or a LaTeX table, or a comparison as an HTML report."""
    from rationale_eval.errors import UsageError
    from rationale_eval.metrics.compare import wanted_rows
    from rationale_eval.verbs.export import export as write
    from rationale_eval.verbs.export import format_of, latex
    from rationale_eval.verbs.result import Result
    from rationale_eval.workspace.runs import Workspace as Place

    place = Place(workspace)
    found = [place.find(run) for run in runs]
    wanted, only = names(metrics), None if ids is None else read_ids(ids)
    if out is not None and (as_format or out.suffix) in (HTML, f".{HTML}"):
        _report(found, out, wanted or None, names(methods) or None, baseline, only, as_json=as_json)
        return
    if len(found) > 1 or methods or baseline:
        raise UsageError("several evaluations, --method and --baseline are for a report: --out FILE.html")
    result = Result.load(found[0].folder)
    if only is not None:
        result = result.narrowed(only)
    table = result.examples() if examples else result.summary()
    if wanted:
        table = table[wanted_rows(table, wanted)]
        if not len(table):
            raise UsageError(f"run {found[0].id} has no scores of '{', '.join(wanted)}'")
    if out is None:
        if as_format != "latex":
            raise UsageError("say where to write: --out FILE (only --format latex may be printed)")
        typer.echo(latex(table), nl=False)
        return
    kind = format_of(out, as_format)
    write(table, out, kind)
    if as_json:
        show([], as_json=True, value={"run": found[0].id, "file": str(out), "format": kind, "rows": len(table)})
    else:
        say(f"{len(table)} rows of run {found[0].id} written to {out} as {kind}")


def _report(
    found: Sequence[Run],
    out: Path,
    metrics: Sequence[str] | None,
    methods: Sequence[str] | None,
    baseline: str | None,
    only: Collection[str] | None,
    *,
    as_json: bool,
) -> None:
    from rationale_eval.verbs.make_report import report_of, write_report
    from rationale_eval.verbs.systems import command_words

    ids = [run.id for run in found]
    words = command_words(
        "compare", ids, methods=methods, metrics=metrics, baseline=baseline, narrowed=only is not None
    )
    text = report_of(found, shlex.join(words), methods=methods, metrics=metrics, baseline=baseline, ids=only)
    write_report(text, out)
    if as_json:
        show([], as_json=True, value={"runs": ids, "file": str(out), "format": HTML})
    else:
        say(f"a report on {', '.join(ids)} written to {out}; it opens in any browser and loads nothing")
