"""`rationale-eval train`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from rationale_eval.commands import options, output
from rationale_eval.commands.groups import Grid, Seeds, train_group
from rationale_eval.commands.parsing import names, pairs
from rationale_eval.commands.starting import Detach, Group, Priority, Queue, one_way, submit_job
from rationale_eval.errors import UsageError

if TYPE_CHECKING:
    from rationale_eval.workspace.runs import Run

INTERRUPTED = 130

Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="A knob of the recipe: lr=5e-5. May be given several times; --describe lists them.",
        metavar="KNOB=VALUE",
        show_default=False,
    ),
]

Sink = Annotated[
    list[str] | None,
    typer.Option(
        "--sink",
        help="Send the numbers there too: tensorboard[:FOLDER], mlflow[:ADDRESS] or wandb[:PROJECT].",
        metavar="SINK",
        show_default=False,
    ),
]


def train(
    recipe: Annotated[str | None, typer.Argument(help="How to train, for example fine_tune.", metavar="RECIPE")] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="Name of a data set, a file, or a folder of splits.", show_default=False),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Split to train on; several joined by +.")] = "train",
    dev_split: Annotated[
        str | None,
        typer.Option("--dev-split", help="Split to develop on; validation, else a held-out part.", show_default=False),
    ] = None,
    dev_fraction: Annotated[
        float | None,
        typer.Option("--dev-fraction", help="Hold out this share of the training data instead.", show_default=False),
    ] = None,
    limit: options.Limit = None,
    sample: options.Sample = None,
    dev_limit: Annotated[int, typer.Option("--dev-limit", min=1, help="Develop on at most N examples.")] = 2000,
    columns: options.Columns = None,
    model: options.Model = "embedded/minilm",
    settings: Setting = None,
    seeds: Seeds = None,
    grid: Grid = None,
    sinks: Sink = None,
    resume: Annotated[
        str | None, typer.Option("--resume", help="Go on with a stopped run.", metavar="RUN", show_default=False)
    ] = None,
    allow_inexact: Annotated[
        bool, typer.Option("--allow-inexact", help="Resume even where the result will not be bit-exact.")
    ] = False,
    describe: Annotated[bool, typer.Option("--describe", help="List the recipes, or the knobs of one.")] = False,
    queue: Queue = False,
    detach: Detach = False,
    group: Group = None,
    priority: Priority = 0,
    device: options.Device = "auto",
    seed: options.Seed = 0,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Train a model by a recipe. Ctrl-C stops it after the present step; --resume goes on."""
    if describe:
        return _describe(recipe, as_json)
    one_way(queue=queue, detach=detach)
    if resume is None and (recipe is None or data is None):
        raise UsageError("say which RECIPE and which --data, or --resume RUN; train --describe lists the recipes.")
    if resume is not None and (recipe or queue or detach):
        raise UsageError("--resume goes on here with what a run was asked; elsewhere: rationale-eval runs resume RUN.")
    started = time.monotonic()
    if resume is not None:
        from rationale_eval.verbs.train import resume as go_on

        run = go_on(resume, workspace=workspace, allow_inexact=allow_inexact)
        return _show(run, time.monotonic() - started, as_json)
    from rationale_eval.training.sinks.record import check_sinks
    from rationale_eval.verbs.jobs import read_job

    check_sinks(names(sinks))
    job = read_job(
        {
            "kind": "train",
            "recipe": recipe,
            "data": data,
            "split": split,
            "dev_split": dev_split,
            "dev_fraction": dev_fraction,
            "limit": limit,
            "sample": sample,
            "dev_limit": dev_limit,
            "mapping": pairs("--map", columns),
            "model": model,
            "config": pairs("--set", settings),
            "sinks": names(sinks),
            "device": device,
            "seed": seed,
        }
    )
    if seeds is not None or grid:
        if detach:
            raise UsageError("several trainings are done here, one after the other, or with --queue by a worker.")
        return train_group(job, workspace, seeds=seeds, grid=grid, group=group, queue=queue, as_json=as_json)
    placing = {"group": group, "priority": priority}
    if queue or detach:
        return submit_job(job, workspace, detach=detach, placing=placing, as_json=as_json)
    from rationale_eval.verbs.job import TrainJob
    from rationale_eval.verbs.train import train_job
    from rationale_eval.workspace.runs import Workspace

    assert isinstance(job, TrainJob)
    run = train_job(job, Workspace(workspace), about={"group": group})
    return _show(run, time.monotonic() - started, as_json)


def _show(run: Run, seconds: float, as_json: bool) -> None:
    if not options.is_main_process():
        return None
    summary, status = run.summary, run.status
    if status.state != "finished" or summary is None:
        output.say(f"rationale-eval: {status.message or status.state}")
        if as_json:
            output.show([], as_json=True, value={"run": run.id, "state": status.state})
        raise typer.Exit(INTERRUPTED)
    if as_json:
        return output.show([], as_json=True, value={"run": run.id, "state": status.state, **summary})
    rows = [{"": f"dev {name}", "value": f"{value:.4f}"} for name, value in summary["metrics"].items()]
    rows += [
        {"": "dev examples", "value": str(summary["dev_examples"])},
        {"": "training examples", "value": str(summary["train_examples"])},
        {"": "steps (kept)", "value": f"{summary['steps']} ({summary['kept_step']})"},
        {"": "time", "value": f"{summary['seconds']:.0f} s training, {seconds:.0f} s in all"},
        {"": "tokens a second", "value": f"{summary['tokens_per_second']:.0f}"},
        {"": "repeatable to the bit", "value": "yes" if summary["exact"] else "no"},
        {"": "model", "value": summary["model"]},
    ]
    output.show(rows, title=f"run {run.id}")
    name = run.provenance["data"]
    verb = "generate" if summary.get("writes") else "extract"
    output.say(f"next: rationale-eval {verb} --model run:{run.id} --data {name} --split test")
    return None


def _describe(name: str | None, as_json: bool) -> None:
    from rationale_eval.recipes import RECIPES

    if name is None:
        rows = [{"recipe": one.name, "what": one.title, "source": one.cite} for one in RECIPES.values()]
        return output.show(rows, as_json=as_json)
    knobs = RECIPES[name].Config.model_fields
    rows = [
        {"knob": knob, "default": str(field.default), "what": field.description or ""} for knob, field in knobs.items()
    ]
    return output.show(rows, as_json=as_json, title=RECIPES[name].title)
