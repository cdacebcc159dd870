"""`rationale-eval data keep|delete|restore|export`: sets that the workspace keeps, and sets as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rationale_eval.commands.data_app import Encoding, Follows, Source, data_app, parse_columns
from rationale_eval.commands.options import AsJson, Columns, Split, Workspace
from rationale_eval.commands.output import say, show
from rationale_eval.errors import UsageError

Name = Annotated[str, typer.Argument(help="Name of the set, with or without own/.", metavar="NAME")]


@data_app.command("keep")
def keep_command(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Files as SPLIT=FILE; a file alone gets the split its name mentions.", metavar="[SPLIT=]FILE"
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="Name of the set: --data own/NAME finds it.", metavar="NAME")],
    columns: Columns = None,
    task: Follows = None,
    encoding: Encoding = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Keep files as a set of the workspace; they are read with limited memory and time, and rows left out are told."""
    from rationale_eval.data.keeping import keep_files
    from rationale_eval.workspace.runs import Workspace as Place

    given = dict(map(_split_and_file, files))
    if len(given) < len(files):
        raise UsageError("two files are said to be the same split; write SPLIT=FILE.")
    place = Place()
    place.prepare()
    done = keep_files(place.path, name, given, mapping=parse_columns(columns), task=task, encoding=encoding)
    rows = [
        {"set": done.own.source, "split": split, "examples": each.rows, "rejected": each.rejected}
        for split, each in done.conversions.items()
    ]
    show(rows, as_json=as_json)
    for split, each in done.conversions.items():
        for group in each.groups:
            first = ", ".join(str(one.row) for one in group.first)
            field = f", field '{group.field}'" if group.field else ""
            say(f"{split}: {group.count:,} rows left out{field}: {group.reason} (rows {first})")


@data_app.command("delete")
def delete_command(name: Name, workspace: Workspace = None) -> None:
    """Put a set of the workspace aside; restore brings it back."""
    from rationale_eval.data.own import delete_own
    from rationale_eval.workspace.runs import Workspace as Place

    gone = delete_own(Place().path, name)
    say(f"{gone.source} is put aside; bring it back with: rationale-eval data restore {gone.id}")


@data_app.command("restore")
def restore_command(name: Name, workspace: Workspace = None) -> None:
    """Bring a deleted set back, by its name or id."""
    from rationale_eval.data.own import restore_own
    from rationale_eval.workspace.runs import Workspace as Place

    say(f"{restore_own(Place().path, name).source} is back.")


@data_app.command("export")
def export_command(
    source: Source,
    out: Annotated[
        Path, typer.Option("--out", help="File to write: .jsonl (exact), .csv or .parquet.", metavar="PATH")
    ],
    split: Split = None,
    columns: Columns = None,
    task: Follows = None,
    encoding: Encoding = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write a split of a data set as a file."""
    from rationale_eval.data.load import load_dataset
    from rationale_eval.data.schema import to_record
    from rationale_eval.verbs.export_set import export_set, format_of

    as_format = format_of(out)
    data = load_dataset(source, split, None, parse_columns(columns), task=task, encoding=encoding)
    rows = export_set(map(to_record, data), out, as_format)
    show([{"data": data.name, "split": data.split, "examples": rows, "file": str(out)}], as_json=as_json)


def _split_and_file(word: str) -> tuple[str, Path]:
    from rationale_eval.data.folder import file_split
    from rationale_eval.data.own import checked_split

    split, is_split, file = word.partition("=")
    if is_split and not Path(word).exists():
        return checked_split(split), Path(file)
    return file_split(Path(word).stem), Path(word)
