"""An extractor that predicts which bin a token's attribution falls into (L2E)."""

from __future__ import annotations

import copy
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rationale_eval.models.base import TaskModel
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extractors.heads import Head, token_head
from rationale_eval.rationales.extractors.record import Extractor, Reading, extractor, hidden_size

VALUES: Final = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Value of each bin: strongly negative, weakly negative, zero, weakly positive, strongly positive. The values are ours;
the sources name the bins only."""


def bins_of(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each token of one row.

    A score below the mean of the row's negative scores is strongly negative, another below zero weakly negative; a
    score above the mean of its positive scores strongly positive, another above zero weakly positive.

    Args:
        scores: Attributions, float64 `[tokens]`.

    Returns:
        int64 `[tokens]`, places in `VALUES`.

    Source: Situ et al. 2021 (learning to explain), by way of Chan et al. 2022 (UNIREX), released code.
    """
    negative, positive = scores[scores < 0], scores[scores > 0]
    low = negative.mean() if len(negative) else 0.0
    high = positive.mean() if len(positive) else 0.0
    return 2 + np.sign(scores).astype(np.int64) * (1 + ((scores < low) | (scores > high)).astype(np.int64))


@extractor
class Binned(Extractor):
    """a_t = sum over bins b of p_t(b) value(b): the expected value of the bin.

    Args:
        encoder: An encoder of its own.
        width: Width of its states.
        head: Form of the head.

    Source: Situ et al. 2021 (learning to explain); that the score is the expected value of the bin is ours.
    """

    kind = "binned"

    def __init__(self, encoder: nn.Module, width: int, head: Head = "linear"):
        super().__init__()
        self.form = head
        self.encoder = encoder
        self.head = token_head(width, head, len(VALUES))

    def bins(self, model: TaskModel, reading: Reading) -> Tensor:
        """Logits of the bins, float32 `[rows, tokens, bins]`."""
        assert isinstance(model, TransformerModel)
        found: Tensor = self.head(self.encoder(**model.forward_args(reading.batch)).last_hidden_state)
        return found.float()

    def logits(self, model: TaskModel, reading: Reading) -> Tensor:
        """Expected values, between -2 and 2."""
        return expected(self.bins(model, reading))

    def settings(self) -> dict[str, Any]:
        """Form of the head."""
        return {"head": self.form}

    @classmethod
    def build(cls, model: TaskModel, settings: dict[str, Any]) -> Binned:
        """A copy of the task model's encoder, as it is now, under a fresh head."""
        network: Any = model.network
        encoder = copy.deepcopy(network.base_model).requires_grad_(True)
        return cls(encoder, hidden_size(model), settings.get("head", "linear"))


def expected(bins: Tensor) -> Tensor:
    """Expected value of the bin, float32 `[rows, tokens]`, from logits `[rows, tokens, bins]`."""
    return torch.softmax(bins, dim=-1) @ torch.tensor(VALUES, dtype=bins.dtype, device=bins.device)
