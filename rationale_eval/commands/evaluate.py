"""`rationale-eval evaluate`: are the rationales faithful, and would a human accept them?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rationale_eval.commands.options import (
    AsJson,
    Columns,
    Device,
    Labels,
    Limit,
    MaybeModel,
    Methods,
    Metrics,
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

COLUMNS = ("method", "metric", "variant", "value", "95% interval", "n", "coverage", "better")


def evaluate(
    data: Annotated[
        str,
        typer.Option("--data", help="Name of a data set, a file, or a folder of splits.", metavar="DATA"),
    ],
    split: Split = None,
    limit: Limit = None,
    sample: Sample = None,
    labels: Labels = None,
    columns: Columns = None,
    model: MaybeModel = None,
    methods: Methods = None,
    controls: Annotated[
        list[str] | None,
        typer.Option(
            "--controls",
            help="Controls beside the methods: random, gold, inverse_gold, or none. Default: random; with --texts also "
            "gold.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    scores: Annotated[
        list[str] | None,
        typer.Option("--scores", help="Word scores made before: a Parquet file, or run:ID.", metavar="FILE"),
    ] = None,
    texts: Annotated[
        list[str] | None,
        typer.Option("--texts", help="Free-text rationales: run:ID of a generation, or a file.", metavar="TEXTS"),
    ] = None,
    encoder: Annotated[
        str, typer.Option("--encoder", help="With --texts: the encoder that compares them.")
    ] = "embedded/minilm",
    simulator: Annotated[
        list[str] | None,
        typer.Option(
            "--simulator", help="With --texts: a knob of simulators: epochs=2, small.steps=300.", metavar="NAME=VALUE"
        ),
    ] = None,
    simulator_split: Annotated[
        str, typer.Option("--simulator-split", help="With --texts: the split that simulators learn from.")
    ] = "train",
    simulator_limit: Annotated[
        int, typer.Option("--simulator-limit", min=1, help="With --texts: examples they learn from.")
    ] = 2000,
    simulator_texts: Annotated[
        str | None,
        typer.Option(
            "--simulator-texts",
            help="With --texts: what the same system said of that split (run:ID or a file); simulators then learn its "
            "answers and rationales, else gold ones.",
            metavar="TEXTS",
            show_default=False,
        ),
    ] = None,
    helper: Annotated[
        str | None,
        typer.Option("--helper", help="With --texts: the language model that rewrites texts. Default: --model."),
    ] = None,
    shots: Annotated[
        int,
        typer.Option("--shots", min=0, max=64, help="With --texts: solved examples shown to --model, asked again."),
    ] = 4,
    shots_from: Annotated[
        str, typer.Option("--shots-from", help="With --texts: the split that they are drawn from.")
    ] = "train",
    target: Annotated[
        str, typer.Option("--target", help="The choice to explain: predicted, gold, or a label.", metavar="CHOICE")
    ] = "predicted",
    metrics: Metrics = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter of the methods: steps=20.", metavar="NAME=VALUE", show_default=False),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            help="A parameter of the metrics: removal=mask, bins=1,5,10,20,50.",
            metavar="NAME=VALUE",
            show_default=False,
        ),
    ] = None,
    layout: Annotated[
        str, typer.Option("--format", help="auto, or eraser: the ERASER benchmark's folder and prediction file.")
    ] = "auto",
    predictions: Annotated[
        Path | None, typer.Option("--predictions", help="ERASER prediction file, with --format eraser.", metavar="FILE")
    ] = None,
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
    """Score rationales: faithfulness, plausibility and the model's task, with intervals and a random control beside."""
    if layout not in ("auto", "eraser"):
        raise UsageError(f"there is no format '{layout}'; choose auto or eraser")
    if layout == "eraser":
        if queue or detach:
            raise UsageError("a prediction file is scored here in a moment; leave out --queue and --detach")
        return _eraser(data, split, predictions, as_json)
    if predictions is not None:
        raise UsageError("--predictions goes with --format eraser; word scores of other tools come through `import`")
    one_way(queue=queue, detach=detach)
    from rationale_eval.verbs.job import EvaluateConfig

    config = EvaluateConfig(
        data=data,
        split=split,
        limit=limit,
        sample=sample,
        labels=pairs("--labels", labels),
        mapping=pairs("--map", columns),
        model=model,
        device=device,
        precision=_precision(precision),
        methods=names(methods),
        settings=pairs("--set", settings),
        controls=()
        if names(controls) == ("none",)
        else names(controls) or (("random", "gold") if texts else ("random",)),
        scores=names(scores),
        texts=names(texts),
        encoder=encoder,
        simulator=_options(pairs("--simulator", simulator)),
        simulator_split=simulator_split,
        simulator_limit=simulator_limit,
        simulator_texts=simulator_texts,
        helper=helper,
        shots=shots,
        shots_from=shots_from,
        target=target,
        metrics=names(metrics) or None,
        options=_options(pairs("--option", options)),
        remember=remember,
        seed=seed,
    )
    if queue or detach:
        placing = {"group": group, "priority": priority}
        return submit_job(config, workspace, detach=detach, placing=placing, as_json=as_json)
    from rationale_eval.verbs.evaluate_run import evaluate_run
    from rationale_eval.workspace.runs import Workspace as Place

    with stoppable():
        run, result = evaluate_run(config, workspace=Place(workspace), progress=progress, about={"group": group})
    records = result.records()
    show(
        table(records),
        as_json=as_json,
        value={"results": records, "provenance": {"run": run.id, **run.provenance, **result.provenance}},
        title=f"{data} ({result.provenance['data']['split']}), {result.provenance['data']['examples']} examples",
    )
    if not as_json:
        for line in gaps(records):
            say(line)
    if result.provenance.get("simulators") and not as_json:
        show(_simulators(result.provenance["simulators"]), title="the simulators, on held-out answers")
        say(taught(result.provenance["taught"]))
    asked = result.provenance.get("requests")
    if asked is not None and not as_json:
        say(
            f"{asked['requests']:,} requests, {asked['scored']:,} prompts with choices read, "
            f"{asked['written']:,} texts written, {asked['remembered']:,} remembered"
        )
    engine = result.provenance["engine"]
    if engine is not None:
        say(
            f"{engine['questions']:,} questions, {engine['passes']:,} forward passes, "
            f"{engine['remembered']:,} remembered; {result.provenance['truncated']} examples cut to fit the model"
        )
    say(f"kept in {run.folder}; as a LaTeX table: rationale-eval export {run.id} --out table.tex")
    return None


