"""Reading many rows with a BERT encoder in one pass, with gradients: no padding between rows of different length.

Products know nothing of rows, so tokens of all batches go through them side by side; only attention is done batch by
batch. Where just the head is asked, the last layer computes what it reads: keys and values of all tokens, everything
else of the first. The numbers are those of the network itself; dropout is drawn in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rationale_eval.models.attention import attend
from rationale_eval.models.base import Batch


def can_read_jointly(network: nn.Module) -> bool:
    """Whether it is BERT with a head on the first token, as far as this file knows BERT."""
    config: Any = getattr(network, "config", None)
    return (
        getattr(config, "model_type", None) == "bert"
        and not config.is_decoder
        and isinstance(getattr(network, "classifier", None), nn.Linear)
        and getattr(getattr(network, "bert", None), "pooler", None) is not None
    )


def joint_logits(network: Any, batches: Sequence[Batch]) -> Tensor:
    """Head outputs `[rows of all batches, labels]`."""
    first = joint_states(network.bert, batches, first_only=True)
    logits: Tensor = network.classifier(network.dropout(network.bert.pooler(first[:, None])))
    return logits


def joint_states(bert: Any, batches: Sequence[Batch], *, first_only: bool = False) -> Tensor:
    """Last states of all tokens of all rows, `[tokens, width]`, batch by batch and row by row, padding included.

    Args:
        bert: The encoder (`BertModel`), in whatever mode it is.
        batches: Rows of similar length each.
        first_only: Only the first token of each row: `[rows, width]`.
    """
    shapes = [(batch.ids.shape[0], batch.ids.shape[1]) for batch in batches]
    masks = [None if batch.attention is None else batch.attention.bool()[:, None, None, :] for batch in batches]
    x = _embedded(bert, batches)
    for layer in bert.encoder.layer:
        x = _layer(layer, x, shapes, masks, first_only=first_only and layer is bert.encoder.layer[-1])
    return x


def _embedded(bert: Any, batches: Sequence[Batch]) -> Tensor:
    tables = bert.embeddings
    ids = torch.cat([batch.ids.flatten() for batch in batches])
    types = torch.cat([batch.types.flatten() for batch in batches])
    places = torch.cat([_places(batch).flatten() for batch in batches])
    given = [batch.embeds for batch in batches]
    # Looked up once: every lookup's gradient is as large as the vocabulary.
    words = (
        tables.word_embeddings(ids)
        if any(one is None for one in given)
        else torch.cat([one.flatten(0, 1) for one in given if one is not None])
    )
    found: Tensor = tables.dropout(
        tables.LayerNorm(words + tables.token_type_embeddings(types) + tables.position_embeddings(places))
    )
    return found


def _places(batch: Batch) -> Tensor:
    if batch.places is not None:
        return batch.places
    return torch.arange(batch.ids.shape[1], device=batch.ids.device).expand_as(batch.ids)


def _layer(
    layer: Any, x: Tensor, shapes: Sequence[tuple[int, int]], masks: Sequence[Tensor | None], *, first_only: bool
) -> Tensor:
    """States `[tokens, width]` to the next; to `[rows, width]` with `first_only`."""
    own = layer.attention.self
    asked = (own.key, own.value) if first_only else (own.query, own.key, own.value)
    size, heads = own.attention_head_size, own.num_attention_heads
    projected = F.linear(x, torch.cat([one.weight for one in asked]), torch.cat([one.bias for one in asked]))
    blocks = projected.view(-1, len(asked), heads, size).split([rows * tokens for rows, tokens in shapes])
    queries: Sequence[Tensor | None] = [None] * len(shapes)
    if first_only:
        x = x[_firsts(shapes, x.device)]
        queries = own.query(x).view(-1, 1, heads, size).transpose(1, 2).split([rows for rows, _ in shapes])
    contexts = []
    for (rows, tokens), mask, block, query in zip(shapes, masks, blocks, queries, strict=True):
        parts = block.view(rows, tokens, len(asked), heads, size).permute(2, 0, 3, 1, 4).unbind()
        found = attend(
            parts[0] if query is None else query,
            parts[-2],
            parts[-1],
            mask,
            scale=own.scaling,
            dropout=own.dropout.p if own.training else 0.0,
        )
        contexts.append(found.transpose(1, 2).reshape(-1, heads * size))
    x = layer.attention.output(torch.cat(contexts), x)
    after: Tensor = layer.output(layer.intermediate(x), x)
    return after


def _firsts(shapes: Sequence[tuple[int, int]], device: torch.device) -> Tensor:
    """Where the first token of each row stands among all tokens."""
    places: list[Tensor] = []
    start = 0
    for rows, tokens in shapes:
        places.append(torch.arange(start, start + rows * tokens, tokens, device=device))
        start += rows * tokens
    return torch.cat(places)
