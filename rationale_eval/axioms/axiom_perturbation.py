"""Axiom 2: a metric must not move when a rationale keeps its meaning, and must fall when the meaning changes.

    D_E = M(r) - M(r^E)   wanted: 0        D_C = M(r) - M(r^C)   wanted: large        gap = D_C - D_E

on the examples to which a perturbation applied; no simulator is trained again (Chan et al. 2022; which perturbations
FRAME used is not confirmed). Effects are means over perturbations, each weighing as many examples as it applied to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rationale_eval.axioms.estimate import NAN, Estimate, Table, over_seeds
from rationale_eval.axioms.finding import Finding, above

EQUIVALENT, CONTRASTIVE = "equivalent/", "contrastive/"
SMALL = 0.05
"""An effect of equivalent edits up to this share of the metric's range over sources counts as none."""


def perturbation_axiom(table: Table, sources: Sequence[str], scale: float) -> Finding:
    """Weighs equivalent against contrastive edits.

    Args:
        table: Scores, those of "generated" among them.
        sources: Names of the perturbed sources.
        scale: The metric's range over the sources of Axiom 1.
    """
    kinds = (EQUIVALENT, CONTRASTIVE)
    numbers: dict[str, Estimate] = {
        source: table.difference("generated", source) for source in sources if table.has(source)
    }
    per_seed: dict[str, list[float]] = {kind: [] for kind in kinds}
    for seed in table.seeds:
        for kind in kinds:
            per_seed[kind].append(_pooled(table, [source for source in sources if source.startswith(kind)], seed))
    numbers["equivalent"], numbers["contrastive"] = (over_seeds(per_seed[kind]) for kind in kinds)
    gap = over_seeds([c - e for e, c in zip(per_seed[EQUIVALENT], per_seed[CONTRASTIVE], strict=True)])
    numbers["gap"] = gap
    verdict = above(gap)
    if not np.isfinite(gap.value):
        return Finding("perturbation", "not tried", "no perturbation of both kinds applied", numbers)
    moved = abs(numbers["equivalent"].value)
    if verdict == "holds" and scale > 0 and moved > SMALL * scale:
        verdict = "fails"
        return Finding("perturbation", verdict, "it tells them apart, but equivalent edits move it too", numbers)
    words = {"holds": "more than", "fails": "no more than", "open": "not clearly more than", "not tried": "as"}
    return Finding("perturbation", verdict, f"contrastive edits move it {words[verdict]} equivalent ones", numbers)


def _pooled(table: Table, sources: Sequence[str], seed: int) -> float:
    total, weight = 0.0, 0
    for source in sources:
        mine, its = (set(table.defined(name, seed)) for name in ("generated", source))
        shared = sorted(mine & its)
        if not shared:
            continue
        first, second = (
            float(table.reduce(table.sums(name, seed, shared).sum(axis=0))) for name in ("generated", source)
        )
        if np.isfinite(first - second):
            total, weight = total + (first - second) * len(shared), weight + len(shared)
    return total / weight if weight else NAN
