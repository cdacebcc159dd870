"""`rationale-eval import`: outputs of other tools, and data files, checked row by row and stored in our form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from rationale_eval.commands.options import AsJson, Data, Limit, Split, Workspace
from rationale_eval.commands.output import show

File = Annotated[Path, typer.Argument(help="JSONL, CSV or Parquet made by another tool.", metavar="FILE")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="File to write: .parquet (scores) or .jsonl; without it the outputs are kept in the workspace, as run:ID.",
        metavar="PATH",
        show_default=False,
    ),
]
Kind = Literal["scores", "predictions", "texts"]
Merge = Literal["sum", "mean", "max"]


def import_(
    file: File,
    data: Data,
    out: Out = None,
    kind: Annotated[Kind, typer.Option("--kind", help="What the rows hold.")] = "scores",
    split: Split = None,
    limit: Limit = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the method or system in tables.", show_default=False)
    ] = None,
    merge: Annotated[Merge, typer.Option("--merge", help="How token scores become word scores.")] = "sum",
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Aligns another tool's outputs with a data set and stores them; a row that does not fit is named."""
    if out is None:
        _keep(
            file,
            {"data": data, "split": split, "kind": kind, "name": name or file.stem, "merge": merge},
            limit,
            as_json,
        )
        return
    from rationale_eval.data.load import load_dataset
    from rationale_eval.data.store import import_file

    dataset = load_dataset(data, split, limit)
    done = import_file(file, dataset, out, kind=kind, name=name, merge=merge)
    show([{"kind": kind, "name": done.name, "rows": done.rows, "file": str(out)}], as_json=as_json)


def _keep(file: Path, order: dict[str, Any], limit: int | None, as_json: bool) -> None:
    from rationale_eval.errors import InputError, UsageError
    from rationale_eval.verbs.import_run import Order, import_run
    from rationale_eval.workspace.runs import Workspace as Place

    if limit is not None:
        raise UsageError("--limit goes with --out; what is kept in the workspace is about the whole split.")
    done = import_run(file, Order(**order), Place())
    if done.run is None:
        first = done.groups[0].first[0]
        more = f" (the first of {done.rejected:,} rows that do not fit)" if done.rejected > 1 else ""
        raise InputError(f"{first.reason}{more}", file=str(file), row=first.row, field=first.field)
    show([{"kind": order["kind"], "name": done.name, "rows": done.rows, "run": done.run.id}], as_json=as_json)
