"""BERTScore and the cosine of embeddings: how close a text is to a gold rationale in the space of an encoder."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.metrics.record import Score, metric
from rationale_eval.metrics.similarity_overlap import COUNTS
from rationale_eval.metrics.text_case import Count, TextCase, TokenStates, against_references

_NO_ENCODER: Final = "this case has no encoder"


def greedy_f1(text: TokenStates, reference: TokenStates) -> float:
    """F1 of greedy matching by cosine, -1 to 1: every token of one side takes its closest token of the other.

    Special tokens are matched by others but match nothing themselves; a side without other tokens gives 0.

    Args:
        text: The candidate.
        reference: The reference.
    """
    if not text.real.any() or not reference.real.any():
        return 0.0
    cosines = _directions(text) @ _directions(reference).T
    precision = float(cosines[text.real].max(axis=1).mean())
    recall = float(cosines[:, reference.real].max(axis=0).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def mean_cosine(text: TokenStates, reference: TokenStates) -> float:
    """Cosine of the mean token states, special tokens included, -1 to 1; 0 for a text without tokens of its own."""
    if not text.real.any() or not reference.real.any():
        return 0.0
    first, second = (each.states.astype(np.float64).mean(axis=0) for each in (text, reference))
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def _directions(text: TokenStates) -> NDArray[np.float64]:
    states = text.states.astype(np.float64)
    found: NDArray[np.float64] = states / np.linalg.norm(states, axis=1, keepdims=True)
    return found


def _encode(case: TextCase, text: str, lower: bool) -> TokenStates:
    if case.encode is None:
        raise ValueError(_NO_ENCODER)
    return case.encode(text.lower() if lower else text)


@metric(
    "bertscore",
    family="similarity",
    symbol="BS",
    title="BERTScore F1",
    direction="higher",
    range=(-1.0, 1.0),
    best=1.0,
    needs=("text", "references", "encoder"),
    variants=COUNTS | {"feb": {"count": "zero_if_wrong", "lower": True}},
    cite="Zhang et al. 2020 (BERTScore), section 3, with any encoder; feb: Marasovic et al. 2022, section 4",
    formula="max over references of 2 P R / (P + R); P = mean_i max_j cos(t_i, g_j), R = mean_j max_i cos(t_i, g_j)",
    describe=(
        "How well the tokens of a text can be matched with those of the closest gold rationale by their states in "
        "an encoder, without idf and without rescaling."
    ),
    avoid=(
        "Not for comparing numbers of two encoders, on which values depend; they lie close together, so compare "
        "systems, not numbers. Not for faithfulness: it says nothing about the model."
    ),
)
def bertscore(case: TextCase, *, count: Count = "all", lower: bool = False) -> Score:
    """The greatest BERTScore F1 with a reference."""
    return against_references(
        case, count, lambda text, gold: greedy_f1(_encode(case, text, lower), _encode(case, gold, lower))
    )


@metric(
    "embedding_cosine",
    family="similarity",
    symbol="cos",
    title="Cosine of embeddings",
    direction="higher",
    range=(-1.0, 1.0),
    best=1.0,
    needs=("text", "references", "encoder"),
    variants=COUNTS,
    cite="Reimers and Gurevych 2019 (Sentence-BERT), mean pooling",
    formula="max over references of cos(mean_i t_i, mean_j g_j)",
    describe=(
        "How close a text and the closest gold rationale are as wholes in an encoder that was trained for sentences."
    ),
    avoid=(
        "Not as agreement: a text on the same subject with the opposite meaning is close too. Not for comparing "
        "numbers of two encoders."
    ),
)
def embedding_cosine(case: TextCase, *, count: Count = "all") -> Score:
    """The greatest cosine with a reference."""
    return against_references(
        case, count, lambda text, gold: mean_cosine(_encode(case, text, False), _encode(case, gold, False))
    )