def _simulators(learned: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What came of each simulator's training; one that has learned nothing makes its metrics say nothing."""
    return [
        {
            "simulator": name,
            "examples": one["examples"],
            "guessed": one["accuracy"],
            "by always saying the same": one["majority"],
            "has learned": "yes" if one["learned"] else _not_learned(name.rpartition(" ")[2]),
        }
        for name, one in learned.items()
    ]


def taught(about: Mapping[str, Any]) -> str:
    """What simulators have learned from, in a sentence."""
    if about["answers"] == "gold":
        return (
            f"they learned {about['examples']} gold labels and gold rationales ({about['split']}); with "
            "--simulator-texts they learn what the system itself says"
        )
    return (
        f"they learned {about['examples']} answers and rationales of {about['system']} ({about['split']}); "
        f"{about['without_answer']} texts without a readable answer were left out"
    )


def _not_learned(seen: str) -> str:
    """What it means that the simulator of a view has learned nothing; of one that others are held against, little."""
    return "no, as a baseline may" if seen in ("neither", "base") else "no: what is built on it says nothing"


def table(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Summary records as lines for people: one interval column, an arrow for the direction, a note for gaps."""
    arrows = {"higher": "higher ↑", "lower": "lower ↓", "none": ""}
    lines = []
    for record in records:
        low, high = record["ci_low"], record["ci_high"]
        value = float("nan") if record["value"] is None else float(record["value"])
        lines.append(
            {
                "method": record.get("method", ""),
                "metric": record["metric"],
                "variant": record["variant"],
                "value": value,
                "95% interval": "" if low is None or high is None else f"{low:.3f} to {high:.3f}",
                "n": record["n"],
                "coverage": f"{record['coverage']:.0%}",
                "better": arrows[record["direction"]],
            }
        )
    return lines


def gaps(records: list[dict[str, Any]]) -> list[str]:
    """Why values are not defined, a sentence for each reason; reasons of single examples are in the records."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record["value"] is None or not math.isfinite(record["value"]):
            variant = f":{record['variant']}" if record["variant"] else ""
            found.setdefault(record["reasons"] or "", []).append(
                f"{record['metric']}{variant} of {record.get('method', 'the system')}"
            )
    return [f"not defined: {', '.join(names)}{': ' * bool(why)}{why}" for why, names in found.items()]


def _eraser(data: str, split: str | None, predictions: Path | None, as_json: bool) -> None:
    from rationale_eval.verbs.eraser import evaluate_eraser

    if predictions is None:
        raise UsageError("--format eraser needs --predictions FILE")
    records, provenance = evaluate_eraser(Path(data), split or "test", predictions)
    show(
        table(records),
        as_json=as_json,
        value={"results": records, "provenance": provenance},
        title=f"{predictions.name} against {data} ({split or 'test'})",
    )


def _precision(name: str) -> Any:
    if name not in ("fp32", "bf16", "fp16"):
        raise UsageError(f"there is no precision '{name}'; choose fp32, bf16 or fp16")
    return name


def _options(found: dict[str, str]) -> dict[str, Any]:
    """Option values as numbers, lists of numbers, booleans or text, whichever they spell."""
    return {
        name: [_number(part) for part in text.split(",")] if "," in text else _number(text)
        for name, text in found.items()
    }


def _number(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
