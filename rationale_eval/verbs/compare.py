"""`compare`: which of these systems is better, and could the difference be chance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.verbs.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from rationale_eval.metrics.compare import Settings
    from rationale_eval.metrics.nrg import Gains


def compare(
    results: Result | Sequence[Result] | Mapping[str, Result],
    *,
    baseline: str | None = None,
    methods: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Paired tests between systems, Holm-corrected over the whole table.

    A system is one method of one result: named after its method if a single result is given, else "result/method".

    Args:
        results: One result with several methods, or several on the same data; as a mapping they bring their names,
            otherwise the names of their folders are used.
        baseline: Compare every other system with this one; None compares all pairs.
        methods: Only these methods.
        metrics: Only these, as "name" (every variant that is there) or "name:variant".
        settings: Level, resamples, draws and seed.

    Returns:
        One row for each metric, variant and pair of systems; columns as `metrics.compare.compare_frames`.

    Raises:
        UsageError: If the results come from different data, share nothing, or fewer than two systems are left.
    """
    from rationale_eval.metrics.compare import compare_frames

    systems = read_systems(results, methods=methods, metrics=metrics)
    return compare_frames(systems, baseline=baseline, metrics=metrics, settings=settings)


def composite(
    results: Result | Sequence[Result] | Mapping[str, Result],
    desiderata: Mapping[str, Sequence[str]] | None = None,
    *,
    methods: Sequence[str] | None = None,
) -> Gains:
    """Normalized relative gain of the systems: one number for faithfulness, plausibility and task, relative to them.

    Metrics of the model itself count for every method of its result. Arguments as `compare`; `desiderata` as
    `metrics.nrg.nrg`, each metric under its first variant unless "name:variant" is given.

    Raises:
        UsageError: If a metric is missing, or fewer than two systems are left.
    """
    import pandas as pd

    from rationale_eval.metrics.nrg import DESIDERATA, nrg

    load_all()
    wanted = desiderata or DESIDERATA
    named = _named(results)
    same_data(named)
    rows: dict[str, dict[str, float]] = {}
    for name, result in named.items():
        table = result.summary(resamples=1)
        table["key"] = table["metric"] + ":" + table["variant"]
        firsts = table.drop_duplicates(["method", "metric"])
        values = {
            method: dict(zip(each["key"], each["value"], strict=True)) for method, each in table.groupby("method")
        }
        for method, each in firsts.groupby("method"):
            values[method] |= dict(zip(each["metric"], each["value"], strict=True))
        shared = values.pop("model", {})
        for method, found in values.items():
            if method != "human" and (methods is None or method in methods):
                rows[_system(name, str(method), alone=len(named) == 1)] = {**shared, **found}
    return nrg(pd.DataFrame.from_dict(rows, orient="index"), wanted)


def read_systems(
    results: Result | Sequence[Result] | Mapping[str, Result],
    *,
    methods: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
) -> dict[str, pd.DataFrame]:
    """Example scores of every method of every result, by system name. Arguments as `compare`.

    Raises:
        UsageError: If the results come from different data, or a wanted method is in none.
    """
    import pandas as pd

    from rationale_eval.metrics.compare import NothingShared, by_method, wanted_rows
    from rationale_eval.metrics.frames import COLUMNS

    load_all()
    named = _named(results)
    same_data(named)
    systems: dict[str, pd.DataFrame] = {}
    for name, result in named.items():
        names = [None] if metrics is None else list(dict.fromkeys(each.partition(":")[0] for each in metrics))
        table = pd.concat([result.examples(metric=each, columns=COLUMNS) for each in names], ignore_index=True)
        if metrics is not None:
            table = table[wanted_rows(table, metrics)]
        for method, frame in by_method(table).items():
            if methods is None or method in methods:
                systems[_system(name, method, alone=len(named) == 1)] = frame
    if not systems:
        raise NothingShared("these results hold no such methods or metrics")
    return systems


def _system(result: str, method: str, *, alone: bool) -> str:
    return method if alone else f"{result}/{method}"


def _named(results: Result | Sequence[Result] | Mapping[str, Result]) -> dict[str, Result]:
    if isinstance(results, Result):
        return {"result": results}
    if isinstance(results, Mapping):
        return dict(results)
    folders = [result.path.parent.name for result in results]
    if len(set(folders)) == len(folders):
        return dict(zip(folders, results, strict=True))
    return {f"{i}": result for i, result in enumerate(results, start=1)}


def same_data(named: Mapping[str, Result]) -> None:
    """Ids of different data sets may coincide (row numbers often do), so pairing by id needs the same data."""
    prints = {name: (result.provenance.get("data") or {}).get("fingerprint") for name, result in named.items()}
    known = {name: found for name, found in prints.items() if found is not None}
    if len(set(map(str, known.values()))) > 1:
        first, *others = known
        other = next(name for name in others if known[name] != known[first])
        raise UsageError(f"'{first}' and '{other}' were evaluated on different data; compare results on the same data")
