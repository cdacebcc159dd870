"""A model small enough to compute by hand: logits are the sum of one vector for each attended token.

Every word is one token, found in a table that grows as words turn up; a position weight can be switched on so that
deleting and
masking differ, and each token's vector is scaled by 1 + `neighbour` times the sum over attended tokens, so that words
interact.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor, nn

from rationale_eval.data.example import Example
from rationale_eval.data.words import Word
from rationale_eval.models.base import NO_WORD, Batch, Encoding, Row, TaskModel

PAD, MASK, CLS, SEP, FIRST = 0, 1, 2, 3, 4
TABLE = 4096


class LinearNetwork(nn.Module):
    """Sum of token vectors `[classes]`, weighted by 1 + `slope` * position, plus a quadratic term."""

    def __init__(self, classes: int, slope: float, curve: float, seed: int):
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.table = nn.Embedding(TABLE, classes)
        with torch.no_grad():
            self.table.weight.copy_(torch.randn(TABLE, classes, generator=draw))
            self.table.weight[PAD] = 0.1
            self.table.weight[MASK] = -0.1
        self.slope, self.curve = slope, curve

    def forward(self, embeds: Tensor, attention: Tensor) -> Tensor:
        weights = attention * (1 + self.slope * torch.arange(embeds.shape[1]))
        total = (embeds * weights[..., None]).sum(1)
        return total + self.curve * total**2


class LinearModel(TaskModel):
    """A classifier (`choices` given) or a scorer of choices (`choices` None) over `LinearNetwork`."""

    def __init__(
        self,
        choices: tuple[str, ...] | None = ("a", "b", "c"),
        *,
        slope: float = 0.05,
        curve: float = 0.03,
        seed: int = 0,
        max_length: int = 64,
    ):
        self.name, self.choices, self.max_length = "linear", choices, max_length
        self.outputs = len(choices) if choices else 1
        self.network = LinearNetwork(self.outputs, slope, curve, seed).eval()
        self.fingerprint = f"linear/{choices}/{slope}/{curve}/{seed}"
        self.device, self.pad_id, self.mask_id = torch.device("cpu"), PAD, MASK
        self.batches: list[tuple[int, int]] = []

    @staticmethod
    def token(text: str) -> int:
        """The id of a word, by a hash that is the same in every process."""
        return FIRST + int.from_bytes(blake2b(text.lower().encode(), digest_size=4).digest()) % (TABLE - FIRST)

    def encode(self, example: Example, words: Sequence[Word]) -> Encoding:
        room = self.max_length - 3
        kept = list(words)[:room]
        ids = [self.token(example.inputs[word.field][word.start : word.end]) for word in kept]
        rows = []
        for choice in [None] if self.choices else example.choices:
            tail = [SEP] if choice is None else [SEP, self.token(choice)]
            rows.append(
                Row(
                    np.array([CLS, *ids, *tail]),
                    np.zeros(len(ids) + 1 + len(tail), dtype=np.int64),
                    np.array([NO_WORD, *range(len(ids)), *[NO_WORD] * len(tail)]),
                    np.zeros(0, dtype=np.int64),
                )
            )
        seen = np.arange(len(words)) < len(kept)
        return Encoding(tuple(rows), len(words), seen, len(words) > room)

    def embedding(self) -> nn.Embedding:
        return self.network.table

    def scores(self, batch: Batch) -> Tensor:
        self.batches.append(tuple(batch.ids.shape))
        embeds = self.embedding()(batch.ids) if batch.embeds is None else batch.embeds
        inside = torch.arange(batch.ids.shape[1])[None, :] < batch.lengths[:, None]
        attention = inside.float() if batch.attention is None else batch.attention.float()
        return self.network(embeds, attention)

    def retokenize(self, row: Row, keep: np.ndarray) -> np.ndarray:
        return row.ids[keep]

    def save(self, folder: str) -> None:
        raise OSError("a model for tests is not saved")
