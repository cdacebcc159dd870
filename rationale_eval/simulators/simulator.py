"""One simulator: how it is trained, and what it answers.

It is trained on what a view shows, until its accuracy at guessing on held-out examples falls. Pretrained (PT) it starts
from an encoder that knows language; non-pretrained (NP) it is the same architecture with weights drawn at random, so
that it knows only the association of text and label that it was shown (Chan et al. 2022, FRAME).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.models.load import load_model, pick_device, reads
from rationale_eval.models.network import quiet
from rationale_eval.models.new_t5 import new_t5
from rationale_eval.models.prompt import PROMPTS
from rationale_eval.models.source import NEW_T5
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.recipes.fine_tune import set_dropout
from rationale_eval.simulators.config import SimulatorConfig
from rationale_eval.simulators.learned import Learned, Select, learned
from rationale_eval.simulators.sorts import sort_of
from rationale_eval.simulators.writing import PROMPT
from rationale_eval.training.examples import by_length
from rationale_eval.training.journal import Journal
from rationale_eval.training.learner import Learner, TrainingSet
from rationale_eval.training.loop import fit
from rationale_eval.training.outcome import Outcome
from rationale_eval.training.progress import Report, silent
from rationale_eval.training.randomness import derive
from rationale_eval.training.settings import LoopSettings


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
) -> tuple[ModelSimulator, Learned]:
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
    sort = sort_of(model)
    items, held = sort.prepare(model, train), sort.prepare(model, dev)
    return teach(
        sort.learner(model, held), items, held, config.settings(metric), model, folder=folder, seed=seed, report=report
    )


def new_model(config: SimulatorConfig, data: RationaleDataset, *, device: str, seed: int) -> TransformerModel:
    """What a simulator is before it has learned anything."""
    if config.model == NEW_T5:
        weights = derive(seed, "weights")
        model: TransformerModel = new_t5(
            _texts(data), task=data.task, device=pick_device(device), seed=weights, layout=PROMPT
        )
    else:
        prompt = PROMPT if reads(config.model) == "seq2seq" else None
        model = load_model(config.model, task=data.task, device=device, seed=seed, prompt=prompt)
    if config.weights == "np" and config.model != NEW_T5:
        draw_again(model.network, derive(seed, "weights"))
    set_dropout(model.network, config.dropout)
    return model


def _texts(data: RationaleDataset) -> Iterator[str]:
    """What a writing simulator is shown and may write, which sub-words are learned from."""
    prompt = PROMPTS[PROMPT]
    for example in data:
        yield "".join(piece.text for piece in prompt.pieces(example.inputs, example.choices))
        yield from map(prompt.continuation, example.choices)


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
) -> tuple[ModelSimulator, Learned]:
    """Trains a simulator and says what came of it; see `train_simulator`."""
    if not items.items or not held.items:
        raise UsageError("a simulator needs answers to learn from, and others to be held to; give more examples.")
    outcome = trained(learner, items, settings, model, folder=folder, seed=seed, report=report)
    examples = [item.example for item in held.items]
    accuracy, epochs = outcome.metrics["accuracy"], outcome.examples / len(items.items)
    return ModelSimulator(model), learned(len(items.items), examples, accuracy, epochs)


def trained(
    learner: Learner[Any],
    items: TrainingSet[Any],
    settings: LoopSettings,
    model: TransformerModel,
    *,
    folder: Path,
    seed: int,
    report: Report,
) -> Outcome:
    """Trains to the end.

    Raises:
        KeyboardInterrupt: If it was stopped before.
    """
    outcome = fit(learner, items, settings, folder=folder, journal=Journal(None), seed=seed, report=report)
    if outcome.state != "finished":
        raise KeyboardInterrupt("stopped while a simulator was trained; what it has learned is kept")
    model.trained = True
    return outcome


def draw_again(network: nn.Module, seed: int) -> None:
    """Gives a network the weights that its architecture starts from, drawn by seed."""
    kind: Any = type(network)
    place = next(network.parameters()).device
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        fresh = kind(network.config)
    network.load_state_dict(fresh.to(place).state_dict())


@dataclass(frozen=True, slots=True, eq=False)
class ModelSimulator:
    """A simulator made of a whole model.

    Args:
        model: The model.
    """

    model: TransformerModel

    def guesses(self, data: RationaleDataset) -> dict[str, NDArray[np.float64]]:
        """Probabilities of the choices for every example of a view, by id; float64 `[choices]`."""
        sort = sort_of(self.model)
        items = sort.prepare(self.model, data)
        found: dict[str, NDArray[np.float64]] = {}
        with torch.inference_mode():
            for batch in by_length(items):
                answers = sort.scores(self.model, batch).double().softmax(dim=1).cpu().numpy()
                for item, row in zip(batch, answers, strict=True):
                    found[item.example.id] = row[: len(item.example.choices)]
        return found

    def save(self, folder: Path) -> None:
        """Writes the model, as `load_model` reads it."""
        with quiet():
            self.model.save(str(folder / "model"))
