"""An extractor that is another, trained task model with its attributions (FRESH: the support model)."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from rationale_eval.models.base import TaskModel
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extractors.apply import answered
from rationale_eval.rationales.extractors.attributed import Attributed
from rationale_eval.rationales.extractors.record import Extractor, Reading, extractor


@extractor
class Frozen(Extractor):
    """a_t = attribution of token t to the support model's own answer.

    The answer that is explained is that of the support model, whatever the task model says: a label that only training
    knows must not shape the rationale.

    Args:
        network: The support model's network, of the task model's architecture; it is not trained any further.
        method: Attribution method, see `Attributed`.
        params: Its parameters.

    Source: Jain et al. 2020 (FRESH), support model and extractor.
    """

    kind = "frozen"

    def __init__(self, network: nn.Module, method: str, params: Mapping[str, Any]):
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.attributed = Attributed(method, params)
        # Weak, since a model may hold its extractor.
        self._support: tuple[weakref.ref[TaskModel], TransformerModel] | None = None

    def train(self, mode: bool = True) -> Frozen:
        """Stays in eval mode."""
        super().train(mode)
        self.network.eval()
        return self

    def logits(self, model: TaskModel, reading: Reading) -> Tensor:
        """Attributions to the support model's answer, without a gradient."""
        support = self.support(model)
        return self.attributed.logits(support, answered(support, reading))

    def support(self, model: TaskModel) -> TransformerModel:
        """The support model, used as the task model is."""
        if self._support is None or self._support[0]() is not model:
            assert isinstance(model, TransformerModel)
            self._support = weakref.ref(model), model.with_network(self.network)
        return self._support[1]

    def settings(self) -> dict[str, Any]:
        """The attribution method and its parameters."""
        return {"method": self.attributed.method, "params": self.attributed.params}

    @classmethod
    def build(cls, model: TaskModel, settings: dict[str, Any]) -> Frozen:
        """With the task model's network, as it is now, as support model."""
        return cls(copy.deepcopy(model.network), settings["method"], settings["params"])
