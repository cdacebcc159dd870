"""An extractor on many rows at once, outside training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.engine.precision import quick_float32
from rationale_eval.models.base import Row, TaskModel
from rationale_eval.rationales.attribution import default_gradient_tokens
from rationale_eval.rationales.extractors.record import Extractor, Reading, read


def token_scores(model: TaskModel, extractor: Extractor, rows: Sequence[Row]) -> list[NDArray[np.float64]]:
    """Logits of the tokens of each row, float64 `[tokens]`, where what is explained is the model's own answer."""
    found: dict[int, NDArray[np.float64]] = {}
    with quick_float32(model.device):
        for places in _packed(rows, default_gradient_tokens(model.device)):
            reading = answered(model, read(model, [rows[place] for place in places], [0] * len(places)))
            with torch.no_grad():
                logits = extractor.logits(model, reading).double().cpu().numpy()
            for place, values in zip(places, logits, strict=True):
                found[place] = values[: len(rows[place].ids)]
    return [found[place] for place in range(len(rows))]


def answered(model: TaskModel, reading: Reading) -> Reading:
    """The same rows, with what the model answers as what is explained; a row with one output keeps it.

    The model is read in eval mode by those who want that answer to be that of evaluation.
    """
    with torch.no_grad():
        return replace(reading, classes=model.scores(reading.batch).argmax(dim=1))


def _packed(rows: Sequence[Row], tokens: int) -> Iterator[list[int]]:
    """Places of rows of similar length, longest first; equal lengths in reading order."""
    chunk: list[int] = []
    for place in sorted(range(len(rows)), key=lambda place: -len(rows[place].ids)):
        if chunk and (len(chunk) + 1) * len(rows[chunk[0]].ids) > tokens:
            yield chunk
            chunk = []
        chunk.append(place)
    if chunk:
        yield chunk
