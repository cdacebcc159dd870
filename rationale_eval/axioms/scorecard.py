"""One scorecard for each metric and variant: every check with its verdict and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rationale_eval.axioms.axiom_perturbation import CONTRASTIVE, EQUIVALENT, perturbation_axiom
from rationale_eval.axioms.axiom_reference import RETRAINED, reference_axiom
from rationale_eval.axioms.axiom_robustness import robustness_axiom
from rationale_eval.axioms.estimate import Table
from rationale_eval.axioms.finding import Finding
from rationale_eval.axioms.leakage_check import leakage_check
from rationale_eval.axioms.people import people_check
from rationale_eval.axioms.scoring import Audited
from rationale_eval.axioms.sources import OTHERS

CONDITIONS = ("noise_", "data_")


@dataclass(frozen=True, slots=True)
class Scorecard:
    """What all checks of one metric came to.

    Args:
        metric: Its name.
        variant: Its variant.
        scale: Greatest minus least value over the sources of Axiom 1, the mean over seeds.
        findings: Axioms 1, 2, 3, then leakage and people.
    """

    metric: str
    variant: str
    scale: float
    findings: Sequence[Finding]

    def finding(self, check: str) -> Finding:
        """The finding of a check."""
        return next(each for each in self.findings if each.check == check)

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "metric": self.metric,
            "variant": self.variant,
            "scale": None if np.isnan(self.scale) else self.scale,
            "checks": [each.record() for each in self.findings],
        }


def scorecards(
    scores: pd.DataFrame,
    audited: Sequence[Audited],
    accuracy: Mapping[tuple[str, int], float],
    plausibility: Mapping[str, float],
) -> list[Scorecard]:
    """Checks every metric.

    Args:
        scores: Of `scoring.score`.
        audited: The metrics.
        accuracy: Of the task model, by source and seed.
        plausibility: People's ratings by example id; empty without.
    """
    return [_card(scores, each, accuracy, plausibility) for each in audited]


def _card(
    scores: pd.DataFrame,
    each: Audited,
    accuracy: Mapping[tuple[str, int], float],
    plausibility: Mapping[str, float],
) -> Scorecard:
    rows = scores[(scores["metric"] == each.metric.name) & (scores["variant"] == each.variant)]
    table = Table(rows, each.metric)
    names = list(dict.fromkeys(rows["source"]))
    edits = [name for name in names if name.startswith((EQUIVALENT, CONTRASTIVE))]
    disturbed = [name for name in names if name.startswith(CONDITIONS)]
    scale = _scale(table)
    findings = (
        reference_axiom(table),
        perturbation_axiom(table, edits, scale),
        robustness_axiom(table, disturbed, accuracy, scale),
        leakage_check(table),
        people_check(table, plausibility),
    )
    return Scorecard(each.metric.name, each.variant, scale, findings)


def _scale(table: Table) -> float:
    found = np.array([table.per_seed(source) for source in (*OTHERS, RETRAINED) if table.has(source)])
    if not len(found) or np.isnan(found).all():
        return float("nan")
    return float(np.nanmean(np.nanmax(found, axis=0) - np.nanmin(found, axis=0)))
