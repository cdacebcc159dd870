"""Cases without a model: one-letter words, gold highlights and scores given as lists."""

import numpy as np

from rationale_eval.data.example import Example
from rationale_eval.data.rationale import WordScores
from rationale_eval.data.words import split_words
from rationale_eval.engine.case import Case


def spans_of(mask):
    """One character span for each marked one-letter word of "a b c ..."."""
    return tuple((2 * i, 2 * i + 1) for i, marked in enumerate(mask) if marked)


def gold_case(gold, scores=None, *, hard=None, annotators=(), fields=None):
    """A case whose words are single letters.

    Args:
        gold: 0/1 for each word, or None where the example is not annotated.
        scores: A score for each word.
        hard: 0/1 for each word.
        annotators: A list of 0/1 lists.
        fields: Number of words of each field; None puts all into one.
    """
    size = next(len(x) for x in (gold, scores, hard, *annotators) if x is not None)
    sizes = fields or [size]
    inputs = {f"f{i}": " ".join("abcdefghijklmnopqrstuvwxyz"[:n]) for i, n in enumerate(sizes)}
    starts = np.concatenate(([0], np.cumsum(sizes)))

    def evidence(mask):
        return {f"f{i}": spans_of(mask[starts[i] : starts[i + 1]]) for i in range(len(sizes))}

    example = Example(
        "e",
        "t",
        inputs,
        evidence=None if gold is None else evidence(gold),
        annotators=tuple(evidence(mask) for mask in annotators),
    )
    words = split_words(example)
    marked = None if hard is None else np.array(hard, dtype=bool)
    given = None if scores is None else WordScores("e", "m", words, np.array(scores, dtype=np.float64), hard=marked)
    return Case(example, words, rationale=given)
