"""A simulator that does not follow words which give the answer away (Jiang et al. 2024, RORA, step 5).

Every example is read twice: with its rationale (the factual environment) and with one whose leaking words point to
another label (the counterfactual one, see `environments.py`). A leak predicts the answer in the first and misleads in
the second; what explains the answer helps in both. With z the scores of the choices, the loss is

    L = mean over both of CE(z, y)  +  lambda * sum over both of (d/dw CE(w z, y) at w = 1)^2

the second term being the invariance penalty of Arjovsky et al. 2019 (IRMv1) with one scale w; lambda is 0 at first. The
derivative has a closed form, the mean over examples of sum_c p_c z_c - z_y, so a step costs no second backward pass.
The released code gives each choice a scale of its own.

The weights that are kept are those with the least held-out loss in the worse of both environments; the released code
looks at the factual one alone, where a leak helps. That choice is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.models.base import TaskModel
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.recipes.fine_tune import cross_entropy
from rationale_eval.simulators.config import SimulatorConfig
from rationale_eval.simulators.environments import environments
from rationale_eval.simulators.invariance import invariance
from rationale_eval.simulators.learned import Learned
from rationale_eval.simulators.simulator import ModelSimulator, new_model, teach
from rationale_eval.training.examples import Prepared, by_length, choice_scores, prepare
from rationale_eval.training.fingerprint import digest
from rationale_eval.training.learner import Learner, TrainingSet
from rationale_eval.training.objective import Term
from rationale_eval.training.progress import Report, silent
from rationale_eval.training.randomness import Moment


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One example in both environments."""

    factual: Prepared
    counterfactual: Prepared

    @property
    def example(self) -> Example:
        """The example."""
        return self.factual.example

    @property
    def label(self) -> int:
        """Index of the answer, the same in both."""
        return self.factual.label


class RobustLearner(Learner[Pair]):
    """Learns the answer from what holds in both environments.

    Args:
        model: The simulator, trained in place.
        dev: What it is evaluated on.
        penalty: lambda.
        after: Share of the training before the penalty counts, 0 to 1.
    """

    def __init__(self, model: TaskModel, dev: TrainingSet[Pair], penalty: float, after: float):
        self.model, self.dev = model, dev
        self.terms: Sequence[Term] = (
            Term("task"),
            Term("irm", weight=lambda progress: penalty if progress >= after else 0.0, reduction="batch"),
        )

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.model.device

    def modules(self) -> Mapping[str, Any]:
        """The network."""
        return {"network": self.model.network}

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        """`task`: the mean of both environments' cross-entropies, `[examples]`; `irm`: the sum of their penalties."""
        factual, counterfactual = self._scores(batch)
        answers = [pair.factual for pair in batch]
        task = (cross_entropy(factual, answers) + cross_entropy(counterfactual, answers)) / 2
        labels = torch.tensor([pair.label for pair in batch], device=task.device)
        return {"task": task, "irm": invariance(factual, labels) + invariance(counterfactual, labels)}

    def evaluate(self) -> Mapping[str, float]:
        """`accuracy` in the factual environment, `loss` in the worse one, and both environments' losses."""
        right, losses = [], []
        for batch in by_length(self.dev):
            both = self._scores(batch)
            answers = [pair.factual for pair in batch]
            right.append(both[0].argmax(dim=1).cpu().numpy() == np.array([pair.label for pair in batch]))
            losses.append(torch.stack([cross_entropy(scores, answers) for scores in both]).double().cpu().numpy())
        factual, counterfactual = np.concatenate(losses, axis=1).mean(axis=1).tolist()
        return {
            "accuracy": float(np.concatenate(right).mean()),
            "loss": max(factual, counterfactual),
            "factual_loss": factual,
            "counterfactual_loss": counterfactual,
        }

    def _scores(self, batch: Sequence[Pair]) -> tuple[Tensor, Tensor]:
        """Scores of the choices in each environment `[examples, choices]`, read in one pass."""
        items = [*(pair.factual for pair in batch), *(pair.counterfactual for pair in batch)]
        scores = choice_scores(self.model, [item.encoding for item in items]).float()
        return scores[: len(batch)], scores[len(batch) :]


def train_robust(
    config: SimulatorConfig,
    train: RationaleDataset,
    dev: RationaleDataset,
    *,
    folder: Path,
    device: str = "auto",
    seed: int = 0,
    report: Report = silent,
) -> tuple[ModelSimulator, Learned]:
    """Trains one robust simulator; see `train_simulator`, whose arguments these are."""
    both = environments(config, train, dev, seed)
    model = new_model(config, train, device=device, seed=seed)
    items, held = (_paired(model, *both[name]) for name in ("train", "dev"))
    settings = config.settings("loss")
    learner = RobustLearner(model, held, config.irm, config.irm_after)
    return teach(learner, items, held, settings, model, folder=folder, seed=seed, report=report)


def _paired(model: TransformerModel, factual: RationaleDataset, counterfactual: RationaleDataset) -> TrainingSet[Pair]:
    first, second = prepare(model, factual), prepare(model, counterfactual)
    return TrainingSet(
        [Pair(one, other) for one, other in zip(first.items, second.items, strict=True)],
        first.ids,
        first.lengths + second.lengths,
        digest([first.fingerprint, second.fingerprint]),
        first.truncated + second.truncated,
    )
