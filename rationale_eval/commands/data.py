"""`rationale-eval data`: which data sets there are, what they look like, and whether a file can be trusted."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from rationale_eval.commands import data_own
from rationale_eval.commands.data_app import Encoding, Follows, Source, data_app, parse_columns
from rationale_eval.commands.options import AsJson, Columns, Limit, Seed, Split, Workspace
from rationale_eval.commands.output import json_text, say, show
from rationale_eval.commands.parsing import names
from rationale_eval.errors import UsageError


@data_app.command("list")
def list_command(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Names the data sets that can be loaded, and says which lie at hand."""
    from rationale_eval.data.listing import list_sets

    found = list_sets()
    rows = [
        {
            "name": one.name,
            "task": one.task,
            "rationales": ", ".join(one.gold) or "none",
            "splits at hand": ", ".join(one.splits) or "-",
            "licence": one.licence,
            "note": one.warning or "",
        }
        for one in found
    ]
    show(rows, as_json=as_json, value=[asdict(one) for one in found])
    if not as_json:
        say("Show one with: rationale-eval data show NAME. Your own .csv, .jsonl or .parquet works as well.")


@data_app.command("show")
def show_command(
    source: Source,
    split: Split = None,
    limit: Limit = 3,
    columns: Columns = None,
    task: Follows = None,
    encoding: Encoding = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Prints the first examples with their highlights and rationales."""
    from rationale_eval.data.load import load_dataset
    from rationale_eval.data.schema import to_record

    data = load_dataset(source, split, limit, parse_columns(columns), task=task, encoding=encoding)
    examples = list(data)
    if as_json:
        sys.stdout.write(json_text([to_record(example) for example in examples]) + "\n")
        return
    from rationale_eval.commands.data_text import print_examples

    print_examples(data, examples)


@data_app.command("check")
def check_command(
    source: Source,
    split: Split = None,
    columns: Columns = None,
    task: Follows = None,
    encoding: Encoding = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Reads every row and reports: rejected rows, balance, coverage of rationales, duplicates, leaks between splits."""
    from rationale_eval.data.check import check_data
    from rationale_eval.data.load import load_dataset, other_splits

    mapping = parse_columns(columns)

    def read(wanted: str | None) -> Any:
        return load_dataset(source, wanted, None, mapping, task=task, encoding=encoding, on_error="collect")

    data = read(split)
    report = check_data(data, [read(name) for name in other_splits(source, data.split)])
    if as_json:
        sys.stdout.write(json_text(asdict(report) | {"warnings": report.warnings()}) + "\n")
    else:
        from rationale_eval.commands.data_text import print_report

        print_report(report)
    if not report.rows:
        name = Path(source).name
        raise UsageError(f"'{name}' has no usable row; the reasons stand above")


@data_app.command("perturb")
def perturb_command(
    source: Source,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kinds",
            "--kind",
            help="Perturbations, parted by commas; all that need no language model when not given; list names them.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    split: Split = None,
    limit: Limit = 5,
    seed: Seed = 0,
    lm: Annotated[
        str | None,
        typer.Option("--lm", help="Language model for 'paraphrase'.", metavar="MODEL", show_default=False),
    ] = None,
    columns: Columns = None,
    task: Follows = None,
    encoding: Encoding = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Perturbs the first gold rationales and prints them before and after, and how often each perturbation applied."""
    from rationale_eval.commands.data_perturbed import list_perturbations, print_perturbed

    if names(kinds) == ("list",):
        list_perturbations(as_json)
        return
    from rationale_eval.data.load import load_dataset
    from rationale_eval.verbs.perturb import perturb_gold

    data = load_dataset(source, split, None, parse_columns(columns), task=task, encoding=encoding)
    print_perturbed(perturb_gold(data, names(kinds), limit=limit, seed=seed, lm=lm), as_json)


__all__ = ["data_app", "data_own", "parse_columns"]
