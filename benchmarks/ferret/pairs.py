"""The inputs of the comparison: real pairs, a model fine-tuned on their task, real explanations of its decisions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.ferret.environment import SEPARATOR
from benchmarks.ferret.ours import Pair, brute_predict, encode
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.load import load_dataset
from rationale_eval.data.rationale import WordScores
from rationale_eval.errors import RationaleEvalError
from rationale_eval.models.base import NO_WORD
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.verbs.extract import extract_many
from rationale_eval.verbs.train import train
from rationale_eval.verbs.training_data import TrainingData
from rationale_eval.workspace.runs import Workspace

METHODS: Final = (
    "integrated_gradients",
    "saliency",
    "leave_one_out",
    "input_x_gradient",
    "gradient_shap",
    "attention",
    "attention_rollout",
    "lime",
)
CONTROLS: Final = ("random", "gold", "inverse_gold")
SETTINGS: Final = {"steps": 20}
TRAINING: Final = {"epochs": 1, "batch_size": 32, "lr": 1e-4}


def data_name(wanted: str) -> str:
    """The wanted data set, or the bundled one where the wanted one is not at hand."""
    try:
        load_dataset(wanted, split="test", limit=1)
    except RationaleEvalError:
        return "bundled/nli"
    return wanted


def fine_tuned(data: str, workspace: Path) -> Path:
    """Folder of a MiniLM classifier fine-tuned on the data set; trained once and kept in the workspace."""
    for run in reversed(Workspace(workspace).runs("train")):
        if run.status.state == "finished" and run.provenance.get("data") == data:
            return run.folder / "model"
    source = TrainingData(data, limit=7000, dev_limit=500)
    return train("fine_tune", source, config=dict(TRAINING), workspace=workspace).folder / "model"


def make_pairs(model: TransformerModel, data: RationaleDataset) -> list[Pair]:
    """Every example as ferret reads it, with eight explanations and three controls."""
    names = [*METHODS, *CONTROLS]
    explained = extract_many(model, data, names, settings=SETTINGS)
    return [
        _pair(model, data, example, dict(zip(names, found, strict=True)))
        for example, *found in zip(data, *explained, strict=True)
    ]


def _pair(model: TransformerModel, data: RationaleDataset, example: Example, found: Mapping[str, WordScores]) -> Pair:
    text = SEPARATOR.join(example.inputs.values())
    row = model.encode(example, data.words(example)).rows[0]
    encoding = encode(model, text)
    if not np.array_equal(row.ids, encoding.rows[0].ids):
        raise RationaleEvalError(f"example '{example.id}' has other tokens as one string than as a pair")
    scores = {name: token_ranks(each.scores, row.word) for name, each in found.items()}
    return Pair(example.id, text, scores, brute_predict(model, encoding))


def token_ranks(scores: NDArray[np.float64], word: NDArray[np.int64]) -> NDArray[np.float64]:
    """Word scores as token scores that are positive and distinct: n for the most important token, 1 for the least.

    Of equal scores the earlier token comes first; tokens that belong to no scored word come last.
    """
    spread = np.where(word == NO_WORD, -np.inf, np.nan_to_num(scores, nan=-np.inf)[word])
    order = np.argsort(-spread, kind="stable")
    ranks = np.empty(len(word))
    ranks[order] = np.arange(len(word), 0, -1)
    return ranks
