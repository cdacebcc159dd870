"""One token at a time from a language model: what decoding asks, for causal models and encoder-decoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache

from rationale_eval.models.choice_lm import decoder_start
from rationale_eval.models.shared_prefix import Prefix, can_share, read_prefix, sharing
from rationale_eval.models.transformer import TransformerModel

Ids = NDArray[np.int64]


class Steps(ABC):
    """A batch of texts that grow by one token at a time."""

    @abstractmethod
    def start(self, prompts: Sequence[Ids]) -> Tensor:
        """Reads the prompts; float32 logits of the first token `[rows, vocabulary]`."""

    @abstractmethod
    def step(self, ids: Tensor) -> Tensor:
        """Adds one token to every row, int64 `[rows]`; float32 logits of the next."""

    @abstractmethod
    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows only, int64 `[kept]`."""


class CausalSteps(Steps):
    """A causal model; tokens that all prompts begin with are read once.

    Args:
        model: The model.
        shared: Token ids that every prompt begins with.
    """

    def __init__(self, model: TransformerModel, shared: Ids):
        self._network: Any = model.network
        self._pad, self._device = model.pad_id, model.device
        self._shared = shared if can_share(model.network) else shared[:0]
        self._prefix: Prefix = read_prefix(model.network, torch.from_numpy(self._shared).to(self._device))
        self._cache = DynamicCache()
        self._mask = torch.zeros(0, 0)

    def start(self, prompts: Sequence[Ids]) -> Tensor:
        """Reads what is the prompts' own, padded on the left."""
        rest = [prompt[self._prefix.tokens :] for prompt in prompts]
        longest = max(map(len, rest))
        ids = np.full((len(rest), longest), self._pad, dtype=np.int64)
        mask = np.zeros((len(rest), longest), dtype=np.int64)
        for row, own in enumerate(rest):
            ids[row, longest - len(own) :] = own
            mask[row, longest - len(own) :] = 1
        self._cache = DynamicCache()
        self._mask = torch.from_numpy(mask).to(self._device)
        return self._read(torch.from_numpy(ids).to(self._device))

    def step(self, ids: Tensor) -> Tensor:
        """Adds one token to every row."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(ids), 1)], dim=1)
        return self._read(ids[:, None])

    def keep(self, rows: Tensor) -> None:
        """Drops the other rows from what is remembered."""
        self._cache.batch_select_indices(rows)
        self._mask = self._mask[rows]

    def _read(self, ids: Tensor) -> Tensor:
        places = (self._mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :] + self._prefix.tokens
        with sharing(self._network, self._prefix):
            states = self._network.base_model(
                input_ids=ids,
                attention_mask=self._mask,
                position_ids=places,
                past_key_values=self._cache,
                use_cache=True,
            ).last_hidden_state
        logits: Tensor = self._network.get_output_embeddings()(states[:, -1])
        return logits.float()


class Seq2SeqSteps(Steps):
    """An encoder-decoder; the encoder reads each prompt once.

    Args:
        model: The model.
    """

    def __init__(self, model: TransformerModel):
        self._network: Any = model.network
        self._pad, self._device = model.pad_id, model.device
        self._start = decoder_start(self._network.config)
        self._memory = self._mask = torch.zeros(0, 0)
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def start(self, prompts: Sequence[Ids]) -> Tensor:
        """Reads the prompts by the encoder."""
        longest = max(map(len, prompts))
        ids = np.full((len(prompts), longest), self._pad, dtype=np.int64)
        mask = np.zeros((len(prompts), longest), dtype=np.int64)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = prompt
            mask[row, : len(prompt)] = 1
        self._mask = torch.from_numpy(mask).to(self._device)
        encoder = self._network.get_encoder()
        asked = torch.from_numpy(ids).to(self._device)
        self._memory = encoder(input_ids=asked, attention_mask=self._mask).last_hidden_state
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        return self.step(torch.full((len(prompts),), self._start, dtype=torch.int64, device=self._device))

    def step(self, ids: Tensor) -> Tensor:
        """Adds one token to every row."""
        logits: Tensor = self._network(
            encoder_outputs=(self._memory,),
            attention_mask=self._mask,
            decoder_input_ids=ids[:, None],
            past_key_values=self._cache,
            use_cache=True,
        ).logits
        return logits[:, -1].float()

    def keep(self, rows: Tensor) -> None:
        """Drops the other rows from what is remembered."""
        self._cache.batch_select_indices(rows)
        self._memory, self._mask = self._memory[rows], self._mask[rows]
