"""The leakage check: a rationale that only restates the label must not beat one that explains it.

Ours, not FRAME's. Explaining rationales are gold ones, on examples that the task model gets right; restating ones are
"The answer is LABEL.", on the same examples, judged by the same simulators. With verbalised reference rationales the
restating ones *are* the references, so that Axiom 1 (above everything else) and this check (not above explanations)
exclude each other when the same simulators judge; a metric can meet both when Axiom 1 is judged by simulators trained
on references, with references that explain (`reference=explained`), or by a tie.
"""

from __future__ import annotations

from rationale_eval.axioms.estimate import Table
from rationale_eval.axioms.finding import Finding

EXPLAINING, RESTATING = "gold", "restating"


def leakage_check(table: Table) -> Finding:
    """Explaining minus restating."""
    ahead = table.difference(EXPLAINING, RESTATING)
    numbers = {"explaining_minus_restating": ahead}
    if ahead.value != ahead.value:
        return Finding("leakage", "not tried", "there are no gold rationales of right answers", numbers)
    low = ahead.value if ahead.low != ahead.low else ahead.low
    high = ahead.value if ahead.high != ahead.high else ahead.high
    if low >= 0:
        return Finding("leakage", "holds", "explaining is not beaten by restating", numbers)
    if high < 0:
        return Finding("leakage", "fails", "restating the label beats explaining it", numbers)
    return Finding("leakage", "open", "neither is clearly ahead", numbers)
