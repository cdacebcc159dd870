"""Fine-tuning a task model on the labels: the ordinary model whose decisions are then explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from rationale_eval.models.base import TaskModel
from rationale_eval.recipes.record import Recipe, Stage, recipe
from rationale_eval.training.examples import Prepared, by_length, choice_scores, prepare
from rationale_eval.training.learner import Learner, TrainingSet
from rationale_eval.training.objective import Term
from rationale_eval.training.randomness import Moment
from rationale_eval.training.settings import LoopSettings


class FineTuneConfig(LoopSettings):
    """Knobs of plain fine-tuning."""

    metric: Literal["accuracy", "macro_f1", "loss"] = Field(
        "accuracy", description="Dev metric that selects the weights and stops early."
    )
    freeze_embeddings: bool = Field(
        False, description="Leave the word embeddings as they are; quicker, a little worse."
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description=(
            "Dropout of every layer; the model's own when not given. 0 trains long texts several times quicker on a "
            "CPU, where drawing the masks of attention takes most of the time."
        ),
    )


@recipe
class FineTune(Recipe):
    """L = -log p(y | x), p the softmax over the choices: the classes, or the options of a multiple-choice question."""

    name = "fine_tune"
    title = "Fine-tune the task model on the labels"
    cite = "Devlin et al. 2019, section 4"
    describe = (
        "The ordinary task model: it learns the labels and nothing about rationales, and is then explained by a method."
    )
    avoid = (
        "Not where a model is to give rationales of its own, or is to be held to people's highlights; the other "
        "recipes do that."
    )
    Config = FineTuneConfig

    def stages(self) -> Iterator[Stage]:
        """One stage: the whole model on the labels."""
        assert isinstance(self.config, FineTuneConfig)
        train = prepare(self.model, self.train)
        dev = None if self.dev is None else prepare(self.model, self.dev)
        self.model.embedding().weight.requires_grad_(not self.config.freeze_embeddings)
        if self.config.dropout is not None:
            set_dropout(self.model.network, self.config.dropout)
        yield Stage("fine_tune", LabelLearner(self.model, dev), train, self.config)


def set_dropout(network: nn.Module, share: float) -> None:
    """Sets the dropout of every layer, attention included."""
    module: Any
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
        elif isinstance(getattr(module, "dropout", None), float):
            # Encoder-decoders keep the share of their attention, and some that of all layers, as a plain number.
            module.dropout = share


class LabelLearner(Learner[Prepared]):
    """Learns the right choice.

    Args:
        model: The task model, trained in place.
        dev: What it is evaluated on, or None.
    """

    terms: Sequence[Term] = (Term("task"),)

    def __init__(self, model: TaskModel, dev: TrainingSet[Any] | None):
        self.model, self.dev = model, dev

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.model.device

    def modules(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"network": self.model.network}

    def losses(self, batch: Sequence[Prepared], moment: Moment) -> Mapping[str, Tensor]:
        """`task`: -log p(y | x), `[examples]`."""
        return {"task": cross_entropy(self.answers(batch), batch)}

    def answers(self, batch: Sequence[Prepared]) -> Tensor:
        """Scores of the choices `[examples, choices]`; -inf where an example has fewer."""
        return choice_scores(self.model, [item.encoding for item in batch])

    def evaluate(self) -> Mapping[str, float]:
        """`accuracy`, `macro_f1` (over the classes that occur) and `loss` on the dev set."""
        if self.dev is None:
            return {}
        losses, gold, chosen = [], [], []
        for batch in by_length(self.dev):
            scores = self.answers(batch)
            losses.append(cross_entropy(scores, batch).double().cpu().numpy())
            chosen.append(scores.argmax(dim=1).cpu().numpy())
            gold.append(np.array([item.label for item in batch]))
        return _report(np.concatenate(losses), np.concatenate(gold), np.concatenate(chosen))


def cross_entropy(scores: Tensor, batch: Sequence[Prepared]) -> Tensor:
    """-log p(y | x), float32 `[examples]`, from scores `[examples, choices]`."""
    labels = torch.tensor([item.label for item in batch], device=scores.device)
    return nn.functional.cross_entropy(scores.float(), labels, reduction="none")


def _report(losses: np.ndarray, gold: np.ndarray, chosen: np.ndarray) -> dict[str, float]:
    right = gold == chosen
    # F1 = 2 TP / (2 TP + FP + FN), and the denominator is how often the class is right plus how often it is chosen.
    f1 = [2 * right[gold == c].sum() / ((gold == c).sum() + (chosen == c).sum()) for c in np.union1d(gold, chosen)]
    return {"accuracy": float(right.mean()), "macro_f1": float(np.mean(f1)), "loss": float(losses.mean())}
