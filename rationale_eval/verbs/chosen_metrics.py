"""Which metrics an evaluation computes: looked up by name and variant, given their parameters, held to what is at
hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.engine.case import REMOVALS
from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.record import METRICS, Metric
from rationale_eval.metrics.usual import DEFAULT_METRICS, TEXT_METRICS


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric under one variant."""

    metric: Metric
    variant: str
    options: Mapping[str, Any]


def choose_metrics(names: Sequence[str] | None, options: Mapping[str, Any] | None = None) -> list[Wanted]:
    """Looks metrics up: "auprc" is the default variant, "token_f1:micro" a named one, "token_f1:*" all of them.

    Args:
        names: Metric names; None takes the usual ones.
        options: Parameters to set on every metric that knows them, such as `removal` or `bins`.

    Raises:
        UsageError: If a name is unknown (the sentence lists the closest ones), no metric asked for has such a
            parameter, or its value cannot be used.
    """
    load_all()
    options = checked_options(options or {})
    wanted: list[Wanted] = []
    taken: set[str] = set()
    for name in names or DEFAULT_METRICS:
        name, _, variant = name.partition(":")
        found = METRICS[name]
        known = {each.name for each in signature(found.ask).parameters.values() if each.kind is each.KEYWORD_ONLY}
        extra = {key: value for key, value in options.items() if key in known}
        taken |= set(extra)
        if variant and variant != "*" and variant not in found.variants:
            raise UsageError(f"{name} has no variant '{variant}'; choose one of {', '.join(found.variants)}")
        chosen = list(found.variants) if variant == "*" else [variant or next(iter(found.variants))]
        wanted.extend(Wanted(found, each, {**found.variants[each], **extra}) for each in chosen)
    if set(options) - taken:
        raise UsageError(f"no metric asked for has a parameter '{sorted(set(options) - taken)[0]}'")
    return wanted


def choose_text_metrics(names: Sequence[str] | None, options: Mapping[str, Any] | None = None) -> list[Wanted]:
    """Metrics of free text; see `choose_metrics`.

    Raises:
        UsageError: Also for a metric that does not read free text.
    """
    wanted = choose_metrics(names or TEXT_METRICS, options)
    other = [each.metric.name for each in wanted if "text" not in each.metric.needs]
    if other:
        texts = ", ".join(name for name, each in METRICS.items() if "text" in each.needs)
        raise UsageError(f"{other[0]} is no metric of free text; with --texts choose among {texts}")
    return wanted


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of metrics, with those that have a fixed range of values held to it.

    Raises:
        UsageError: If `removal` is no removal operator or `bins` are not percentages.
    """
    checked = dict(options)
    if "removal" in checked and checked["removal"] not in REMOVALS:
        raise UsageError(f"there is no removal operator '{checked['removal']}'; choose one of {', '.join(REMOVALS)}")
    if "bins" in checked:
        bins = checked["bins"] if isinstance(checked["bins"], Sequence) else [checked["bins"]]
        if not all(isinstance(each, int | float) and 0 < each <= 100 for each in bins) or not bins:
            raise UsageError(f"bins are percentages above 0 and at most 100, such as 1,5,10,20,50; not {bins}")
        checked["bins"] = tuple(float(each) for each in bins)
    return checked


def possible(
    wanted: list[Wanted],
    asked: bool,
    data: RationaleDataset,
    *,
    model: bool,
    rationales: bool,
) -> list[Wanted]:
    """Metrics whose needs are met; one asked for by name whose needs are not met is an error.

    Args:
        wanted: What would be computed.
        asked: Whether the metrics were named.
        data: The data set.
        model: Whether there is a model.
        rationales: Whether there are rationales.

    Raises:
        UsageError: If a metric that was named, or every one, lacks something.
    """
    kept = []
    for each in wanted:
        lacks = None
        if "model" in each.metric.needs and not model:
            lacks = "a model (--model)"
        elif "scores" in each.metric.needs and not rationales:
            lacks = "rationales (--methods, or scores from a file)"
        elif "text" in each.metric.needs:
            lacks = "free text (--texts)"
        elif "classes" in each.metric.needs and data.task.kind == "multiple_choice":
            lacks = "the same choices for every example, which a multiple-choice task does not have"
        if lacks is None:
            kept.append(each)
        elif asked:
            raise UsageError(f"{each.metric.name} needs {lacks}")
    if not kept:
        raise UsageError("nothing can be scored: give rationales, a model, or both")
    return kept
