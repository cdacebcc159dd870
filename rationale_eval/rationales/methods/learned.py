"""The rationale of the extractor that was trained with the model."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.engine.precision import quick_float32
from rationale_eval.models.base import TaskModel
from rationale_eval.rationales.attribution import Probe, Subject, matters, word_scores
from rationale_eval.rationales.extractors import Extractor, read
from rationale_eval.rationales.extractors.stored import load_extractor
from rationale_eval.rationales.record import Found, Merge, method

_loaded: WeakKeyDictionary[TaskModel, Extractor] = WeakKeyDictionary()


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
        "The scores of the extractor that was trained together with the model; words with a score above 0 are those "
        "it selects. Only for models that were trained with one."
    ),
    is_compatible=no_extractor,
)
def learned(probe: Probe, subjects: Sequence[Subject], *, merge: Merge = "mean") -> list[Found]:
    """s_i = mean over the word's tokens of the extractor's logits, in the row of the explained choice."""
    model = probe.model
    extractor = extractor_of(model)

    def run(chunk: Sequence[Subject]) -> list[NDArray[np.float64]]:
        rows = [matters(subject, model, "logit")[0] for subject in chunk]
        reading = read(model, rows, [subject.target % model.outputs for subject in chunk])
        with torch.no_grad():
            logits = extractor.logits(model, reading).double().cpu().numpy()
        return [values[: len(row.ids)] for values, row in zip(logits, rows, strict=True)]

    tokens: dict[int, NDArray[np.float64]] = {}
    with quick_float32(model.device):
        for chunk, found in probe.packed(subjects, lambda subject: matters(subject, model, "logit"), run):
            tokens.update((id(subject), values) for subject, values in zip(chunk, found, strict=True))
    by_row = [[tokens[id(subject)]] for subject in subjects]
    scores = word_scores(probe, subjects, by_row, "logit", merge)
    return [Found(found, hard=found > 0) for found in scores]


def extractor_of(model: TaskModel) -> Extractor:
    """The model's extractor, read once."""
    if model not in _loaded:
        _loaded[model] = load_extractor(model)
    return _loaded[model]
