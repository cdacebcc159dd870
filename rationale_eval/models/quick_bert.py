"""A quicker reading of a BERT encoder that only has to classify: same numbers, fewer and larger products.

Evaluation asks a frozen encoder hundreds of thousands of short questions on a CPU. Three things make each one cheaper
without changing what is computed:

- weights are packed once for the processor's kernels, and query, key and value are one product;
- GELU happens inside the product that feeds it;
- the last layer computes only what the head reads: keys and values of all tokens, everything else of the first.

It is used only where it was compared with the network itself and gave the same logits; see `quick_bert`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TOLERANCE: Final = {torch.float32: 2e-5, torch.bfloat16: 0.1}
"""Largest accepted difference of logits from the network's own, relative to the largest of them (at least 1)."""

_KERNELS: Final = getattr(torch.ops, "mkldnn", None)


@dataclass(frozen=True, slots=True)
class Product:
    """A linear layer with its weight packed for this processor."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor, then: str = "none") -> Tensor:
        """X W^T + b, followed by "gelu" (exact, by the error function) or nothing; x is `[tokens, in]`."""
        algorithm = "none" if then == "gelu" else ""
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, then, [], algorithm)
        return found


def _pack(*linears: nn.Linear) -> Product:
    weight = torch.cat([linear.weight.detach() for linear in linears]).contiguous()
    bias = torch.cat([linear.bias.detach() for linear in linears]).contiguous()
    return Product(torch.ops.mkldnn._reorder_linear_weight(weight, None), bias)


class _Layer:
    """One encoder layer; `first_only` keeps only the first token of each row."""

    def __init__(self, layer: Any, heads: int, *, first_only: bool):
        attention, output = layer.attention.self, layer.attention.output
        self.heads, self.first_only = heads, first_only
        self.query = attention.query
        projections = (attention.key, attention.value)
        self.project = _pack(*projections) if first_only else _pack(attention.query, *projections)
        self.mix, self.mixed = _pack(output.dense), output.LayerNorm
        self.widen, self.narrow = _pack(layer.intermediate.dense), _pack(layer.output.dense)
        self.norm = layer.output.LayerNorm

    def __call__(self, x: Tensor, rows: int, hidden: Tensor | None) -> Tensor:
        """States `[rows * tokens, width]` to the next, or to `[rows, width]` for the last layer."""
        width, tokens = x.shape[1], x.shape[0] // rows
        size = width // self.heads
        parts = self.project(x).view(rows, tokens, -1, self.heads, size).permute(2, 0, 3, 1, 4)
        if self.first_only:
            x = x.view(rows, tokens, width)[:, 0].contiguous()
            query = self.query(x).view(rows, 1, self.heads, size).transpose(1, 2)
            key, value = parts[0], parts[1]
        else:
            query, key, value = parts[0], parts[1], parts[2]
        weights = torch.matmul(query, key.transpose(2, 3)).mul_(1 / math.sqrt(size))
        if hidden is not None:
            weights = weights.add_(hidden)
        weights = weights.softmax(-1, dtype=torch.float32).to(x.dtype)
        context = torch.matmul(weights, value).transpose(1, 2).reshape(-1, width)
        x = _normed(self.mix(context).add_(x), self.mixed)
        return _normed(self.narrow(self.widen(x, "gelu")).add_(x), self.norm)


class QuickBert:
    """Reads token ids with the weights of a BERT model with a head on the first token.

    Args:
        network: A module with `bert` (absolute positions, exact GELU) and `classifier`.
    """

    def __init__(self, network: Any):
        self._bert, self._head = network.bert, network.classifier
        layers = network.bert.encoder.layer
        heads = network.config.num_attention_heads
        self._layers = [_Layer(layer, heads, first_only=layer is layers[-1]) for layer in layers]
        self.state = state_of(network)

    def logits(self, ids: Tensor, types: Tensor, attention: Tensor | None, embeds: Tensor | None) -> Tensor:
        """Head outputs `[rows, labels]`.

        Args:
            ids: Token ids `[rows, tokens]`.
            types: Segment ids `[rows, tokens]`.
            attention: 1 where attended `[rows, tokens]`; None attends to all.
            embeds: Word embeddings `[rows, tokens, width]` in place of those of `ids`, or None.
        """
        rows, tokens = ids.shape
        tables = self._bert.embeddings
        words = tables.word_embeddings(ids) if embeds is None else embeds
        x = words + tables.token_type_embeddings(types) + tables.position_embeddings.weight[:tokens]
        x = _normed(x.view(rows * tokens, -1), tables.LayerNorm)
        hidden = None
        if attention is not None:
            hidden = torch.zeros_like(attention, dtype=x.dtype)[:, None, None, :]
            hidden = hidden.masked_fill((attention == 0)[:, None, None, :], torch.finfo(x.dtype).min)
        for layer in self._layers:
            x = layer(x, rows, hidden)
        pooled = self._bert.pooler.dense(x).tanh()
        logits: Tensor = self._head(pooled)
        return logits


def quick_bert(network: nn.Module, pad_id: int) -> QuickBert | None:
    """A quick reader of `network`, or None where there is none that gives the same logits.

    Args:
        network: Any module.
        pad_id: Id of padding, for the comparison.
    """
    if not _fits(network):
        return None
    with torch.inference_mode():
        reader = QuickBert(network)
        return reader if _agrees(reader, network, pad_id) else None


def state_of(network: nn.Module) -> tuple[tuple[int, int], ...]:
    """What changes whenever a weight does, in place or by replacement."""
    return tuple((weight.data_ptr(), weight._version) for weight in network.parameters())


def _fits(network: Any) -> bool:
    config: Any = getattr(network, "config", None)
    parameter = next(network.parameters(), None)
    return (
        getattr(config, "model_type", None) == "bert"
        and isinstance(getattr(network, "classifier", None), nn.Linear)
        and getattr(getattr(network, "bert", None), "pooler", None) is not None
        and config.hidden_act == "gelu"
        and getattr(config, "position_embedding_type", "absolute") in (None, "absolute")
        and not config.is_decoder
        and parameter is not None
        and parameter.device.type == "cpu"
        and parameter.dtype in TOLERANCE
        and torch.backends.mkldnn.is_available()
        and hasattr(_KERNELS, "_linear_pointwise")
        and hasattr(_KERNELS, "_reorder_linear_weight")
    )


def _agrees(reader: QuickBert, network: Any, pad_id: int) -> bool:
    """Compares both readings of random rows, with and without padding."""
    draw = torch.Generator().manual_seed(0)
    rows, tokens = 4, min(24, network.config.max_position_embeddings)
    ids = torch.randint(0, network.config.vocab_size, (rows, tokens), generator=draw)
    types = torch.zeros_like(ids)
    types[:, tokens // 2 :] = network.config.type_vocab_size - 1
    attention = torch.ones_like(ids)
    attention[1:, tokens - 5 :] = 0
    padded = torch.where(attention == 1, ids, pad_id)
    asked = network
    for shown, mask in ((ids, None), (padded, attention)):
        args = {"input_ids": shown, "token_type_ids": types, "attention_mask": mask}
        if type(network).__name__.endswith("ForMultipleChoice"):
            args = {name: value if value is None else value.unsqueeze(1) for name, value in args.items()}
        expected = asked(**args).logits.float().view(rows, -1)
        found = reader.logits(shown, types, mask, None).float()
        scale = max(1.0, float(expected.abs().max()))
        if not float((found - expected).abs().max()) <= TOLERANCE[next(network.parameters()).dtype] * scale:
            return False
    return True


def _normed(x: Tensor, norm: Any) -> Tensor:
    return F.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
