"""`rationale-eval runs`: the options and the app that its files share."""

from __future__ import annotations

from typing import Annotated

import typer

runs_app = typer.Typer(
    help="List, watch, stop, resume, compare, export and delete runs.", no_args_is_help=True, rich_markup_mode=None
)

Key = Annotated[str, typer.Argument(help="Id of a run, a part of it, or latest.", metavar="RUN")]
Keys = Annotated[list[str], typer.Argument(help="Ids of runs, parts of them, or latest.", metavar="RUN...")]
