"""The leakage check: a rationale that explains the label must beat one that only restates it.

Ours, not FRAME's. Explaining rationales are gold ones, on examples that the task model gets right; restating ones are
"The answer is LABEL.", on the same examples, judged by the same simulators. With verbalised reference rationales the
restating ones *are* the references, so that Axiom 1 (above everything else) and this check (below explanations)
exclude each other when the same simulators judge; a metric can meet both when Axiom 1 is judged by simulators trained
on references, or with references that explain (`reference=explained`). A tie meets nothing: a metric that tells nothing
apart has many.
"""

from __future__ import annotations

from rationale_eval.axioms.estimate import Table
from rationale_eval.axioms.finding import Finding, constant, judge, unsure

EXPLAINING, RESTATING = "gold", "restating"


def leakage_check(table: Table) -> Finding:
    """Explaining minus restating."""
    ahead = table.difference(EXPLAINING, RESTATING)
    numbers = {"explaining_minus_restating": ahead}
    if ahead.value != ahead.value:
        return Finding("leakage", "not tried", "there are no gold rationales of right answers", numbers)
    if table.constant:
        return constant("leakage", numbers)
    verdict = judge(ahead, least=0.0)
    words = {
        "holds": "explaining beats restating the label",
        "fails": "restating the label beats explaining it",
        "open": "neither is clearly ahead",
    }
    return Finding("leakage", verdict, words[verdict] + unsure(ahead), numbers)
