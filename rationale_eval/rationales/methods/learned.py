"""The rationale of the extractor that was trained with the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.engine.precision import quick_float32
from rationale_eval.models.base import Row, TaskModel
from rationale_eval.rationales.attribution import Probe, Subject, merge_words
from rationale_eval.rationales.extractors import read
from rationale_eval.rationales.extractors.stored import extractor_of
from rationale_eval.rationales.record import Found, Merge, method
from rationale_eval.rationales.select_first import selected


def no_extractor(model: TaskModel) -> str | None:
    """Why a model has no rationale of its own, or None."""
    if model.extractor is None:
        return f"{model.name} was not trained with an extractor; name a run of a recipe that trains one, such as unirex"
    return None


@method(
    "learned",
    title="Learned extractor",
    family="gradient",
    signed=True,
    deterministic=True,
    cite="Chan et al. 2022 (UNIREX), section 4.1",
    describe=(
        "The scores of the extractor that was trained together with the model; words with a score above 0 are "
        "those it selects, unless the model selects words before it answers: then those."
    ),
    avoid=(
        "Not for models that were trained without an extractor; and not as proof of faithfulness, since an "
        "extractor learns what its objective rewards."
    ),
    is_compatible=no_extractor,
)
def learned(probe: Probe, subjects: Sequence[Subject], *, merge: Merge = "mean") -> list[Found]:
    """s_i = mean over the word's tokens of the extractor's logits, in the row of the explained choice.

    Of a model that selects first, the row is the one it selected from.
    """
    model = probe.model
    extractor = extractor_of(model)

    def run(chunk: Sequence[Subject]) -> list[NDArray[np.float64]]:
        rows = [_row(subject, model) for subject in chunk]
        reading = read(model, rows, [subject.target % model.outputs for subject in chunk])
        with torch.no_grad():
            logits = extractor.logits(model, reading).double().cpu().numpy()
        return [values[: len(row.ids)] for values, row in zip(logits, rows, strict=True)]

    tokens: dict[int, NDArray[np.float64]] = {}
    with quick_float32(model.device):
        for chunk, found in probe.packed(subjects, lambda subject: (_row(subject, model),), run):
            tokens.update((id(subject), values) for subject, values in zip(chunk, found, strict=True))
    return [_found(subject, model, tokens[id(subject)], merge) for subject in subjects]


def _row(subject: Subject, model: TaskModel) -> Row:
    encoding = subject.encoding
    return (encoding.whole or encoding.rows)[subject.target // model.outputs]


def _found(subject: Subject, model: TaskModel, tokens: NDArray[np.float64], merge: Merge) -> Found:
    encoding = subject.encoding
    scores = merge_words(encoding, [_row(subject, model)], [tokens], merge)
    chosen = scores > 0 if encoding.whole is None else selected(encoding, subject.target // model.outputs)
    return Found(scores, hard=chosen)
