"""Sentence BLEU with effective order: how many runs of words a text shares with another, precision only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

ORDER: Final = 4
"""Longest run of words."""


def sentence_bleu(said: Sequence[str], reference: Sequence[str]) -> float:
    """BLEU of one sentence against one reference, 0 to 1.

    Only the runs that the sentence is long enough to have count (effective order). Where it shares none of some length,
    its count is taken as 1/2, at the next such length as 1/4, and so on (exponential smoothing, as sacrebleu does).

    Args:
        said: Words.
        reference: Words to compare them with.
    """
    logs, halvings = [], 0
    for n in range(1, ORDER + 1):
        runs = _runs(said, n)
        total = sum(runs.values())
        if not total:
            break
        shared = float(sum((runs & _runs(reference, n)).values()))
        if not shared:
            if n == 1:
                return 0.0
            halvings += 1
            shared = 0.5**halvings
        logs.append(math.log(shared / total))
    if not logs:
        return 0.0
    brevity = min(0.0, 1 - len(reference) / len(said))
    return math.exp(brevity + sum(logs) / len(logs))


def _runs(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))
