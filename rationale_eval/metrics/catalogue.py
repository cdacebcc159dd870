"""The page of metric definitions, written from the records: `python -m rationale_eval.metrics.catalogue`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.nrg import DESIDERATA, FACTS
from rationale_eval.metrics.record import Metric

FAMILIES: Final[Mapping[str, str]] = {
    "faithfulness": "Faithfulness: is this why the model decided so?",
    "plausibility": "Plausibility: would a person accept it?",
    "simulation": "Simulation: does the text let another model guess the answer?",
    "chain_of_thought": "Chain of thought: does the model's answer hang on the text?",
    "similarity": "Similarity: is the text like one that a person wrote?",
    "task": "Task: is the model right, and does it know?",
}

ARROWS: Final[Mapping[str, str]] = {"higher": "higher is better", "lower": "lower is better", "none": "no direction"}

NEEDS: Final[Mapping[str, str]] = {
    "model": "a model",
    "scores": "word scores",
    "gold": "gold highlights",
    "label": "gold labels",
    "annotators": "several annotators",
    "explainer": "the attribution method itself",
    "classes": "the same choices for every example",
    "text": "free text",
    "references": "gold rationales",
    "encoder": "an encoder of texts",
    "simulator": "simulators",
    "lm": "the language model",
}

HEAD: Final = """# Metric definitions

This page is written from the metrics' own records by `python -m rationale_eval.metrics.catalogue > docs/metrics.md`.

Notation: p is the model's probability, x the whole input, y the explained choice, r the rationale's words, r_k its
best k %, g the gold words, P precision, R recall, TP_c, FP_c and FN_c the counts of class c. A value that is not
defined is not a number with a reason; it is left out and the coverage says how often. The first variant is the default.
Variants are parameters of the same function; other parameters keep their defaults.

Corpus values are means over examples, or, where the definition pools counts, a function of sums over examples.
Intervals are 95 % BCa bootstrap intervals over examples, or over clusters of examples that share a text. Differences
between systems are tested on the examples that both define: McNemar's exact test where outcomes are right or wrong, a
paired permutation test otherwise, with Holm's correction over the table.
"""


def markdown(metrics: Iterable[Metric]) -> str:
    """The definitions of `metrics` and of the composite as one Markdown page."""
    by_family: dict[str, list[Metric]] = {family: [] for family in FAMILIES}
    for each in sorted(metrics, key=lambda metric: metric.name):
        by_family[each.family].append(each)
    blocks = [HEAD, _overview(by_family)]
    for family, title in FAMILIES.items():
        blocks.append(f"## {title}\n")
        blocks.extend(_section(each) for each in by_family[family])
    blocks.append(_composite())
    return "\n".join(blocks)


def _overview(by_family: Mapping[str, list[Metric]]) -> str:
    lines = ["| metric | family | better | needs | variants |", "|---|---|---|---|---|"]
    for family, metrics in by_family.items():
        for each in metrics:
            needs = ", ".join(NEEDS[need] for need in each.needs)
            names = ", ".join(f"`{name}`" for name in each.variants)
            lines.append(f"| [`{each.name}`](#{each.name}) | {family} | {each.direction} | {needs} | {names} |")
    return "\n".join(lines) + "\n"


def _section(facts: Metric) -> str:
    low, high = (_number(end) for end in facts.range)
    best = "" if facts.best is None else f", best {_number(facts.best)}"
    lines = [
        f"### {facts.name}",
        "",
        f"**{facts.title}** ({facts.symbol}); {ARROWS[facts.direction]}; {low} to {high}{best}; needs "
        f"{', '.join(NEEDS[need] for need in facts.needs)}; version {facts.version}.",
        "",
        f"    {facts.formula}",
        "",
        facts.describe,
        "",
        facts.avoid,
        "",
        *(f"- `{name}`{_options(options)}" for name, options in facts.variants.items()),
        "",
        f"Source: {facts.cite}.",
        "",
    ]
    return "\n".join(lines)


def _composite() -> str:
    groups = "; ".join(f"{name}: {', '.join(f'`{each}`' for each in names)}" for name, names in DESIDERATA.items())
    return (
        f"## Composite\n\n### nrg\n\n**{FACTS['title']}** (NRG); higher is better; 0 to 1; needs two systems or more."
        "\n\n"
        f"    {FACTS['formula']}\n\n{FACTS['describe']}\n\n{FACTS['avoid']}\n\n"
        f"By default of {groups}. Where all systems are equal in a metric the gain is not defined.\n\n"
        f"Source: {FACTS['cite']}.\n"
    )


def _options(options: Mapping[str, Any]) -> str:
    if not options:
        return ": the defaults"
    return ": " + ", ".join(f"{name} = {_value(value)}" for name, value in options.items())


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _number(value: float) -> str:
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    return f"{value:.4g}"


if __name__ == "__main__":
    sys.stdout.write(markdown(load_all().values()))
