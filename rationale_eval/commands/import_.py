"""`rationale-eval import`: outputs of other tools, and data files, checked row by row and stored in our form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from rationale_eval.commands.options import AsJson, Data, Limit, Split
from rationale_eval.commands.output import show

File = Annotated[Path, typer.Argument(help="JSONL, CSV or Parquet made by another tool.", metavar="FILE")]
Out = Annotated[Path, typer.Option("--out", help="File to write: .parquet (scores) or .jsonl.", metavar="PATH")]
Kind = Literal["scores", "predictions", "texts"]
Merge = Literal["sum", "mean", "max"]


def import_(
    file: File,
    data: Data,
    out: Out,
    kind: Annotated[Kind, typer.Option("--kind", help="What the rows hold.")] = "scores",
    split: Split = None,
    limit: Limit = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the method or system in tables.", show_default=False)
    ] = None,
    merge: Annotated[Merge, typer.Option("--merge", help="How token scores become word scores.")] = "sum",
    as_json: AsJson = False,
) -> None:
    """Aligns another tool's outputs with a data set and stores them; a row that does not fit is named."""
    from rationale_eval.data.load import load_dataset
    from rationale_eval.data.store import import_file

    dataset = load_dataset(data, split, limit)
    done = import_file(file, dataset, out, kind=kind, name=name, merge=merge)
    show([{"kind": kind, "name": done.name, "rows": done.rows, "file": str(out)}], as_json=as_json)
