"""Runs side by side: what they were asked differently, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rationale_eval.workspace.run import Run

ABSENT: Final = "-"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs, compared.

    Args:
        runs: Their ids.
        settings: One value a run for each key that is not the same in all.
        metrics: One number a run for each metric that some run has; None where it has none or it is not defined.
        equal: How many keys are the same in all.
    """

    runs: list[str]
    settings: dict[str, list[Any]]
    metrics: dict[str, list[float | None]]
    equal: int


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """Compares runs by the keys of their records that differ, and by their metrics."""
    flat = [{"kind": run.kind, **dict(flattened(run.config))} for run in runs]
    keys = list(dict.fromkeys(key for one in flat for key in one))
    found = {key: [one.get(key, ABSENT) for one in flat] for key in keys}
    differing = {key: values for key, values in found.items() if any(value != values[0] for value in values[1:])}
    numbers = [metrics_of(run) for run in runs]
    names = list(dict.fromkeys(name for one in numbers for name in one))
    metrics = {name: [one.get(name) for one in numbers] for name in names}
    return Comparison([run.id for run in runs], differing, metrics, len(found) - len(differing))


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings under dotted names."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def metrics_of(run: Run) -> dict[str, float | None]:
    """The numbers a run ended with: dev metrics of a training, corpus values of an evaluation."""
    summary = run.summary or {}
    found: dict[str, float | None] = {}
    if isinstance(summary.get("metrics"), Mapping):
        found |= {f"dev {name}": _finite(value) for name, value in summary["metrics"].items()}
    results = summary.get("results")
    for one in results if isinstance(results, list) else ():
        found[f"{one['method']} {one['metric']} ({one['variant']})"] = _finite(one["value"])
    return found


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
