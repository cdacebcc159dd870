"""An extractor with an encoder of its own (UNIREX: DLM)."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from rationale_eval.models.base import Batch, TaskModel
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extractors.heads import Head, token_head
from rationale_eval.rationales.extractors.record import Extractor, Reading, extractor, hidden_size


@extractor
class Separate(Extractor):
    """a_t = head(g_t), g the last states of a second encoder of the task model's architecture.

    Args:
        encoder: The second encoder; a copy of the task model's, trained apart from it.
        width: Width of its states.
        head: Form of the head.

    Source: Chan et al. 2022 (UNIREX), section 4.1 (dual language models).
    """

    kind = "separate"

    def __init__(self, encoder: nn.Module, width: int, head: Head = "linear"):
        super().__init__()
        self.form = head
        self.encoder = encoder
        self.head = token_head(width, head)

    def logits(self, model: TaskModel, reading: Reading) -> Tensor:
        """Token logits from the second encoder's states."""
        found: Tensor = self.head(self.encoder(**self._args(model, reading.batch)).last_hidden_state).squeeze(-1)
        return found.float()

    def _args(self, model: TaskModel, batch: Batch) -> dict[str, Tensor]:
        assert isinstance(model, TransformerModel)
        return model.forward_args(batch)

    def settings(self) -> dict[str, Any]:
        """Form of the head."""
        return {"head": self.form}

    @classmethod
    def build(cls, model: TaskModel, settings: dict[str, Any]) -> Separate:
        """A copy of the task model's encoder, as it is now, under a fresh head."""
        network: Any = model.network
        encoder = copy.deepcopy(network.base_model).requires_grad_(True)
        return cls(encoder, hidden_size(model), settings.get("head", "linear"))
