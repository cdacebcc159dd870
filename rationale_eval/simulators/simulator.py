"""One simulator: how it is trained, and what it answers.

It is trained on what a view shows, until its accuracy at guessing on held-out examples falls. Pretrained (PT) it starts
from an encoder that knows language; non-pretrained (NP) it is the same architecture with weights drawn at random, so
that it knows only the association of text and label that it was shown (Chan et al. 2022, FRAME).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.models.load import load_model
from rationale_eval.models.network import quiet
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.recipes.fine_tune import LabelLearner, set_dropout
from rationale_eval.simulators.environments import RobustSettings
from rationale_eval.simulators.learned import Learned, Select, learned
from rationale_eval.simulators.stacked import VERSION, SmallSettings
from rationale_eval.simulators.vacuous import Wording
from rationale_eval.training.examples import by_length, choice_scores, prepare
from rationale_eval.training.journal import Journal
from rationale_eval.training.learner import Learner, TrainingSet
from rationale_eval.training.loop import fit
from rationale_eval.training.progress import Report, silent
from rationale_eval.training.randomness import derive
from rationale_eval.training.settings import LoopSettings

Weights = Literal["pt", "np"]
"""Pretrained, or non-pretrained: the same architecture with random weights."""

Architecture = Literal["same", "small"]
"""Of a non-pretrained simulator: that of the pretrained one, or a small network over n-grams."""


class SimulatorConfig(RobustSettings):
    """How simulators are trained."""

    model: str = Field("embedded/minilm", description="The encoder that simulators are made of.")
    weights: Weights = Field("pt", description="pt: its own weights; np: random ones.")
    epochs: int = Field(4, ge=1, le=1000, description="Most passes over the training data of a pretrained simulator.")
    np_architecture: Architecture = Field(
        "same",
        description="np: same (the encoder with random weights) or small (over n-grams, sixteen trained at once).",
    )
    small: SmallSettings = Field(SmallSettings(), description="Knobs of small simulators.")
    np_epochs: int = Field(20, ge=1, le=1000, description="Most passes of a non-pretrained one, which needs more.")
    lr: float = Field(1e-4, gt=0, le=1, description="Highest learning rate of a pretrained simulator.")
    np_lr: float = Field(5e-4, gt=0, le=1, description="That of a non-pretrained one.")
    batch_size: int = Field(32, ge=1, le=4096, description="Examples in a batch.")
    patience: int = Field(3, ge=1, description="Stop after so many passes without a better accuracy on held-out data.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout of every layer.")
    vacuous: Wording = Field("merged", description="Wording of vacuous rationales: merged, several or statement.")

    def record(self, *, robust: bool = False) -> dict[str, Any]:
        """What a simulator depends on beside its data, as JSON values. The wording is part of the data.

        Args:
            robust: Whether it is one that RORA trains not to follow leaks.
        """
        knobs = {name: getattr(self, name) for name in RobustSettings.model_fields} if robust else {}
        if self.is_small:
            return {"small": self.small.model_dump(mode="json"), "version": VERSION, **knobs}
        other = {"vacuous", "np_architecture", "small", *RobustSettings.model_fields}
        return {**self.model_dump(mode="json", exclude=other), **knobs}

    @property
    def is_small(self) -> bool:
        """Whether its simulators are small networks over n-grams."""
        return self.weights == "np" and self.np_architecture == "small"

    def settings(self, metric: Select = "accuracy") -> LoopSettings:
        """The knobs of the loop; `metric` chooses the weights that are kept and ends the training."""
        pretrained = self.weights == "pt"
        return LoopSettings(
            epochs=self.epochs if pretrained else self.np_epochs,
            lr=self.lr if pretrained else self.np_lr,
            batch_size=self.batch_size,
            patience=self.patience,
            metric=metric,
        )


def train_simulator(
    config: SimulatorConfig,
    train: RationaleDataset,
    dev: RationaleDataset,
    *,
    folder: Path,
    metric: Select = "accuracy",
    device: str = "auto",
    seed: int = 0,
    report: Report = silent,
) -> tuple[EncoderSimulator, Learned]:
    """Trains one simulator; goes on with what `folder` holds of an earlier attempt.

    Args:
        config: How.
        train: A view of the examples it learns from.
        dev: A view of held-out ones.
        folder: For checkpoints.
        metric: What chooses the weights that are kept.
        device: Where.
        seed: Of its head, its random weights and the order of examples.
        report: Told of every step.

    Raises:
        UsageError: If there is nothing to learn from.
    """
    model = new_model(config, train, device=device, seed=seed)
    items, held = prepare(model, train), prepare(model, dev)
    learner = LabelLearner(model, held)
    return teach(learner, items, held, config.settings(metric), model, folder=folder, seed=seed, report=report)


def new_model(config: SimulatorConfig, data: RationaleDataset, *, device: str, seed: int) -> TransformerModel:
    """What a simulator is before it has learned anything."""
    model = load_model(config.model, task=data.task, device=device, seed=seed)
    if config.weights == "np":
        draw_again(model.network, derive(seed, "weights"))
    set_dropout(model.network, config.dropout)
    return model


def teach(
    learner: Learner[Any],
    items: TrainingSet[Any],
    held: TrainingSet[Any],
    settings: LoopSettings,
    model: TransformerModel,
    *,
    folder: Path,
    seed: int,
    report: Report,
) -> tuple[EncoderSimulator, Learned]:
    """Trains a simulator and says what came of it; see `train_simulator`."""
    if not items.items or not held.items:
        raise UsageError("a simulator needs answers to learn from, and others to be held to; give more examples.")
    outcome = fit(learner, items, settings, folder=folder, journal=Journal(None), seed=seed, report=report)
    if outcome.state != "finished":
        raise KeyboardInterrupt("stopped while a simulator was trained; what it has learned is kept")
    model.trained = True
    examples = [item.example for item in held.items]
    accuracy, epochs = outcome.metrics["accuracy"], outcome.examples / len(items.items)
    return EncoderSimulator(model), learned(len(items.items), examples, accuracy, epochs)


def draw_again(network: nn.Module, seed: int) -> None:
    """Gives a network the weights that its architecture starts from, drawn by seed."""
    kind: Any = type(network)
    place = next(network.parameters()).device
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        fresh = kind(network.config)
    network.load_state_dict(fresh.to(place).state_dict())


@dataclass(frozen=True, slots=True, eq=False)
class EncoderSimulator:
    """A simulator made of an encoder.

    Args:
        model: The encoder with its head.
    """

    model: TransformerModel

    def guesses(self, data: RationaleDataset) -> dict[str, NDArray[np.float64]]:
        """Probabilities of the choices for every example of a view, by id; float64 `[choices]`."""
        items = prepare(self.model, data)
        found: dict[str, NDArray[np.float64]] = {}
        with torch.inference_mode():
            for batch in by_length(items):
                encodings = [item.encoding for item in batch]
                answers = choice_scores(self.model, encodings).double().softmax(dim=1).cpu().numpy()
                for item, row in zip(batch, answers, strict=True):
                    found[item.example.id] = row[: len(item.example.choices)]
        return found

    def save(self, folder: Path) -> None:
        """Writes the model, as `load_model` reads it."""
        with quiet():
            self.model.save(str(folder / "model"))
