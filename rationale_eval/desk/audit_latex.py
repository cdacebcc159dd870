"""Scorecards as a table for a paper."""

from __future__ import annotations

from collections.abc import Sequence

from rationale_eval.desk.audits import CHECKS, Card, Check
from rationale_eval.verbs.export import latex_text


def latex(cards: Sequence[Card], *, digits: int = 3) -> str:
    r"""A booktabs table: one row a card; the number of each check with its interval, bold where the check holds.

    The document needs `\usepackage{booktabs}`. What fails is in italics, what was not tried a dash.

    Args:
        cards: The cards.
        digits: Digits after the point.
    """
    heads = ("margin", "gap", "spread", "leakage", "people")
    lines = [
        r"% bold: the check holds; italics: it fails; upright: open; --: not tried. 95 % intervals in brackets.",
        r"\begin{tabular}{ll" + "r" * len(CHECKS) + "}",
        r"\toprule",
        " & ".join(["data", "metric", *heads]) + r" \\",
        r"\midrule",
    ]
    for card in cards:
        row = [latex_text(card.data), latex_text(f"{card.metric} ({card.variant})")]
        lines.append(" & ".join([*row, *(_cell(card.checks[name], digits) for name in CHECKS)]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _cell(check: Check, digits: int) -> str:
    found = check.headline
    if found is None or found[1].value is None:
        return "--"
    number = found[1]
    shown = f"{number.value:.{digits}f}"
    if check.verdict in ("holds", "fails"):
        shown = rf"\{'textbf' if check.verdict == 'holds' else 'textit'}{{{shown}}}"
    if number.low is None or number.high is None:
        return shown
    return f"{shown} [{number.low:.{digits}f}, {number.high:.{digits}f}]"
