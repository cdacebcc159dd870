"""What an extractor is: a module that gives every token a number, how much it belongs in the rationale.

A positive number selects the token. The rationale is always that of one row of an example: the row the explained
choice is read from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor, nn

from rationale_eval.models.base import NO_WORD, Batch, Row, TaskModel
from rationale_eval.registry import Registry


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Rows as an extractor sees them.

    Args:
        rows: The rows.
        batch: The same, padded.
        classes: The output of each row that is explained, int64 `[rows]`: the class, or 0 where a row has one output.
        word: Word of each token, int64 `[rows, tokens]`; `NO_WORD` for special tokens, prompt text and padding.
        states: The task model's last states `[rows, tokens, hidden]`, where they are at hand.
    """

    rows: Sequence[Row]
    batch: Batch
    classes: Tensor
    word: Tensor
    states: Tensor | None = None

    @property
    def attended(self) -> Tensor:
        """Booleans `[rows, tokens]`: False for padding."""
        places = torch.arange(self.batch.ids.shape[1], device=self.batch.ids.device)
        return places < self.batch.lengths[:, None]

    def with_states(self, states: Tensor) -> Reading:
        """The same rows with the task model's states."""
        return replace(self, states=states)


def read(model: TaskModel, rows: Sequence[Row], classes: Sequence[int]) -> Reading:
    """Pads rows and says what is explained of each."""
    batch = model.pad(rows)
    word = np.full(batch.ids.shape, NO_WORD, dtype=np.int64)
    for place, row in enumerate(rows):
        word[place, : len(row.ids)] = row.word
    device = batch.ids.device
    return Reading(rows, batch, torch.tensor(classes, device=device), torch.from_numpy(word).to(device))


class Extractor(nn.Module, ABC):
    """Gives every token a logit.

    Attributes:
        kind: As stored: the registry's name.
        needs_states: Whether it reads the task model's states.
    """

    kind: ClassVar[str]
    needs_states: ClassVar[bool] = False

    @abstractmethod
    def logits(self, model: TaskModel, reading: Reading) -> Tensor:
        """Token logits, float32 `[rows, tokens]`; padding holds anything."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What `build` needs besides the task model to make the module again, as JSON values."""

    @classmethod
    @abstractmethod
    def build(cls, model: TaskModel, settings: dict[str, Any]) -> Extractor:
        """The module for a task model, before its weights are read."""


EXTRACTORS: Final[Registry[type[Extractor]]] = Registry("extractor")


def extractor(cls: type[Extractor]) -> type[Extractor]:
    """Registers an extractor under its kind."""
    return EXTRACTORS.add(cls.kind, cls)


def hidden_size(model: TaskModel) -> int:
    """Width of the states."""
    config: Any = model.network.config
    return int(config.hidden_size)
