"""One simulator for several views: parts of what it is shown are dropped while it learns (Hase et al. 2020, LAS).

In every batch some examples are shown without the input, some without the rationale, the others whole. So one model
answers from the input, from the rationale and from both, and its answers differ by what is seen alone. The released
code drops 0.2 of the inputs and 0.4 of the rationales for NLI, 0 and 0.5 for questions with options, never both.

Ours are three choices. Views are spread over a batch evenly from a random start, so that each has its share in small
batches too; the released code draws a fixed number of examples, rounded down. The weights that are kept are those with
the best held-out accuracy on average over the views, since the view that is learned first would end the training else;
the released code looks at both parts together alone. What is dropped is left out, as in the view of that name, and the
choices always stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.simulators.config import SEEN_AT_ALL, SimulatorConfig
from rationale_eval.simulators.learned import Learned, learned
from rationale_eval.simulators.simulator import ModelSimulator, new_model, trained
from rationale_eval.simulators.sorts import sort_of
from rationale_eval.simulators.view import Seen
from rationale_eval.training.fingerprint import digest
from rationale_eval.training.learner import Learner, TrainingSet
from rationale_eval.training.progress import Report, silent
from rationale_eval.training.randomness import Moment

Views = Mapping[Seen, RationaleDataset]


@dataclass(frozen=True, slots=True, eq=False)
class Several:
    """One example as several views show it."""

    example: Example
    by: Mapping[Seen, Any]


class SharedLearner(Learner[Several]):
    """Learns from another view of an example each time.

    Args:
        learners: What learns from each view, evaluated on held-out examples of it; all train the same model.
        shares: How often each view is shown; they add up to 1.
    """

    def __init__(self, learners: Mapping[Seen, Learner[Any]], shares: Mapping[Seen, float]):
        self.learners, self.shares = learners, shares
        self.inner = next(iter(learners.values()))
        self.terms = self.inner.terms

    @property
    def device(self) -> torch.device:
        """Where the model lives."""
        return self.inner.device

    def modules(self) -> Mapping[str, nn.Module]:
        """What is trained."""
        return self.inner.modules()

    def losses(self, batch: Sequence[Several], moment: Moment) -> Mapping[str, Tensor]:
        """Those of the views that are drawn at this moment."""
        drawn = spread(self.shares, len(batch), moment.numpy("shared views"))
        return self.inner.losses([item.by[seen] for item, seen in zip(batch, drawn, strict=True)], moment)

    def evaluate(self) -> Mapping[str, float]:
        """`accuracy` and `loss`, the means over the views, and `accuracy_VIEW` of each."""
        found = {seen: learner.evaluate() for seen, learner in self.learners.items()}
        means = {name: float(np.mean([each[name] for each in found.values()])) for name in ("accuracy", "loss")}
        return means | {f"accuracy_{seen}": each["accuracy"] for seen, each in found.items()}


def spread(shares: Mapping[Seen, float], count: int, draw: np.random.Generator) -> list[Seen]:
    """A view for each of `count` examples, each with its share but for less than one example."""
    names, bounds = list(shares), np.cumsum(list(shares.values()))
    places = (draw.permutation(count) + draw.random()) / count
    found = np.searchsorted(bounds, places * bounds[-1], side="right")
    return [names[min(int(each), len(names) - 1)] for each in found]


def train_shared(
    config: SimulatorConfig,
    train: Views,
    dev: Views,
    *,
    folder: Path,
    device: str = "auto",
    seed: int = 0,
    report: Report = silent,
) -> tuple[ModelSimulator, dict[Seen, Learned]]:
    """Trains a simulator that answers from every view; see `train_simulator`.

    Args:
        config: How.
        train: Views of the examples it learns from.
        dev: The same views of held-out ones.
        folder: For checkpoints.
        device: Where.
        seed: Of its head, its random weights, the order of examples and what is dropped.
        report: Told of every step.

    Returns:
        The simulator, and what it has learned of each view.

    Raises:
        UsageError: If there is nothing to learn from.
    """
    shares = served(config)
    model = new_model(config, train["both"], device=device, seed=seed)
    sort = sort_of(model)
    shown = {seen: sort.prepare(model, train[seen]) for seen in ("both", *shares)}
    held = {seen: sort.prepare(model, dev[seen]) for seen in shares}
    if not shown["both"].items or not all(each.items for each in held.values()):
        raise UsageError("a simulator needs answers to learn from, and others to be held to; give more examples.")
    items = _together(shown)
    learner = SharedLearner({seen: sort.learner(model, each) for seen, each in held.items()}, shares)
    outcome = trained(learner, items, config.settings(), model, folder=folder, seed=seed, report=report)
    epochs = outcome.examples / len(items.items)
    about = {
        seen: learned(
            len(items.items), [item.example for item in each.items], outcome.metrics[f"accuracy_{seen}"], epochs
        )
        for seen, each in held.items()
    }
    return ModelSimulator(model), about


def served(config: SimulatorConfig) -> dict[Seen, float]:
    """The views that a shared simulator answers from, with their shares."""
    return {seen: share for seen, share in config.shares.items() if share >= SEEN_AT_ALL}


def _together(shown: Mapping[Seen, TrainingSet[Any]]) -> TrainingSet[Several]:
    """Examples that have an input and a rationale, each with all its views."""
    whole = shown["both"]
    by_id = {seen: dict(zip(each.ids, each.items, strict=True)) for seen, each in shown.items()}
    return TrainingSet(
        [
            Several(item.example, {seen: of[key] for seen, of in by_id.items()})
            for key, item in zip(whole.ids, whole.items, strict=True)
        ],
        whole.ids,
        whole.lengths,
        digest([each.fingerprint for each in shown.values()]),
        whole.truncated,
    )
