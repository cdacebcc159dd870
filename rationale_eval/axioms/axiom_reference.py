"""Axiom 1: a metric must be highest for reference rationales, which are tied to the predicted label by construction.

Two numbers: how near the reference comes to the ceiling, M(r*) / M_max, where M_max is the metric's value if every
simulator that sees a rationale were certain of the answer (1 for simulatability, 1 - acc(S_I) for RQ); and the margin
M(r*) - max over other sources. Both with simulators trained on r* ("reference_retrained") and with those trained on
the model's own rationales ("reference"). Chan et al. 2022; the construction of r* and retraining are not confirmed.
"""

from __future__ import annotations

import numpy as np

from rationale_eval.axioms.estimate import NOTHING, Estimate, Table, combined
from rationale_eval.axioms.finding import Finding, constant, judge, unsure
from rationale_eval.axioms.sources import CEILING, OTHERS

RETRAINED, EVALUATED = "reference_retrained", "reference"


def reference_axiom(table: Table) -> Finding:
    """Holds the reference against all other sources."""
    numbers: dict[str, Estimate] = {
        source: table.value(source) for source in (*OTHERS, EVALUATED, RETRAINED, CEILING) if table.has(source)
    }
    # Where every rationale leaks (LAS after retraining), the metric may be undefined for retrained simulators.
    best = RETRAINED if RETRAINED in numbers and np.isfinite(numbers[RETRAINED].value) else EVALUATED
    rivals = {source: numbers[source].value for source in OTHERS if source in numbers}
    rivals = {source: value for source, value in rivals.items() if np.isfinite(value)}
    if best not in numbers or not rivals or not np.isfinite(numbers[best].value):
        return Finding("reference", "not tried", "the metric has no value for reference rationales", numbers)
    rival = max(rivals, key=lambda source: rivals[source])
    for kind in (EVALUATED, RETRAINED):
        if table.has(kind):
            numbers[f"margin_{kind}"] = combined([table.per_seed(kind), table.per_seed(rival)], lambda a, b: a - b)
            if len(table.seeds) == 1:
                numbers[f"margin_{kind}"] = table.difference(kind, rival)
        if table.has(CEILING) and table.has(kind):
            numbers[f"share_{kind}"] = combined([table.per_seed(kind), table.per_seed(CEILING)], _share)
    margin = numbers.get(f"margin_{best}", NOTHING)
    about = {"rival": rival, "scored": best}
    if table.constant:
        return constant("reference", numbers, about)
    verdict = judge(margin, least=0.0)
    words = {"holds": "above", "fails": "below", "open": "not clearly above", "not tried": "not comparable with"}
    why = f"the reference is {words[verdict]} the best other source ({rival}){unsure(margin)}"
    return Finding("reference", verdict, why, numbers, about)


def _share(value: float, ceiling: float) -> float:
    return value / ceiling if ceiling > 0 else float("nan")
