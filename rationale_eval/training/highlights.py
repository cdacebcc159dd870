"""How well an extractor under training ranks what people marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from rationale_eval.metrics.plausibility_ranking import auprc_of
from rationale_eval.models.base import TaskModel
from rationale_eval.rationales.attribution import merge_words
from rationale_eval.rationales.extractors import Reading
from rationale_eval.training.annotated import Annotated, read_batch
from rationale_eval.training.examples import by_length
from rationale_eval.training.learner import TrainingSet

Explain = Callable[[Reading, Sequence[Annotated]], Tensor]
"""Token logits `[rows, tokens]` of the rows of a batch."""


def mean_auprc(model: TaskModel, data: TrainingSet[Annotated], explain: Explain) -> dict[str, float]:
    """`auprc`: the mean over the examples of which people marked some but not necessarily all words; none without such.

    Args:
        model: The task model.
        data: The examples.
        explain: The extractor; it explains the right choice.
    """
    areas: list[float] = []
    for batch in by_length(data):
        marked = [item for item in batch if item.gold is not None and item.gold.any()]
        if marked:
            areas += _areas(model, marked, explain)
    return {"auprc": float(np.mean(areas))} if areas else {}


def _areas(model: TaskModel, batch: Sequence[Annotated], explain: Explain) -> list[float]:
    read = read_batch(model, batch)
    logits = explain(read.reading, batch).double().cpu().numpy()
    areas, first = [], 0
    for item in batch:
        assert item.gold is not None
        place = first + item.label // model.outputs
        first += len(item.encoding.rows)
        row = read.reading.rows[place]
        words = merge_words(item.encoding, [row], [logits[place, : len(row.ids)]], "mean")
        areas.append(auprc_of(item.gold, words))
    return areas
