"""`rationale-eval extract`: which words mattered for the model's choice?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rationale_eval.commands.options import (
    AsJson,
    Columns,
    Data,
    Device,
    Labels,
    Limit,
    MaybeModel,
    Out,
    Precision,
    Sample,
    Seed,
    Split,
    Workspace,
)
from rationale_eval.commands.output import progress, say, show
from rationale_eval.commands.parsing import names, pairs
from rationale_eval.commands.starting import Detach, Group, Priority, Queue, one_way, stoppable, submit_job
from rationale_eval.errors import UsageError

DEFAULT_METHOD = "integrated_gradients"


def extract(
    data: Data,
    model: MaybeModel = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--methods",
            "--method",
            help=f"Methods, parted by commas; {DEFAULT_METHOD} when not given. `list` shows them all.",
            metavar="METHODS",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A parameter: steps=20 for every method that has it, lime.samples=50 for one.",
            metavar="NAME=VALUE",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str, typer.Option("--target", help="The choice to explain: predicted, gold, or a label.", metavar="CHOICE")
    ] = "predicted",
    split: Split = None,
    limit: Limit = None,
    sample: Sample = None,
    labels: Labels = None,
    columns: Columns = None,
    out: Out = None,
    remember: Annotated[
        bool, typer.Option("--remember/--forget", help="Remember the model's answers in the workspace.")
    ] = True,
    precision: Precision = "fp32",
    queue: Queue = False,
    detach: Detach = False,
    group: Group = None,
    priority: Priority = 0,
    device: Device = "auto",
    seed: Seed = 0,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Give every word a score: how much it mattered for the model's choice, by one or several methods.

    Kept as METHOD.parquet in --out, or in a new run of the workspace.
    """
    if names(methods) == ("list",):
        return show(_methods(), as_json=as_json)
    if precision not in ("fp32", "bf16", "fp16"):
        raise UsageError(f"there is no precision '{precision}'; choose fp32, bf16 or fp16")
    one_way(queue=queue, detach=detach)
    if out is not None and (queue or detach):
        raise UsageError("a run keeps its rationales in its own folder; leave out --out")
    from rationale_eval.verbs.job import ExtractConfig

    config = ExtractConfig(
        data=data,
        split=split,
        limit=limit,
        sample=sample,
        labels=pairs("--labels", labels),
        mapping=pairs("--map", columns),
        model=model,
        device=device,
        precision=precision,
        methods=names(methods) or (DEFAULT_METHOD,),
        settings=pairs("--set", settings),
        target=target,
        remember=remember,
        seed=seed,
    )
    if queue or detach:
        placing = {"group": group, "priority": priority}
        return submit_job(config, workspace, detach=detach, placing=placing, as_json=as_json)
    from rationale_eval.verbs.extract_run import extract_run
    from rationale_eval.workspace.runs import Workspace as Place

    with stoppable():
        found = extract_run(config, out=out, workspace=Place(workspace), progress=progress, about={"group": group})
    value: dict[str, Any] = {"folder": str(found.folder), "run": found.run and found.run.id, "methods": found.rows}
    show(found.rows, as_json=as_json, value=value, title=f"{data}, target {target}")
    say(f"kept in {found.folder}")
    if found.run is not None:
        say(f"next: rationale-eval evaluate --data {data} --model {model or 'MODEL'} --scores run:{found.run.id}")
    return None


def _methods() -> list[dict[str, Any]]:
    from rationale_eval.rationales.methods import METHODS

    return [
        {
            "method": name,
            "family": method.family,
            "parameters": " ".join(f"{key}={value}" for key, value in method.params.items()),
            "about": method.describe,
        }
        for name, method in METHODS.items()
    ]
