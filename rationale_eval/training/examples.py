"""From examples to what a task model learns from: encoded once, scored in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.models.base import Encoding, TaskModel
from rationale_eval.training.learner import Item, TrainingSet


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One labelled example, encoded.

    Args:
        example: The example.
        encoding: Its rows.
        label: Index of the right choice.
    """

    example: Example
    encoding: Encoding
    label: int

    @property
    def tokens(self) -> int:
        """Cost in tokens: the longest row times the number of rows."""
        return max(len(row.ids) for row in self.encoding.rows) * len(self.encoding.rows)


def prepare(model: TaskModel, data: RationaleDataset) -> TrainingSet[Prepared]:
    """Encodes the labelled examples of a data set; those without a label are left out."""
    items = [
        Prepared(example, model.encode(example, data.words(example)), example.label)
        for example in data
        if example.label is not None
    ]
    lengths = np.array([item.tokens for item in items], dtype=np.int64)
    ids = [item.example.id for item in items]
    cut = sum(item.encoding.truncated for item in items)
    return TrainingSet(items, ids, lengths, data.fingerprint(), cut)


def choice_scores(model: TaskModel, encodings: Sequence[Encoding]) -> Tensor:
    """Scores of every choice; their softmax is the model's answer.

    Returns:
        float32 `[examples, choices]`; -inf where an example has fewer choices than another.
    """
    rows = [row for encoding in encodings for row in encoding.rows]
    flat = model.scores(model.pad(rows)).reshape(-1)
    parts = flat.split([len(encoding.rows) * model.outputs for encoding in encodings])
    return pad_sequence(list(parts), batch_first=True, padding_value=-torch.inf)


def by_length(data: TrainingSet[Item], *, examples: int = 64) -> Iterator[Sequence[Item]]:
    """Batches for evaluation, shortest first, so that padding is small. The order does not matter to the metrics."""
    order = np.argsort(data.lengths, kind="stable")
    for start in range(0, len(order), examples):
        yield [data.items[int(index)] for index in order[start : start + examples]]
