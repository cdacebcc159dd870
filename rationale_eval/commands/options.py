"""Options that several verbs share, so that one name means one thing everywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from rationale_eval.workspace.runs import DEFAULT_PATH, ENVIRONMENT


def workspace_path(chosen: Path | None = None) -> Path:
    """The workspace as an absolute path: `chosen`, else the environment variable, else `./workspace`. Makes nothing."""
    return Path(chosen or os.environ.get(ENVIRONMENT) or DEFAULT_PATH).expanduser().absolute()


def is_main_process() -> bool:
    """Whether this process may print: of several that were started together, only the first."""
    return os.environ.get("RANK", "0") == "0"


def _choose_workspace(chosen: Path | None) -> Path:
    # Every part of the program, and every process it starts, then agrees on the workspace without being handed it.
    path = workspace_path(chosen)
    os.environ[ENVIRONMENT] = str(path)
    return path


Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        callback=_choose_workspace,
        help=f"Folder for runs, logs and remembered answers; ${ENVIRONMENT} or ./{DEFAULT_PATH} when not given.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output; messages go to standard error.")]
Device = Annotated[
    str,
    typer.Option("--device", help="cpu, cuda, cuda:N, or auto (a CUDA device when there is one).", metavar="DEVICE"),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Where all randomness starts from.")]

Data = Annotated[
    str,
    typer.Option(
        "--data", help="Name of a data set, a .jsonl/.csv/.parquet file, or a folder of splits.", metavar="DATA"
    ),
]
Split = Annotated[
    str | None,
    typer.Option("--split", help="train, validation, test, or another split the data set has.", show_default=False),
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="Use only the first N examples.", metavar="N", show_default=False)
]
Sample = Annotated[
    int | None,
    typer.Option("--sample", min=1, help="Use only N examples, drawn from all.", metavar="N", show_default=False),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--labels",
        help="For a model of another task: what the data's labels are among its choices. May be given several times.",
        metavar="LABEL=CHOICE",
        show_default=False,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="Which column means what, for your own files: premise=sentence1. May be given several times.",
        metavar="MEANING=COLUMN",
        show_default=False,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="embedded/minilm, embedded/smollm2, a local folder, a hub id, or run:ID of a finished run.",
        metavar="MODEL",
    ),
]
MaybeModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="embedded/minilm, embedded/smollm2, a local folder, a hub id, or run:ID of a finished run.",
        metavar="MODEL",
        show_default=False,
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--methods",
        "--method",
        help="How word scores are made: names parted by commas, or the option repeated.",
        metavar="METHOD",
        show_default=False,
    ),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metrics",
        "--metric",
        help="What to measure: NAME or NAME:VARIANT, parted by commas, or the option repeated.",
        metavar="METRIC",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="File or folder to write the result to.", metavar="PATH", show_default=False),
]
Precision = Annotated[str, typer.Option("--precision", help="fp32, bf16 or fp16.", metavar="NAME")]
