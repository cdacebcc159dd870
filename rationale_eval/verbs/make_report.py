"""`export RUN --out report.html`: a comparison of finished evaluations as one HTML file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rationale_eval import durable
from rationale_eval.errors import UsageError
from rationale_eval.verbs.compare import same_data
from rationale_eval.verbs.report import About, report
from rationale_eval.verbs.result import Result
from rationale_eval.verbs.side_by_side import computed, gain_metrics, gains, stored, tested, together
from rationale_eval.verbs.systems import evaluation_of, metrics_of, systems_of, with_models
from rationale_eval.workspace.run import Run


def about_of(runs: Sequence[Run], command: str, part: str | None = None) -> About:
    """Where the numbers of some evaluations come from.

    Args:
        runs: The evaluations.
        command: The command that prints their tests.
        part: Name of the part of the data that counts.
    """
    titles = [str(run.asked.get("title") or run.id) for run in runs]
    return About(
        title=titles[0] if len(titles) == 1 else f"{len(titles)} evaluations",
        runs={run.id: Result.load(run.folder).provenance for run in runs},
        commands=[str(run.provenance.get("command") or "") for run in runs],
        command=command,
        part=part,
        made=f"made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def report_of(
    runs: Sequence[Run],
    command: str,
    *,
    methods: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    baseline: str | None = None,
    ids: Collection[str] | None = None,
) -> str:
    """The report of finished evaluations on the same data; selections as for `verbs.compare.compare`.

    Args:
        runs: The evaluations.
        command: The command that prints the tests.
        methods: Only these methods; all when None.
        metrics: Only these, "name" or "name:variant"; all when None.
        baseline: Test against this system alone.
        ids: Only these examples.

    Raises:
        UsageError: If a run kept no results, the data differ, or nothing is left of the selection.
    """
    found = [evaluation_of(run) for run in runs]
    for run, each in zip(runs, found, strict=True):
        if each is None:
            raise UsageError(f"run {run.id} has no corpus values; only a finished evaluation becomes a report")
    chosen = [each for each in found if each is not None]
    results = {run.id: Result.load(run.folder) for run in runs}
    same_data(results)
    wanted = None if metrics is None else set(metrics)
    keys = [key for key in metrics_of(chosen) if wanted is None or wanted & {key, key.partition(":")[0]}]
    systems = [each for each in systems_of(chosen) if methods is None or each.method in methods]
    if not keys or not systems:
        raise UsageError("these evaluations hold no such methods or metrics")
    values = stored(chosen, systems, keys) if ids is None else computed(results, systems, keys, ids)
    names = list(dict.fromkeys(each.method for each in systems))
    tests = together([tested(results, names, key, baseline, ids) for key in keys])
    joined = gain_metrics(metrics_of(chosen))
    around = with_models(systems, chosen)
    try:
        gain = gains(stored(chosen, around, joined) if ids is None else computed(results, around, joined, ids))
    except UsageError:
        gain = None  # fewer than two methods, or none of the metrics it joins
    part = None if ids is None else f"{len(set(ids)):,} chosen examples"
    return report(values, tests, about_of(runs, command, part), gain)


def write_report(text: str, path: Path) -> None:
    """Writes a report, whole or not at all."""
    with durable.whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
