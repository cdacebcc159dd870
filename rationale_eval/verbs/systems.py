"""What is compared: evaluations on one data set, their systems, and the metrics they share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rationale_eval.metrics.all import load_all
from rationale_eval.verbs.export import CONTROLS
from rationale_eval.workspace.run import Run

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


def evaluation_of(run: Run) -> Evaluation | None:
    """A finished evaluation, or None where the run kept no results."""
    summary, origin, config = run.summary or {}, run.provenance, run.config
    if not summary.get("results"):
        return None
    return Evaluation(
        id=run.id,
        title=run.asked.get("title") or run.id,
        data=origin.get("data") or "unknown data",
        split=config.get("split") or "",
        fingerprint=origin.get("data_fingerprint") or run.id,
        model=config.get("model") or "",
        results=tuple(summary["results"]),
    )


def opening(there: Sequence[Sequence[Mapping[str, Any]]]) -> int:
    """Which evaluation to open with: the newest that has several systems beside its controls, else the newest.

    Args:
        there: The results of each, newest first; at least one.

    Returns:
        Its place.
    """
    told = [{str(row["method"]) for row in results} - set(CONTROLS) for results in there]
    return next((place for place, systems in enumerate(told) if len(systems) > 1), 0)


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


def with_models(systems: Sequence[System], chosen: Sequence[Evaluation]) -> list[System]:
    """Some systems, and the models of their evaluations, whose metrics count for every method."""
    models = [each for each in systems_of(chosen) if each.method == "model" and each not in systems]
    return [*systems, *models]


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


def command_words(
    verb: str,
    runs: Sequence[str],
    *,
    methods: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    baseline: str | None = None,
    narrowed: bool = False,
) -> list[str]:
    """The command line that makes a comparison: `compare`, or `export` as far as it is the same.

    Args:
        verb: "compare" or "export".
        runs: The evaluations.
        methods: Methods, where not all take part.
        metrics: Metrics, where not all are shown.
        baseline: The system that all are tested against.
        narrowed: Only some examples count; their ids stand in the file `slice.txt`.
    """
    words = ["rationale-eval", verb, *runs]
    for option, given in (("--method", methods), ("--metric", metrics)):
        words += [option, ",".join(given)] if given else []
    words += ["--baseline", baseline] if baseline else []
    return [*words, "--ids", SLICE_FILE] if narrowed else words


SLICE_FILE: Final = "slice.txt"


def total(record: Mapping[str, Any]) -> int:
    """Examples of a corpus value, those where it is not defined included."""
    if record["coverage"]:
        return round(record["n"] / record["coverage"])
    return sum(map(int, _COUNTED.findall(record["reasons"] or "")))
