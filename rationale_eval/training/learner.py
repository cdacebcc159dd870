"""What the loop trains: anything that turns a batch into named losses and can be evaluated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rationale_eval.durable import digest
from rationale_eval.training.objective import Term
from rationale_eval.training.randomness import Moment

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet(Generic[Item]):
    """What is learned from.

    Args:
        items: One prepared example each.
        ids: Their ids, for messages.
        lengths: Their cost in tokens, int `[examples]`.
        fingerprint: Content hash of the data.
        truncated: How many were cut short to fit the model.
        pool: Indices of the few examples that half of every batch is drawn from, or None for plain batches; see
            `BatchPlan`.
    """

    items: Sequence[Item]
    ids: Sequence[str]
    lengths: NDArray[np.int64]
    fingerprint: str
    truncated: int = 0
    pool: NDArray[np.int64] | None = None

    @property
    def content(self) -> str:
        """Hash of what is learned from: the data, and which of them are the pool."""
        return self.fingerprint if self.pool is None else digest([self.fingerprint, self.pool.tolist()])


class Learner(ABC, Generic[Item]):
    """Modules and how they learn; a recipe writes one for each of its stages.

    Attributes:
        terms: The objective, term by term.
        lower_is_better: Dev metrics of which less is better.
    """

    terms: Sequence[Term]
    lower_is_better: ClassVar[frozenset[str]] = frozenset({"loss"})

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the modules live."""

    @abstractmethod
    def modules(self) -> Mapping[str, nn.Module]:
        """All that is trained and checkpointed, by name. Parameters that need no gradient stay as they are."""

    @abstractmethod
    def losses(self, batch: Sequence[Item], moment: Moment) -> Mapping[str, Tensor]:
        """One loss for each declared term: `[examples]` or a scalar, as the term's reduction says.

        The modules are in training mode and torch is seeded for this moment. Other noise must come from `moment`.
        """

    @abstractmethod
    def evaluate(self) -> Mapping[str, float]:
        """Dev metrics by name; empty without development data. The modules are in eval mode, gradients are off.

        It must not change the learner: Ctrl-C may end it anywhere.
        """

    def learning_rate_scale(self, parameter: str) -> float:
        """Factor on the learning rate of one parameter, by its name (`module.path`)."""
        return 1.0
