"""A learner small enough to train in milliseconds, with dropout, so that forgetting any randomness would show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rationale_eval.training.journal import Journal
from rationale_eval.training.learner import Learner, TrainingSet
from rationale_eval.training.loop import fit
from rationale_eval.training.objective import Term
from rationale_eval.training.outcome import Outcome
from rationale_eval.training.randomness import Moment
from rationale_eval.training.settings import LoopSettings

Pair = tuple[Tensor, int]

SETTINGS = LoopSettings(
    epochs=3,
    batch_size=8,
    accumulate=2,
    lr=0.05,
    checkpoint_every=3,
    evaluate_every=5,
    precision="no",
    schedule="cosine",
)


def toy_data(size: int = 60, seed: int = 0) -> TrainingSet[Pair]:
    """Points in 6 dimensions of three classes; the class is the largest of the first three numbers."""
    draw = torch.Generator().manual_seed(seed)
    points = torch.randn(size, 6, generator=draw)
    items = [(point, int(point[:3].argmax())) for point in points]
    lengths = np.random.default_rng(seed).integers(3, 40, size)
    return TrainingSet(items, [f"e{i}" for i in range(size)], lengths, f"toy-{size}-{seed}")


class ToyLearner(Learner[Pair]):
    """Two layers with dropout and batch norm (a buffer), cross-entropy plus a scheduled penalty."""

    def __init__(self, seed: int = 0, dropout: float = 0.3) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.net = nn.Sequential(
                nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3)
            )
        self.terms = (Term("task"), Term("size", weight=lambda progress: 0.01 * progress, reduction="batch"))
        self.dev = toy_data(40, seed=9)

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def modules(self) -> Mapping[str, nn.Module]:
        return {"net": self.net}

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        points = torch.stack([point for point, _ in batch])
        noisy = points + 0.1 * torch.from_numpy(moment.numpy("noise").normal(size=points.shape)).float()
        scores = self.net(noisy)
        labels = torch.tensor([label for _, label in batch])
        return {
            "task": nn.functional.cross_entropy(scores, labels, reduction="none"),
            "size": scores.square().mean(),
        }

    def evaluate(self) -> Mapping[str, float]:
        scores = self.net(torch.stack([point for point, _ in self.dev.items]))
        labels = torch.tensor([label for _, label in self.dev.items])
        return {
            "accuracy": float((scores.argmax(1) == labels).double().mean()),
            "loss": float(nn.functional.cross_entropy(scores, labels)),
        }


def toy_fit(folder: Path, learner: Learner[Pair] | None = None, **options: Any) -> tuple[Outcome, dict[str, Tensor]]:
    """Trains in `folder`; returns the outcome and the final weights.

    Args:
        folder: Checkpoints and metric lines go there.
        learner: By default a `ToyLearner`.
        options: Fields of the settings, or `data`, `seed`, `allow_inexact`.
    """
    learner = learner or ToyLearner()
    extra = {name: options.pop(name) for name in ("seed", "allow_inexact") if name in options}
    data = options.pop("data", None) or toy_data()
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder / "metrics.jsonl")
    try:
        settings = SETTINGS.model_copy(update=options)
        outcome = fit(learner, data, settings, folder=folder / "checkpoints", journal=journal, **extra)
    finally:
        journal.close()
    weights = {
        f"{name}.{key}": value
        for name, module in learner.modules().items()
        for key, value in module.state_dict().items()
    }
    return outcome, {name: value.clone() for name, value in weights.items()}
