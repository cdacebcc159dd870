"""Names of metrics and their values as pages and reports say them."""

from __future__ import annotations

from typing import Final

from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.record import METRICS, Metric
from rationale_eval.verbs.html import visible
from rationale_eval.verbs.numbers import ARROWS, interval, number

BETTER: Final = {"higher": "higher is better", "lower": "lower is better", "none": "no direction"}


def facts(metric: str) -> Metric | None:
    """The record of a metric; None for one that is not ours."""
    load_all()
    return METRICS[metric] if metric in METRICS else None  # noqa: SIM401 (its lookup raises a sentence)


def metric_name(key: str) -> str:
    """A metric and, where it has several, its variant: "Comprehensiveness (AOPC), eraser ↑"."""
    metric, _, variant = key.partition(":")
    found = facts(metric)
    if found is None:
        return visible(key, 60)[0]
    name = found.title if len(found.variants) == 1 else f"{found.title}, {visible(variant, 30)[0]}"
    return f"{name} {ARROWS[found.direction]}".strip()


def metric_symbol(key: str) -> str:
    """A metric for the head of a column: "comp (eraser) ↑"."""
    metric, _, variant = key.partition(":")
    found = facts(metric)
    if found is None:
        return visible(key, 60)[0]
    name = found.symbol if len(found.variants) == 1 else f"{found.symbol} ({visible(variant, 30)[0]})"
    return f"{name} {ARROWS[found.direction]}".strip()


def direction(key: str) -> str:
    """Where the better values of a metric lie: "higher", "lower" or "none"."""
    found = facts(key.partition(":")[0])
    return "none" if found is None else found.direction


def family(key: str) -> str:
    """The family of a metric, see `metrics.record.Metric`; empty for one that is not ours."""
    found = facts(key.partition(":")[0])
    return "" if found is None else found.family


def cell(value: float, low: float, high: float, undefined: int) -> str:
    """A value with its interval; what is not defined is counted."""
    if value != value:
        return f"not defined ({undefined:,})"
    return f"{number(value)} {interval(low, high)}".strip()
