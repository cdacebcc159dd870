"""Labelled examples with gold highlights, all of them or a share, on the tokens of the model that learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.words import gold_mask
from rationale_eval.models.base import NO_WORD, TaskModel
from rationale_eval.rationales.extractors import Reading, read
from rationale_eval.training.examples import Prepared, prepare
from rationale_eval.training.learner import TrainingSet
from rationale_eval.training.randomness import derive


@dataclass(frozen=True, slots=True, eq=False)
class Annotated(Prepared):
    """A prepared example and its gold highlights.

    Args:
        gold: Booleans `[words]`, or None where there are none or they are not to be used.
    """

    gold: NDArray[np.bool_] | None = None


def prepare_annotated(
    model: TaskModel, data: RationaleDataset, *, share: float = 1.0, seed: int = 0, mix: bool = False
) -> TrainingSet[Annotated]:
    """Encodes labelled examples with their highlights.

    Args:
        model: The model that will read them.
        data: The examples.
        share: Share of the examples with highlights whose highlights are used, 0 to 1; at least one example. A smaller
            share is a part of a larger one of the same seed.
        seed: Which they are.
        mix: Whether half of every batch is drawn from them.
    """
    plain = prepare(model, data)
    marked = [place for place, item in enumerate(plain.items) if item.example.evidence is not None]
    if share < 1.0 and marked:
        order = np.random.default_rng(derive(seed, "gold")).permutation(marked)
        used = {int(place) for place in order[: max(1, round(share * len(marked)))]}
    else:
        used = set(marked)
    items = [
        Annotated(item.example, item.encoding, item.label, _gold(data, item) if place in used else None)
        for place, item in enumerate(plain.items)
    ]
    pool = np.array(sorted(used), dtype=np.int64) if mix and used and share < 1.0 else None
    return TrainingSet(items, plain.ids, plain.lengths, plain.fingerprint, plain.truncated, pool)


def _gold(data: RationaleDataset, item: Prepared) -> NDArray[np.bool_]:
    assert item.example.evidence is not None
    return gold_mask(data.words(item.example), item.example.evidence)


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A batch of examples as rows.

    Args:
        reading: The rows of all examples, one after the other.
        sizes: Rows of each example.
        labels: Index of the right choice, int64 `[examples]`.
        gold: 1 for gold tokens, float32 `[rows, tokens]`; only in the row of the right choice.
        inside: Booleans `[rows, tokens]`: tokens of the right choice's row of examples with highlights.
    """

    reading: Reading
    sizes: list[int]
    labels: Tensor
    gold: Tensor
    inside: Tensor

    def choices(self, scores: Tensor) -> Tensor:
        """Row scores `[..., rows, outputs]` as scores of choices `[..., examples, choices]`, -inf where there is no
        such choice.
        """
        outputs, lead = scores.shape[-1], scores.shape[:-2]
        sizes = [rows * outputs for rows in self.sizes]
        flat = scores.reshape(-1, sum(sizes))
        if len(set(sizes)) == 1:
            return flat.reshape(*lead, len(sizes), sizes[0])
        parts = [part.T for part in flat.split(sizes, dim=1)]
        table = pad_sequence(parts, batch_first=True, padding_value=-torch.inf)
        return table.permute(2, 0, 1).reshape(*lead, len(sizes), -1)


def read_batch(model: TaskModel, batch: Sequence[Annotated]) -> Read:
    """Pads the rows of some examples; the right choice is what is explained."""
    rows = [row for item in batch for row in item.encoding.rows]
    classes = [
        item.label if len(item.encoding.rows) == 1 and model.outputs > 1 else 0
        for item in batch
        for _ in item.encoding.rows
    ]
    reading = read(model, rows, classes)
    gold, inside = np.zeros(reading.word.shape, dtype=np.float32), np.zeros(reading.word.shape, dtype=bool)
    first = 0
    for item in batch:
        place = first + item.label // model.outputs
        first += len(item.encoding.rows)
        if item.gold is None:
            continue
        word = rows[place].word
        inside[place, : len(word)] = True
        gold[place, : len(word)] = np.where(word != NO_WORD, item.gold[np.maximum(word, 0)], False)
    device = reading.batch.ids.device
    return Read(
        reading,
        [len(item.encoding.rows) for item in batch],
        torch.tensor([item.label for item in batch], device=device),
        torch.from_numpy(gold).to(device),
        torch.from_numpy(inside).to(device),
    )
