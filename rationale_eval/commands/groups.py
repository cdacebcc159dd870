"""`rationale-eval runs group`, and what `rationale-eval train --seeds --grid` does: several runs as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rationale_eval.commands import options, output
from rationale_eval.commands.parsing import pairs
from rationale_eval.commands.runs_app import runs_app
from rationale_eval.errors import UsageError

if TYPE_CHECKING:
    from rationale_eval.metrics.seeds import Spread
    from rationale_eval.verbs.groups import Group
    from rationale_eval.verbs.job import Job
    from rationale_eval.workspace.run import Run

INTERRUPTED = 130

Seeds = Annotated[
    str | None,
    typer.Option(
        "--seeds",
        help="Train once with each seed: 0,1,2. One group, with mean and interval.",
        metavar="N,N,...",
        show_default=False,
    ),
]
Grid = Annotated[
    list[str] | None,
    typer.Option(
        "--grid",
        help="Values to try: lr=1e-4,3e-5. Given several times, all combinations; values with commas are parted by ;.",
        metavar="KNOB=VALUE,...",
        show_default=False,
    ),
]


def read_seeds(text: str) -> tuple[int, ...]:
    """Seeds parted by commas.

    Raises:
        UsageError: If one is not a whole number from 0 on.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    wrong = [part for part in parts if not (part.isascii() and part.isdigit())]
    if wrong or not parts:
        raise UsageError(
            f"--seeds takes whole numbers from 0 on, parted by commas, not '{wrong[0] if wrong else text}'"
        )
    return tuple(map(int, parts))


def read_grid(given: Sequence[str] | None) -> dict[str, list[str]]:
    """Values to try by name, parted by commas, or by semicolons where one of those is there.

    Raises:
        UsageError: If a pair has no "=" or a name comes twice.
    """
    found = pairs("--grid", given)
    return {
        name: [part.strip() for part in text.split(";" if ";" in text else ",") if part.strip()]
        for name, text in found.items()
    }


def train_group(
    job: Job,
    workspace: Path | None,
    *,
    seeds: str | None,
    grid: Sequence[str] | None,
    group: str | None,
    queue: bool,
    as_json: bool,
) -> None:
    """Trains, or queues, every configuration with every seed, and shows the group."""
    from rationale_eval.verbs.job import TrainJob
    from rationale_eval.verbs.sweep import train_many
    from rationale_eval.workspace.runs import Workspace

    assert isinstance(job, TrainJob)
    wanted = read_seeds(seeds) if seeds is not None else (job.seed,)
    main = options.is_main_process()

    def told(title: str, event: str, run: Run | None) -> None:
        if main:
            output.say(f"{title}: {event}{f' ({run.id})' if run is not None else ''}")

    found = train_many(
        job, seeds=wanted, grid=read_grid(grid), workspace=Workspace(workspace), group=group, queue=queue, told=told
    )
    if not main:
        return
    show_group(found, as_json=as_json)
    states = {run.status.state for run in found.runs}
    if not queue and "interrupted" in states:
        output.say("stopped; the same command goes on with what is missing")
        raise typer.Exit(INTERRUPTED)
    if "failed" in states:
        raise typer.Exit(1)


@runs_app.command("group")
def group_command(
    key: Annotated[str, typer.Argument(help="Name of a group; runs list shows them.", metavar="GROUP")],
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric", help="Dev metric that says which is best; by default the selecting one.", show_default=False
        ),
    ] = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the runs of a sweep: one line for each configuration, dev metrics as mean and interval over its seeds."""
    from rationale_eval.verbs.groups import Group
    from rationale_eval.workspace.runs import Workspace

    show_group(Group.find(key, Workspace(workspace)), metric=metric, as_json=as_json)


def show_group(group: Group, *, metric: str | None = None, as_json: bool = False) -> None:
    """Prints a group as a table and names its best configuration.

    Args:
        group: The group.
        metric: What is best by; the metric that selected the weights by default.
        as_json: Print JSON.

    Raises:
        UsageError: If `metric` is given and no run has it.
    """
    lines = group.lines()
    best = None
    name = metric or group.metric
    if metric is not None or any(name in line.metrics for line in lines):
        best = group.best(str(name))
    if as_json:
        states = {run.id: run.status.state for run in group.runs}
        value: dict[str, Any] = {"group": group.id, "runs": states, "table": group.table()}
        return output.show([], as_json=True, value=value | {"best": None if best is None else best.differing})
    metrics = list(dict.fromkeys(one for line in lines for one in line.metrics))
    rows = [
        {
            **(line.differing or {"configuration": "the only one"}),
            "seeds": ", ".join(map(str, line.runs)),
            "state": _states(line.states),
            **{one: _words(line.metrics.get(one)) for one in metrics},
        }
        for line in lines
    ]
    output.show(rows, title=f"group {group.id}: mean over seeds ± standard deviation [95 % t-interval of the mean]")
    if best is not None and len(lines) > 1:
        output.say(f"best dev {name}: {best.label}")
    return None


def _states(states: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items())


def _words(found: Spread | None) -> str:
    if found is None or not found.n:
        return ""
    if found.n < 2:
        return f"{found.mean:.4f}"
    return f"{found.mean:.4f} ± {found.sd:.4f} [{found.low:.4f}, {found.high:.4f}]"
