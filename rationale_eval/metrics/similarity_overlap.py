"""ROUGE and chrF: how many words, word pairs or letters a text has in common with a gold rationale.

They say that a text is worded like a person's, not that it is true of the model. An empty text or reference has
nothing in common with anything: 0.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from rationale_eval.metrics.record import Score, metric
from rationale_eval.metrics.text_case import Count, TextCase, against_references

_WORD: Final = re.compile(r"[^\W_]+")

ORDERS: Final = 6
"""Longest run of letters of chrF."""

BETA: Final = 2.0
"""Weight of recall in chrF."""

COUNTS: Final[dict[str, dict[str, Any]]] = {
    "all": {},
    "correct": {"count": "correct"},
    "zero_if_wrong": {"count": "zero_if_wrong"},
}
"""Variants of every similarity."""


def words_of(text: str) -> list[str]:
    """Runs of letters and digits in lower case; for ASCII text those of the reference implementation of ROUGE."""
    return _WORD.findall(text.lower())


def rouge_n(text: str, reference: str, n: int) -> float:
    """F1 of the n-grams that both have, each counted as often as in the one that has it less often; 0 to 1."""
    return _overlap_f1(_runs(words_of(text), n), _runs(words_of(reference), n))


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words, 0 to 1."""
    said, wanted = words_of(text), words_of(reference)
    if not said or not wanted:
        return 0.0
    common = longest_common(said, wanted)
    return _f(common / len(said), common / len(wanted), 1.0)


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for one in first:
        diagonal = 0
        for place, other in enumerate(second, 1):
            diagonal, row[place] = row[place], diagonal + 1 if one == other else max(row[place], row[place - 1])
    return row[-1]


def chrf_of(text: str, reference: str) -> float:
    """F2 of runs of 1 to 6 letters without white space, precision and recall averaged over the lengths that both
    have; 0 to 1.
    """
    said, wanted = "".join(text.split()), "".join(reference.split())
    precisions, recalls = [], []
    for n in range(1, ORDERS + 1):
        first, second = _runs(said, n), _runs(wanted, n)
        if first and second:
            common = (first & second).total()
            precisions.append(common / first.total())
            recalls.append(common / second.total())
    if not precisions:
        return 0.0
    return _f(sum(precisions) / len(precisions), sum(recalls) / len(recalls), BETA)


def _runs(sequence: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(sequence[i : i + n]) for i in range(len(sequence) - n + 1))


def _overlap_f1(said: Counter[tuple[str, ...]], wanted: Counter[tuple[str, ...]]) -> float:
    if not said or not wanted:
        return 0.0
    common = (said & wanted).total()
    return _f(common / said.total(), common / wanted.total(), 1.0)


def _f(precision: float, recall: float, beta: float) -> float:
    if precision + recall == 0:
        return 0.0
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def _rouge(name: str, symbol: str, title: str, formula: str, similarity: Callable[[str, str], float]) -> None:
    @metric(
        name,
        family="similarity",
        symbol=symbol,
        title=title,
        direction="higher",
        range=(0.0, 1.0),
        best=1.0,
        needs=("text", "references"),
        variants=COUNTS,
        cite="Lin 2004 (ROUGE); words as in its reference implementation, without stemming",
        formula=formula,
        describe=(
            "How much of its wording a text shares with the closest gold rationale. It rewards the same words, not "
            "the same meaning."
        ),
        avoid="Not for faithfulness: it says nothing about the model. Not where reasons can be worded in many ways.",
    )
    def ask(case: TextCase, *, count: Count = "all") -> Score:
        return against_references(case, count, similarity)


_rouge("rouge1", "R1", "ROUGE-1", "max over references of F1 of words", lambda text, gold: rouge_n(text, gold, 1))
_rouge("rouge2", "R2", "ROUGE-2", "max over references of F1 of word pairs", lambda text, gold: rouge_n(text, gold, 2))
_rouge("rouge_l", "RL", "ROUGE-L", "max over references of F1 of the longest common subsequence", rouge_l)


@metric(
    "chrf",
    family="similarity",
    symbol="chrF",
    title="chrF",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    needs=("text", "references"),
    variants=COUNTS,
    cite="Popovic 2015 (chrF); lengths 1 to 6, beta 2, as sacrebleu's default, divided by 100",
    formula="max over references of 5 P R / (4 P + R); P, R means over n = 1..6 of letter n-gram precision and recall",
    describe=(
        "How many runs of letters a text shares with the closest gold rationale; kinder to inflected words than ROUGE."
    ),
    avoid=(
        "Not for correctness or faithfulness: it is a similarity to a reference, and the opposite claim in the "
        "same words scores high."
    ),
)
def chrf(case: TextCase, *, count: Count = "all") -> Score:
    """The greatest chrF with a reference."""
    return against_references(case, count, chrf_of)
