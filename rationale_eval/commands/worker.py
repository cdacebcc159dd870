"""`rationale-eval worker`: start what is queued."""

from __future__ import annotations

from typing import Annotated

import typer

from rationale_eval.commands.options import AsJson, Workspace
from rationale_eval.commands.output import say, show


def worker(
    once: Annotated[bool, typer.Option("--once", help="End when nothing is queued or at work any more.")] = False,
    devices: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            help="A device to start runs on; may be given several times. Every CUDA device, else cpu, when not given.",
            metavar="DEVICE",
            show_default=False,
        ),
    ] = None,
    poll: Annotated[float, typer.Option("--poll", min=0.05, help="Seconds between two looks at the queue.")] = 1.0,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Work on the queue: start one run after the other, one for each device, by priority and age.

    Ctrl-C ends the worker, not the runs: each has a process of its own.
    """
    from rationale_eval.workspace.runs import Workspace as Place
    from rationale_eval.workspace.worker import local_devices, serve

    place = Place(workspace)
    chosen = tuple(devices or local_devices())
    say(f"worker for {place.path} on {', '.join(chosen)}; Ctrl-C ends it, and no run with it")
    started: int | None = None
    try:
        started = serve(place, devices=chosen, once=once, poll=poll, tell=say)
    except KeyboardInterrupt:
        say("the worker has ended; runs that it started go on: rationale-eval runs list")
    if as_json:
        show([], as_json=True, value={"started": started})
    elif started is not None:
        say(f"{started} runs were started, and the queue holds nothing more for {', '.join(chosen)}")
