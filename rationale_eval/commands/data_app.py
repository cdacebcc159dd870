"""The app `rationale-eval data` and the options its verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

from rationale_eval.commands.parsing import pairs

data_app = typer.Typer(help="List named data sets; show and check one, or a file of your own.", no_args_is_help=True)

Source = Annotated[str, typer.Argument(help="Name of a data set, a data file, or a folder of splits.", metavar="DATA")]
Encoding = Annotated[
    str | None, typer.Option("--encoding", help="Encoding of a text file that is not UTF-8.", show_default=False)
]
Follows = Annotated[
    str | None,
    typer.Option(
        "--task", help="Named set whose task and columns the file follows.", metavar="NAME", show_default=False
    ),
]


def parse_columns(columns: list[str] | None) -> dict[str, str] | None:
    """The column mapping of `--map`, or None without one."""
    return pairs("--map", columns) or None
