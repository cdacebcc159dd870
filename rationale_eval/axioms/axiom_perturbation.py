"""Axiom 2: a metric must not move when a rationale keeps its meaning, and must fall when the meaning changes.

    D_E = M(r) - M(r^E)   wanted: 0        D_C = M(r) - M(r^C)   wanted: large        gap = D_C - D_E

on the examples to which a perturbation applied; no simulator is trained again (Chan et al. 2022; which perturbations
FRAME used is not confirmed). Effects are means over perturbations, each weighing as many examples as it applied to.
With one seed a resample draws examples with all their edits, so that the three numbers rest on the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rationale_eval.axioms.estimate import Estimate, Floats, Join, Table
from rationale_eval.axioms.finding import Finding, constant, judge, unsure
from rationale_eval.metrics.statistics import ratio

EQUIVALENT, CONTRASTIVE = "equivalent/", "contrastive/"
SMALL = 0.05
"""An effect of equivalent edits below this share of the metric's range over sources counts as none."""


def perturbation_axiom(table: Table, sources: Sequence[str], scale: float) -> Finding:
    """Weighs equivalent against contrastive edits.

    Args:
        table: Scores, those of "generated" among them.
        sources: Names of the perturbed sources.
        scale: The metric's range over the sources of Axiom 1.
    """
    edits = [source for source in sources if table.has(source)]
    pairs = [("generated", source) for source in edits]
    numbers: dict[str, Estimate] = {source: table.difference("generated", source) for source in edits}
    same, other = (_moved([each.startswith(kind) for each in edits]) for kind in (EQUIVALENT, CONTRASTIVE))
    still = numbers["equivalent"] = table.joint(pairs, same)
    numbers["contrastive"] = table.joint(pairs, other)
    gap = numbers["gap"] = table.joint(pairs, lambda values, counts: other(values, counts) - same(values, counts))
    if not np.isfinite(gap.value):
        return Finding("perturbation", "not tried", "no perturbation of both kinds applied", numbers)
    if table.constant:
        return constant("perturbation", numbers)
    verdict = judge(gap, least=0.0)
    words = {"holds": "more than", "fails": "less than", "open": "not clearly more than"}
    why = f"contrastive edits move it {words[verdict]} equivalent ones{unsure(gap)}"
    # Without a range over sources nothing says which effect is small.
    steady = judge(still, least=-SMALL * scale, most=SMALL * scale) if scale > 0 else "holds"
    if verdict != "fails" and steady == "fails":
        why = (
            "it tells them apart, but equivalent edits move it too"
            if verdict == "holds"
            else "equivalent edits move it"
        )
        return Finding("perturbation", "fails", why, numbers)
    if verdict == "holds" and steady == "open":
        why = f"it tells them apart, but equivalent edits may move it too{unsure(still)}"
        return Finding("perturbation", "open", why, numbers)
    return Finding("perturbation", verdict, why, numbers)


def _moved(chosen: Sequence[bool]) -> Join:
    """The mean difference within some of the pairs, each weighing its examples."""

    def mean(values: Floats, counts: Floats) -> Floats:
        moved = (values[..., 0] - values[..., 1])[..., mine]
        weights = np.where(np.isfinite(moved), counts[..., mine], 0.0)
        return ratio(np.stack([(np.nan_to_num(moved) * weights).sum(axis=-1), weights.sum(axis=-1)], axis=-1))

    mine = np.flatnonzero(chosen)
    return mean
