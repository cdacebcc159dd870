"""`rationale-eval compare`: paired tests between methods or between evaluations."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from rationale_eval.commands.options import AsJson, Metrics, Seed, Workspace
from rationale_eval.commands.output import say, show
from rationale_eval.commands.parsing import names, read_ids
from rationale_eval.errors import UsageError


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Ids of evaluations, parts of them, or latest. One compares its methods.", metavar="RUN..."
        ),
    ],
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", help="Compare with this one only, for example random.", show_default=False),
    ] = None,
    methods: Annotated[
        list[str] | None, typer.Option("--method", help="Only these methods.", metavar="NAME", show_default=False)
    ] = None,
    metrics: Metrics = None,
    gain: Annotated[
        bool, typer.Option("--nrg", help="Show the composite normalized relative gain instead of tests.")
    ] = False,
    ids: Annotated[
        Path | None,
        typer.Option("--ids", help="Only the examples whose ids this text file holds, one a line.", show_default=False),
    ] = None,
    level: Annotated[float, typer.Option("--level", help="Confidence level of intervals and tests.")] = 0.95,
    seed: Seed = 0,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Say which system is better on each metric, with an interval and a corrected p-value."""
    from rationale_eval.metrics.compare import Settings
    from rationale_eval.verbs.compare import compare as run_tests
    from rationale_eval.verbs.compare import composite
    from rationale_eval.verbs.result import Result
    from rationale_eval.workspace.runs import Workspace as Place

    if not 0 < level < 1:
        raise UsageError(f"--level lies between 0 and 1, not at {level}")
    place = Place(workspace)
    found = [place.find(run) for run in runs]
    if len({run.id for run in found}) < len(found):
        raise UsageError("one evaluation was named twice")
    results = {run.id: Result.load(run.folder) for run in found}
    if ids is not None:
        only = read_ids(ids)
        results = {name: result.narrowed(only) for name, result in results.items()}
    given = next(iter(results.values())) if len(results) == 1 else results
    wanted = names(methods) or None
    if gain:
        gains = composite(given, methods=wanted)
        rows = gains.table().to_dict("records")
        show(rows, as_json=as_json, value={"nrg": rows, "note": gains.note}, title="Normalized relative gain")
        if not as_json:
            say(gains.note)
        return
    table = run_tests(
        given,
        baseline=baseline,
        methods=wanted,
        metrics=names(metrics) or None,
        settings=Settings(level=level, seed=seed),
    )
    records: list[dict[str, Any]] = table.to_dict("records")
    show(
        [_line(record, level) for record in records],
        as_json=as_json,
        value={"comparisons": records, "runs": list(results)},
        title=f"Paired tests on {', '.join(results)}, Holm-corrected over {len(records)} tests",
    )


def _line(record: dict[str, Any], level: float) -> dict[str, Any]:
    low, high = record["ci_low"], record["ci_high"]
    return {
        "metric": record["metric"],
        "variant": record["variant"],
        "first": record["first"],
        "second": record["second"],
        "difference": record["difference"],
        f"{level:.0%} interval": "" if math.isnan(low) else f"{low:.3f} to {high:.3f}",
        "p": record["p"],
        "p (Holm)": record["p_holm"],
        "pairs": record["n_pairs"],
        "better": record["better"] or "not clear",
    }
