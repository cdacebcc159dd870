"""`rationale-eval generate`: what does a language model say, and why?"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rationale_eval.commands.options import (
    AsJson,
    Columns,
    Device,
    Limit,
    Precision,
    Sample,
    Seed,
    Split,
    Workspace,
)
from rationale_eval.commands.output import progress, say, show
from rationale_eval.commands.parsing import pairs
from rationale_eval.commands.starting import Detach, Group, Priority, Queue, one_way, stoppable, submit_job
from rationale_eval.errors import UsageError

if TYPE_CHECKING:
    from rationale_eval.verbs.generate_job import GenerateConfig

SHOWN = 5
"""Texts that are printed."""


def generate(
    data: Annotated[
        str | None,
        typer.Option(
            "--data", help="Name of a data set, a file, or a folder of splits.", metavar="DATA", show_default=False
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--lm",
            "--model",
            help="The language model that writes: a name, folder, hub id, run:ID, or endpoint:NAME with --endpoint.",
        ),
    ] = "embedded/smollm2",
    endpoint: Annotated[
        str | None,
        typer.Option(
            "--endpoint",
            help="Address of a server that speaks the OpenAI protocol: http://127.0.0.1:8000/v1.",
            metavar="URL",
            show_default=False,
        ),
    ] = None,
    request: Annotated[
        list[str] | None,
        typer.Option(
            "--request",
            help="A knob of its requests: style=chat, concurrency=8, max_requests=1000. May be given several times.",
            metavar="NAME=VALUE",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            help="What it is shown: a prompt (`list` shows them all); its own if it has one, else few_shot.",
            show_default=False,
        ),
    ] = None,
    shots: Annotated[
        int | None,
        typer.Option(
            "--shots", min=0, help="Solved examples in the prompt; its own number when not given.", show_default=False
        ),
    ] = None,
    shots_from: Annotated[str, typer.Option("--shots-from", help="Split that they are drawn from.")] = "train",
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="Most tokens that are written.")] = 64,
    temperature: Annotated[
        float, typer.Option("--temperature", min=0, help="0 writes the most probable token; more draws more freely.")
    ] = 0.0,
    top_p: Annotated[
        float, typer.Option("--top-p", min=0, max=1, help="Draw from the most probable tokens with this sum.")
    ] = 1.0,
    draws: Annotated[int, typer.Option("--draws", min=1, help="Texts for each prompt; needs a temperature.")] = 1,
    keep: Annotated[
        str,
        typer.Option(
            "--keep", help="What `evaluate` takes of several draws: best (of each example), or all, each as a system."
        ),
    ] = "best",
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Most texts written at a time.")] = 32,
    share_prefix: Annotated[
        bool, typer.Option("--share-prefix/--read-whole", help="Read what all prompts begin with once.")
    ] = True,
    split: Split = None,
    limit: Limit = None,
    sample: Sample = None,
    columns: Columns = None,
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
    """Have a language model answer and say why: one record for every text, kept in a new run of the workspace."""
    if prompt == "list":
        return show(_prompts(), as_json=as_json)
    if data is None:
        raise UsageError("say what to write about: --data; `--prompt list` shows the prompts")
    if precision not in ("fp32", "bf16", "fp16"):
        raise UsageError(f"there is no precision '{precision}'; choose fp32, bf16 or fp16")
    if keep not in ("best", "all"):
        raise UsageError(f"--keep is best or all, not '{keep}'; every draw stays in the file either way")
    one_way(queue=queue, detach=detach)
    from rationale_eval.verbs.generate_job import GenerateConfig

    config = GenerateConfig(
        data=data,
        split=split,
        limit=limit,
        sample=sample,
        mapping=pairs("--map", columns),
        model=model,
        endpoint=endpoint,
        request=pairs("--request", request),
        prompt=prompt,
        shots=shots,
        shots_from=shots_from,
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        draws=draws,
        keep=keep,
        batch_size=batch_size,
        precision=precision,
        share_prefix=share_prefix,
        device=device,
        seed=seed,
    )
    if queue or detach:
        placing = {"group": group, "priority": priority}
        return submit_job(config, workspace, detach=detach, placing=placing, as_json=as_json)
    from rationale_eval.rationales.completion import read_completions
    from rationale_eval.verbs.generate_run import COMPLETIONS, FOLDER, generate_run, remarks
    from rationale_eval.workspace.runs import Workspace as Place

    with stoppable():
        run = generate_run(config, workspace=Place(workspace), progress=progress, about={"group": group})
    file = run.folder / FOLDER / COMPLETIONS
    shown = f", {prompt}," if prompt else ""
    value: dict[str, Any] = {"run": run.id, "file": str(file), **(run.summary or {})}
    show(_readable(run.summary or {}), as_json=as_json, value=value, title=f"{model}{shown} on {data}")
    if not as_json:
        show(_examples(file), title=f"the first {SHOWN}")
    for remark in remarks(config, read_completions(file)):
        say(f"note: {remark}")
    say(f"kept in {file}")
    say(f"next: {shlex.join(['rationale-eval', 'evaluate', *_same_data(config), '--texts', f'run:{run.id}'])}")
    return None


def _same_data(config: GenerateConfig) -> list[str]:
    """The options that name the same examples."""
    words = ["--data", config.data]
    for option, value in (("--split", config.split), ("--limit", config.limit), ("--sample", config.sample)):
        words += [] if value is None else [option, str(value)]
    if config.sample is not None:
        words += ["--seed", str(config.seed)]
    for name, column in config.mapping.items():
        words += ["--map", f"{name}={column}"]
    return words


def _readable(summary: dict[str, Any]) -> list[dict[str, Any]]:
    first, *others = summary["texts"]
    return [first | {"tokens/s": summary["tokens"] / summary["seconds"] if summary["seconds"] else None}, *others]


def _examples(file: Any) -> list[dict[str, Any]]:
    from itertools import islice

    from rationale_eval.rationales.completion import read_completions

    return [
        {"example": one.example_id, "text": one.text.strip(), "finish": one.finish, "in the form": one.format_ok}
        for one in islice(read_completions(file), SHOWN)
    ]


def _prompts() -> list[dict[str, Any]]:
    from rationale_eval.rationales.template import TEMPLATES

    return [
        {"prompt": name, "version": one.version, "shots": one.shots, "given": one.given, "about": one.describe}
        for name, one in TEMPLATES.items()
    ]
