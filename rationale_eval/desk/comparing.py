"""Evaluations side by side: which may be compared, the numbers of a selection, the tests between its systems."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rationale_eval.desk.desk import Desk
from rationale_eval.metrics.all import load_all
from rationale_eval.verbs.export import CONTROLS
from rationale_eval.verbs.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from rationale_eval.workspace.rows import RunRow

FEW: Final = 6
"""Metrics that are shown before anybody picks."""

FIRST: Final = ("comprehensiveness_aopc", "sufficiency_aopc", "auprc", "token_f1", "accuracy")
"""Metrics that are shown before others, where they are there."""

FAMILIES: Final = ("faithfulness", "plausibility", "simulation", "chain_of_thought", "similarity", "task")
"""In the order in which pages show them."""

HIDDEN: Final = frozenset({"inverse_gold", "empty"})
"""Controls that say something only to those who ask for them."""

_COUNTED: Final = re.compile(r": (\d+)(?:; |$)")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A finished evaluation.

    Args:
        id: Of its run.
        title: Of its run.
        data: What was evaluated on.
        split: Its split, where one was named.
        fingerprint: Of the examples; only evaluations with the same one can be compared.
        model: Which model was asked, where one was.
        results: Corpus values as the run kept them.
    """

    id: str
    title: str
    data: str
    split: str
    fingerprint: str
    model: str
    results: tuple[Mapping[str, Any], ...]

    @property
    def methods(self) -> list[str]:
        """Its methods and controls, in the order of the scores, controls last."""
        found = dict.fromkeys(str(each["method"]) for each in self.results)
        return sorted(found, key=lambda name: name in CONTROLS)

    @property
    def examples(self) -> int:
        """How many examples were scored."""
        return max((total(each) for each in self.results), default=0)


@dataclass(frozen=True, slots=True)
class System:
    """One method of one evaluation.

    Args:
        key: What `verbs.compare` calls it: its method, before which the run stands where there are several runs.
        run: The run.
        method: The method.
        label: What people call it.
    """

    key: str
    run: str
    method: str
    label: str

    @property
    def control(self) -> bool:
        """Whether it stands beside the others and never wins."""
        return self.method in CONTROLS


def evaluations(desk: Desk) -> list[Evaluation]:
    """Finished evaluations that kept their results, newest first."""
    rows = [each.row for each in desk.runs(kind="evaluate", states=("finished",))]
    return [_evaluation(row) for row in rows if row.summary and row.summary.get("results")]


def _evaluation(row: RunRow) -> Evaluation:
    split = row.config.get("split")
    return Evaluation(
        id=row.id,
        title=row.title or row.id,
        data=row.data or "unknown data",
        split=str(split) if split else "",
        fingerprint=row.fingerprint or row.id,
        model=row.model or "",
        results=tuple((row.summary or {})["results"]),
    )


def systems_of(chosen: Sequence[Evaluation]) -> list[System]:
    """All systems of some evaluations, in the order that every picture keeps: methods, then controls."""
    several = len(chosen) > 1
    labels = _labels(chosen)
    found = [
        System(
            key=f"{each.id}/{method}" if several else method,
            run=each.id,
            method=method,
            label=f"{method} · {labels[each.id]}" if several else method,
        )
        for each in chosen
        for method in each.methods
    ]
    return sorted(found, key=lambda system: system.control)


def _labels(chosen: Sequence[Evaluation]) -> dict[str, str]:
    """What tells the evaluations apart, in short: the model, the title, or the end of the id."""
    for names in ([each.model.rpartition("/")[2] for each in chosen], [each.title for each in chosen]):
        if all(names) and len(set(names)) == len(names) and all(len(name) <= 24 for name in names):
            return {each.id: name for each, name in zip(chosen, names, strict=True)}
    return {each.id: each.id[-4:] for each in chosen}


def metrics_of(chosen: Sequence[Evaluation]) -> list[str]:
    """Metrics as "name:variant", family by family, the usual ones first."""
    load_all()
    found = dict.fromkeys((str(row["metric"]), str(row["variant"])) for each in chosen for row in each.results)
    return [f"{metric}:{variant}" for metric, variant in sorted(found, key=lambda key: _place(key[0]))]


