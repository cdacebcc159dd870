"""Systems side by side: their corpus values, the tests between them, relative gains."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.verbs.numbers import number
from rationale_eval.verbs.result import Result
from rationale_eval.verbs.systems import Evaluation, System, total

if TYPE_CHECKING:
    import pandas as pd


def stored(chosen: Sequence[Evaluation], systems: Sequence[System], keys: Collection[str]) -> pd.DataFrame:
    """The corpus values that the runs kept, one row for each system and metric.

    Returns:
        Columns system, label, run, method, metric, variant, key, value, ci_low, ci_high, n, coverage, direction,
        reasons, undefined, control, best; in the order of the systems, then of the metrics.
    """
    records = {
        (each.id, row["method"], f"{row['metric']}:{row['variant']}"): row for each in chosen for row in each.results
    }
    return _table([(system, key, records.get((system.run, system.method, key))) for system in systems for key in keys])


def computed(
    results: Mapping[str, Result], systems: Sequence[System], keys: Collection[str], ids: Collection[str]
) -> pd.DataFrame:
    """Corpus values on some of the examples; columns as `stored`.

    Args:
        results: Results by run.
        systems: Systems.
        keys: Metrics.
        ids: Examples that count.
    """
    from rationale_eval.metrics.frames import COLUMNS
    from rationale_eval.metrics.summary import summarize

    load_all()
    records: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for run, result in results.items():
        wanted = {system.method for system in systems if system.run == run}
        narrowed = result.narrowed(ids)
        for metric in dict.fromkeys(key.partition(":")[0] for key in keys):
            rows = narrowed.examples(metric=metric, columns=COLUMNS)
            rows = rows[rows["method"].isin(wanted) & (metric + ":" + rows["variant"]).isin(list(keys))]
            if len(rows):
                for row in summarize(rows).to_dict("records"):
                    records[run, row["method"], f"{metric}:{row['variant']}"] = row
    return _table([(system, key, records.get((system.run, system.method, key))) for system in systems for key in keys])


def tested(
    results: Mapping[str, Result], methods: Sequence[str], key: str, baseline: str | None, ids: Collection[str] | None
) -> pd.DataFrame:
    """The paired tests of one metric, uncorrected; `together` corrects those of all metrics that are shown.

    Args:
        results: Results by run.
        methods: Methods.
        key: The metric.
        baseline: The system that all are compared with; all pairs when None.
        ids: Examples that count; all when None.

    Returns:
        As `verbs.compare.compare`; empty where fewer than two systems have this metric.
    """
    import pandas as pd

    from rationale_eval.metrics.compare import COMPARE_COLUMNS, NothingShared, compare_frames
    from rationale_eval.verbs.compare import read_systems

    narrowed = {run: result if ids is None else result.narrowed(ids) for run, result in results.items()}
    given = next(iter(narrowed.values())) if len(narrowed) == 1 else narrowed
    none = pd.DataFrame(columns=list(COMPARE_COLUMNS))
    try:
        frames = read_systems(given, methods=methods, metrics=[key])
        if baseline is not None and baseline not in frames:
            return none
        return compare_frames(frames, baseline=baseline)
    except NothingShared:
        return none


def together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tests of several metrics as one table, corrected over all of them; pairs first, as `verbs.compare.compare`."""
    import pandas as pd

    from rationale_eval.metrics.compare import corrected

    filled = [table for table in tables if len(table)]
    if not filled:
        return tables[0] if tables else pd.DataFrame()
    return corrected(pd.concat(filled, ignore_index=True))


def gains(values: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Normalized relative gain of methods, from their corpus values; controls are none.

    Args:
        values: Corpus values of the metrics that `gain_metrics` names, see `stored`; the model's own count for every
            method of its run.

    Returns:
        System, gain in each desideratum, composite, best first; and a note which says what was left out because no
        system has it or all are equal in it (as methods of one model are in its accuracy).

    Raises:
        UsageError: If fewer than two systems are left, or no metric.
    """
    import pandas as pd

    from rationale_eval.metrics.nrg import DESIDERATA, nrg

    load_all()
    methods = values[~values["control"].astype(bool)]
    table = methods.drop_duplicates(["system", "metric"]).pivot(index="system", columns="metric", values="value")
    table = table.reindex(list(dict.fromkeys(methods["system"])))
    runs = dict(zip(methods["system"], methods["run"], strict=True))
    for row in values[values["method"] == MODEL].drop_duplicates(["run", "metric"]).itertuples():
        own = [system for system in table.index if runs[system] == row.run]
        table.loc[own, row.metric] = row.value
    wanted = {
        name: [each for each in names if each in table and table[each].nunique() > 1]
        for name, names in DESIDERATA.items()
    }
    wanted = {name: names for name, names in wanted.items() if names}
    if not wanted or len(table) < 2:
        raise UsageError("a relative gain needs two methods and a metric of faithfulness, plausibility or task")
    found = nrg(pd.DataFrame(table), wanted)
    kept = {each for names in wanted.values() for each in names}
    missing = [each for names in DESIDERATA.values() for each in names if each not in kept]
    note = f"Relative to these {len(table)} systems; another roster gives other numbers."
    return found.table(), note + (f" Left out, missing or equal for all: {', '.join(missing)}." if missing else "")


MODEL: Final = "model"


def gain_metrics(keys: Sequence[str]) -> list[str]:
    """The metrics of relative gain among those that there are, each under its first variant."""
    from rationale_eval.metrics.nrg import DESIDERATA

    names = [each for names in DESIDERATA.values() for each in names]
    firsts = {name: next((key for key in keys if key.partition(":")[0] == name), None) for name in names}
    return [key for key in firsts.values() if key is not None]


def _table(found: Sequence[tuple[System, str, Mapping[str, Any] | None]]) -> pd.DataFrame:
    import pandas as pd

    numbers = ("value", "ci_low", "ci_high", "n", "coverage", "direction", "reasons")
    lines = []
    for system, key, record in found:
        if record is not None:
            metric, _, variant = key.partition(":")
            names = {"system": system.key, "label": system.label, "run": system.run, "method": system.method}
            names |= {"metric": metric, "variant": variant, "key": key}
            counts = {"undefined": total(record) - record["n"], "control": system.control}
            lines.append({**names, **{name: record[name] for name in numbers}, **counts})
    table = pd.DataFrame(lines, columns=[*_NAMES, *numbers, "undefined", "control"])
    table = table.astype(dict.fromkeys(("value", "ci_low", "ci_high", "coverage"), "float64"))
    return table.assign(best=_best(table))


_NAMES: Final = ("system", "label", "run", "method", "metric", "variant", "key")


def _best(table: pd.DataFrame) -> list[bool]:
    """Whether no method is better in the metric; those that look equal are best together, controls never."""
    best: dict[str, str] = {}
    for key, rows in table[~table["control"].astype(bool)].dropna(subset="value").groupby("key"):
        towards = rows["direction"].iloc[0]
        if towards != "none" and len(rows) > 1:
            best[key] = number(rows["value"].min() if towards == "lower" else rows["value"].max())
    return [not row.control and best.get(row.key) == number(row.value) for row in table.itertuples()]
