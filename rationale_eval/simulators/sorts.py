"""How a simulator reads, learns and answers, by the sort of network it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.recipes.fine_tune import LabelLearner
from rationale_eval.simulators.writing import AnswerLearner, likelihoods, prepare_answers
from rationale_eval.training.examples import Prepared, choice_scores, prepare
from rationale_eval.training.learner import Learner, TrainingSet


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of network.

    Args:
        prepare: A view as training items; each has an `example` with its label.
        learner: What trains it; evaluated on held-out items, it gives `accuracy` and `loss`.
        scores: Scores of the choices, whose softmax are the guesses; `[examples, choices]`, -inf where an example has
            fewer than another.
    """

    prepare: Callable[[TransformerModel, RationaleDataset], TrainingSet[Any]]
    learner: Callable[[TransformerModel, TrainingSet[Any]], Learner[Any]]
    scores: Callable[[TransformerModel, Sequence[Any]], Tensor]


def _scores(model: TransformerModel, batch: Sequence[Prepared]) -> Tensor:
    return choice_scores(model, [item.encoding for item in batch])


ENCODER: Final = Sort(prepare, LabelLearner, _scores)
"""A number for each choice, from an encoder with a head or a causal language model."""


WRITER: Final = Sort(prepare_answers, AnswerLearner, likelihoods)
"""The likelihood of each choice as a text, from an encoder-decoder."""


def sort_of(model: TransformerModel) -> Sort:
    """The sort of a model."""
    return WRITER if model.kind == "seq2seq" else ENCODER
