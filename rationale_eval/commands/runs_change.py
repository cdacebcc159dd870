"""`rationale-eval runs`: what starts, stops, repeats, removes and gives away runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rationale_eval.commands.options import AsJson, Workspace
from rationale_eval.commands.output import say, show
from rationale_eval.commands.parsing import pairs
from rationale_eval.commands.runs_app import Key, Keys, runs_app
from rationale_eval.commands.starting import Group, Priority, begin, stoppable
from rationale_eval.errors import UsageError

INTERRUPTED = 130

OnlyQueue = Annotated[
    bool, typer.Option("--queue", help="Leave the start to a worker; else it gets a process of its own at once.")
]


@runs_app.command("start")
def start_command(
    file: Annotated[Path, typer.Argument(help="A job: a .yaml or .json file.", metavar="FILE")],
    queue: OnlyQueue = False,
    group: Group = None,
    priority: Priority = 0,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Start what a file asks for: the record of a training, an extraction or an evaluation."""
    from rationale_eval.verbs.jobs import submit
    from rationale_eval.workspace.runs import Workspace as Place

    run = submit(file, workspace=Place(workspace), placing={"group": group, "priority": priority})
    begin(run, detach=not queue, as_json=as_json)


@runs_app.command("cancel")
def cancel_command(keys: Keys, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Stop runs. A training keeps its last checkpoint; resume goes on."""
    from rationale_eval.workspace.control import cancel
    from rationale_eval.workspace.runs import Workspace as Place

    place = Place(workspace)
    rows = []
    for run in [place.find(key) for key in keys]:
        status = cancel(run)
        rows.append({"run": run.id, "state": status.state, "message": status.message or ""})
    show(rows, as_json=as_json)


@runs_app.command("resume")
def resume_command(
    key: Key,
    queue: OnlyQueue = False,
    here: Annotated[bool, typer.Option("--here", help="Work in this process, and show how far it is.")] = False,
    allow_inexact: Annotated[
        bool, typer.Option("--allow-inexact", help="With --here: go on even where the result will not be bit-exact.")
    ] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that was interrupted, cancelled or failed: a training from its newest sound checkpoint."""
    from rationale_eval.workspace.runs import Workspace as Place

    run = Place(workspace).find(key)
    if here and queue:
        raise UsageError("--here works in this process and --queue leaves the start to a worker; choose one.")
    if allow_inexact and not here:
        raise UsageError("--allow-inexact goes with --here, for a training.")
    from rationale_eval.verbs.jobs import require_unfinished
    from rationale_eval.verbs.jobs import resume as go_on

    require_unfinished(run)
    if here:
        with stoppable():
            run = go_on(run.id, workspace=workspace, allow_inexact=allow_inexact)
        status = run.status
        show([{"run": run.id, "state": status.state}], as_json=as_json)
        if status.state != "finished":
            say(f"rationale-eval: {status.message or status.state}")
            raise typer.Exit(INTERRUPTED)
        return say(f"next: rationale-eval runs show {run.id}")
    if run.config.get("data") is None:
        raise UsageError(f"the data of run {run.id} were objects in memory; resume it from Python, with the data.")
    from rationale_eval.workspace.control import resume

    return begin(resume(run), detach=not queue, as_json=as_json)


@runs_app.command("retry")
def retry_command(
    key: Key,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="What is to be different: lr=1e-5, seed=3.", metavar="NAME=VALUE", show_default=False
        ),
    ] = None,
    queue: OnlyQueue = False,
    group: Group = None,
    priority: Priority = 0,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Do what a run was asked once more, changed if you like, as a new run."""
    from rationale_eval.verbs.jobs import retry
    from rationale_eval.workspace.runs import Workspace as Place

    run = Place(workspace).find(key)
    again = retry(run, pairs("--set", changes), placing={"group": group, "priority": priority})
    begin(again, detach=not queue, as_json=as_json)


@runs_app.command("reorder")
def reorder_command(
    key: Key,
    priority: Annotated[
        int | None, typer.Option("--priority", help="A new priority; higher goes first.", show_default=False)
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", help="Put it right before this run.", metavar="RUN", show_default=False)
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="Put it at the end of its priority.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Change a run's place in the queue, and show the queue."""
    from rationale_eval.workspace.queue import reorder, waiting
    from rationale_eval.workspace.runs import Workspace as Place

    place = Place(workspace)
    if before is not None and (last or priority is not None):
        raise UsageError("--before gives the priority and place of another run; leave out --priority and --last.")
    if priority is not None or before is not None or last:
        other = None if before is None else place.find(before)
        reorder(place.find(key), priority=priority, before=other, last=last)
    rows = [{"run": row.id, "priority": row.priority, "what": row.title or ""} for row in waiting(place)]
    show(rows, as_json=as_json, title="the queue, the next one first")


@runs_app.command("delete")
def delete_command(keys: Keys, workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Move runs to the trash of the workspace; restore brings them back."""
    from rationale_eval.workspace.control import delete
    from rationale_eval.workspace.runs import Workspace as Place

    place = Place(workspace)
    found = [place.find(key) for key in keys]
    for run in found:
        delete(run)
    show([{"run": run.id, "state": "in the trash"} for run in found], as_json=as_json)
    say(f"bring back with: rationale-eval runs restore {found[0].id}")


@runs_app.command("restore")
def restore_command(
    ids: Annotated[list[str], typer.Argument(help="Ids of deleted runs; runs list --deleted names them.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Bring back deleted runs."""
    from rationale_eval.workspace.control import restore
    from rationale_eval.workspace.runs import Workspace as Place

    place = Place(workspace)
    rows = []
    for id in ids:
        run = restore(place, id)
        rows.append({"run": run.id, "state": run.status.state})
    show(rows, as_json=as_json)


@runs_app.command("purge")
def purge_command(
    ids: Annotated[list[str], typer.Argument(help="Ids of deleted runs; runs list --deleted names them.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Remove deleted runs for good, to free their disk."""
    from rationale_eval.workspace.control import purge
    from rationale_eval.workspace.runs import Workspace as Place

    place = Place(workspace)
    for id in ids:
        purge(place, id)
    show([{"run": id, "state": "gone for good"} for id in ids], as_json=as_json)


@runs_app.command("export")
def export_command(
    key: Key,
    out: Annotated[Path, typer.Option("--out", "-o", help="The .zip file to write.", metavar="FILE")],
    model: Annotated[bool, typer.Option("--model", help="Put the weights in too.")] = False,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Write a run into one file: its record, results and metric lines, without paths of this machine."""
    from rationale_eval.verbs.bundle import bundle
    from rationale_eval.workspace.runs import Workspace as Place

    run = Place(workspace).find(key)
    names = bundle(run, out, model=model)
    value: dict[str, Any] = {"run": run.id, "file": str(out), "bytes": out.stat().st_size, "contents": names}
    if as_json:
        return show([], as_json=True, value=value)
    show([{"in the file": name} for name in names])
    return say(f"run {run.id} written to {out}, {out.stat().st_size / 1000:,.0f} kB")


@runs_app.command("rebuild")
def rebuild_command(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Make the list of runs anew from their folders, which hold all that is known."""
    from rationale_eval.workspace.index import rebuild
    from rationale_eval.workspace.runs import Workspace as Place

    number = rebuild(Place(workspace))
    show([{"runs": number}], as_json=as_json, value={"runs": number})
