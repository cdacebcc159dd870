"""Attention to a text that all rows begin with, computed once and kept once.

A few-shot prompt is the same for every example, so its keys and values are too. They are held for one row; the queries
of all rows meet them in one product, and each row's own tokens in another. The softmax runs over both:

    A = softmax([Q K_shared^T, Q K_own^T] / sqrt(d)) [V_shared; V_own]

which is what the whole text would give, without reading it again and without a copy for every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache
from transformers.masking_utils import sdpa_mask

SHARED_PREFIX: Final = "shared_prefix"
"""Under this name transformers knows it."""

SHARES: Final = {"llama", "qwen2", "qwen3", "mistral", "gpt2", "gpt_neox"}
"""Model types whose attention takes an implementation by name and adds nothing to the products."""


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """What every layer keeps of the shared tokens.

    Args:
        tokens: How many there are.
        layers: Keys and values of each layer, `[key heads, tokens, size]` each.
    """

    tokens: int
    layers: tuple[tuple[Tensor, Tensor], ...]


_NONE: Final = Prefix(0, ())
_now: ContextVar[Prefix] = ContextVar("prefix", default=_NONE)


def can_share(network: nn.Module) -> bool:
    """Whether the rows of a causal model can share a prefix: known architecture, every layer sees all tokens."""
    config: Any = network.config
    windows = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    return config.model_type in SHARES and windows is None


@contextmanager
def sharing(network: nn.Module, prefix: Prefix) -> Iterator[None]:
    """For as long as the block runs, every row of the network continues `prefix`; its own tokens come after."""
    # Every layer looks its attention up by this name at every pass. The network's own switch walks all modules, at
    # every token.
    config: Any = network.config
    before = config._attn_implementation
    config._attn_implementation = SHARED_PREFIX
    token = _now.set(prefix)
    try:
        yield
    finally:
        _now.reset(token)
        config._attn_implementation = before


def read_prefix(network: nn.Module, ids: Tensor) -> Prefix:
    """Reads the shared tokens, int64 `[tokens]`, once."""
    if not len(ids):
        return _NONE
    model: Any = network
    cache = model.base_model(input_ids=ids[None], use_cache=True, past_key_values=DynamicCache()).past_key_values
    return Prefix(len(ids), tuple((layer.keys[0], layer.values[0]) for layer in cache.layers))


def shared_prefix(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention over the shared prefix and the rows' own tokens, with the signature of transformers.

    Args:
        module: The layer's attention; `layer_idx` says which layer it is.
        query: `[rows, heads, asking, size]`.
        key: `[rows, key heads, tokens, size]`; several heads may share keys.
        value: The same shape.
        attention_mask: Booleans that broadcast to `[rows, 1, asking, tokens]`; None for plain causal order.
        dropout: Not used: nothing is trained here.
        scaling: Factor on the products.

    Returns:
        `[rows, asking, heads, size]`, and no weights.
    """
    rows, heads, asking, size = query.shape
    kinds, tokens = key.shape[1], key.shape[2]
    scale = size**-0.5 if scaling is None else scaling
    grouped = query.reshape(rows, kinds, heads // kinds * asking, size) * scale
    own = torch.matmul(grouped, key.transpose(2, 3)).view(rows, kinds, -1, asking, tokens)
    seen = _causal(asking, tokens, query.device) if attention_mask is None else attention_mask[:, :, None]
    own = own.masked_fill(~seen, torch.finfo(own.dtype).min)
    prefix = _now.get()
    if not prefix.tokens:
        weights = own.softmax(-1, dtype=torch.float32).to(value.dtype)
        found = torch.matmul(weights.flatten(2, 3), value)
    else:
        keys, values = prefix.layers[module.layer_idx]
        # One product for all rows: they meet the same keys.
        asked = grouped.transpose(0, 1).reshape(kinds, -1, size)
        shared = torch.matmul(asked, keys.transpose(1, 2)).view(kinds, rows, -1, asking, prefix.tokens).transpose(0, 1)
        weights = torch.cat([shared, own], dim=-1).softmax(-1, dtype=torch.float32).to(value.dtype)
        on_shared, on_own = weights.split([prefix.tokens, tokens], dim=-1)
        given = torch.matmul(on_shared.transpose(0, 1).reshape(kinds, -1, prefix.tokens), values)
        found = torch.matmul(on_own.flatten(2, 3), value) + given.view(kinds, rows, -1, size).transpose(0, 1)
    return found.reshape(rows, heads, asking, size).transpose(1, 2).contiguous(), None


def _causal(asking: int, tokens: int, device: torch.device) -> Tensor:
    return torch.ones(asking, tokens, dtype=torch.bool, device=device).tril(tokens - asking)[None, None, None]


AttentionInterface.register(SHARED_PREFIX, shared_prefix)
AttentionMaskInterface.register(SHARED_PREFIX, sdpa_mask)
