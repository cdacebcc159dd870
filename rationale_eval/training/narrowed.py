"""Training sets of a model that reads a selection of the words."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from rationale_eval.durable import digest
from rationale_eval.models.narrowing import Narrowing
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.training.examples import Prepared
from rationale_eval.training.learner import TrainingSet

P = TypeVar("P", bound=Prepared)


def narrow(data: TrainingSet[P], model: TransformerModel, narrowing: Narrowing) -> TrainingSet[P]:
    """The same examples, of which only the selected words are left; the selection is part of the fingerprint."""
    encodings = narrowing.narrow(model, [item.encoding for item in data.items])
    items = [replace(item, encoding=encoding) for item, encoding in zip(data.items, encodings, strict=True)]
    lengths = np.array([item.tokens for item in items], dtype=np.int64)
    made = digest([data.fingerprint, narrowing.fingerprint(model)])
    return replace(data, items=items, lengths=lengths, fingerprint=made)
