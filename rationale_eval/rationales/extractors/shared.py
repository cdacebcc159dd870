"""An extractor that reads the task model's own states through a head of its own (UNIREX: SLM)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rationale_eval.models.base import TaskModel
from rationale_eval.rationales.extractors.heads import Head, token_head
from rationale_eval.rationales.extractors.record import Extractor, Reading, extractor, hidden_size


@extractor
class Shared(Extractor):
    """a_t = head(h_t), h the last states of the task model's encoder.

    Args:
        width: Width of the states.
        head: Form of the head.

    Source: Chan et al. 2022 (UNIREX), section 4.1 (shared language model).
    """

    kind = "shared"
    needs_states = True

    def __init__(self, width: int, head: Head = "linear"):
        super().__init__()
        self.width, self.form = width, head
        self.head = token_head(width, head)

    def logits(self, model: TaskModel, reading: Reading) -> Tensor:
        """Token logits from the states; they are computed where the reading has none."""
        states = reading.states if reading.states is not None else model.scores_and_states(reading.batch)[1]
        found: Tensor = self.head(states).squeeze(-1)
        return found.float()

    def settings(self) -> dict[str, Any]:
        """Form of the head."""
        return {"head": self.form}

    @classmethod
    def build(cls, model: TaskModel, settings: dict[str, Any]) -> Shared:
        """A fresh head for a task model."""
        return cls(hidden_size(model), settings.get("head", "linear"))