def _place(metric: str) -> tuple[int, int]:
    from rationale_eval.metrics.record import METRICS

    family = METRICS[metric].family if metric in METRICS else ""
    usual = FIRST.index(metric) if metric in FIRST else len(FIRST)
    return FAMILIES.index(family) if family in FAMILIES else len(FAMILIES), usual


def first_metrics(keys: Sequence[str]) -> list[str]:
    """The few metrics to begin with: the usual ones, then the first of each family."""
    usual = [key for key in keys if key.partition(":")[0] in FIRST]
    seen = {key.partition(":")[0] for key in usual}
    rest = [key for key in keys if key.partition(":")[0] not in seen]
    chosen = set((usual + rest)[:FEW])
    return [key for key in keys if key in chosen]


def stored(chosen: Sequence[Evaluation], systems: Sequence[System], keys: Collection[str]) -> pd.DataFrame:
    """The corpus values that the runs kept, one row for each system and metric.

    Returns:
        Columns system, label, run, method, metric, variant, key, value, ci_low, ci_high, n, undefined, coverage,
        direction, reasons; in the order of the systems, then of the metrics.
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
    from rationale_eval.metrics.summary import summarize

    load_all()
    records: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for run, result in results.items():
        wanted = {system.method for system in systems if system.run == run}
        narrowed = result.narrowed(ids)
        for metric in dict.fromkeys(key.partition(":")[0] for key in keys):
            rows = narrowed.examples(metric=metric)
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


def gains(results: Mapping[str, Result], methods: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Normalized relative gain of methods; controls are none.

    Args:
        results: Results by run.
        methods: Methods.

    Returns:
        System, gain in each desideratum, composite, best first; and a note which says what was left out because no
        system has it or all are equal in it (as methods of one model are in its accuracy).

    Raises:
        UsageError: If fewer than two systems are left, or no metric.
    """
    from rationale_eval.metrics.nrg import DESIDERATA
    from rationale_eval.verbs.compare import composite

    given = next(iter(results.values())) if len(results) == 1 else results
    wanted = [name for name in methods if name not in CONTROLS]
    present = {name for result in results.values() for name in result.metrics}
    desiderata = {name: [each for each in names if each in present] for name, names in DESIDERATA.items()}
    desiderata = {name: names for name, names in desiderata.items() if names}
    found = composite(given, desiderata, methods=wanted)
    equal = {name for name in found.metrics if found.metrics[name].isna().all()}
    if equal:
        desiderata = {name: [each for each in names if each not in equal] for name, names in desiderata.items()}
        desiderata = {name: names for name, names in desiderata.items() if names}
        if desiderata:
            found = composite(given, desiderata, methods=wanted)
    kept = {each for names in desiderata.values() for each in names}
    missing = [each for names in DESIDERATA.values() for each in names if each not in kept]
    note = f"Relative to these {len(found.composite)} systems; another roster gives other numbers."
    return found.table(), note + (f" Left out, missing or equal for all: {', '.join(missing)}." if missing else "")


def total(record: Mapping[str, Any]) -> int:
    """Examples of a corpus value, those where it is not defined included."""
    if record["coverage"]:
        return round(record["n"] / record["coverage"])
    return sum(map(int, _COUNTED.findall(record["reasons"] or "")))


def _table(found: Sequence[tuple[System, str, Mapping[str, Any] | None]]) -> pd.DataFrame:
    import pandas as pd

    numbers = ("value", "ci_low", "ci_high", "n", "coverage", "direction", "reasons")
    lines = []
    for system, key, record in found:
        if record is not None:
            metric, _, variant = key.partition(":")
            names = {"system": system.key, "label": system.label, "run": system.run, "method": system.method}
            line = {
                **names,
                "metric": metric,
                "variant": variant,
                "key": key,
                **{name: record[name] for name in numbers},
            }
            lines.append({**line, "undefined": total(record) - record["n"]})
    columns = ["system", "label", "run", "method", "metric", "variant", "key", *numbers, "undefined"]
    table = pd.DataFrame(lines, columns=columns)
    floats = ["value", "ci_low", "ci_high", "coverage"]
    return table.astype(dict.fromkeys(floats, "float64"))
