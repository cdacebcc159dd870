"""Attention that is quick to train through on a CPU.

torch's fused kernel is quick forwards and, in bfloat16, very slow backwards: on short texts it takes half of a training
step. Plain products are quicker there, and the fused kernel in float32 on longer ones. Without a gradient, on other
devices, and for what neither way covers, the fused kernel is asked as it is.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

BY_LENGTH: Final = "by_length"
"""Under this name transformers knows it."""

LONGEST_PLAIN: Final = 48
"""Most tokens for which plain products are quicker than the fused kernel in float32 (forwards and backwards)."""


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, scale: float, dropout: float = 0.0
) -> Tensor:
    """softmax(Q K^T scale) V with a gradient, by whichever way is quicker at this length.

    Args:
        query: `[rows, heads, asking, size]`.
        key: `[rows, heads, tokens, size]`.
        value: `[rows, heads, tokens, size]`.
        mask: Booleans that broadcast to `[rows, heads, asking, tokens]`, True where attended; None attends to all.
        scale: Factor on the products.
        dropout: Share of the weights that is dropped.

    Returns:
        `[rows, heads, asking, size]` in the dtype of the values.
    """
    if key.shape[2] > LONGEST_PLAIN:
        with torch.autocast(query.device.type, enabled=False):
            found = nn.functional.scaled_dot_product_attention(
                query.float(), key.float(), value.float(), attn_mask=mask, dropout_p=dropout, scale=scale
            )
        return found.to(value.dtype)
    weights = torch.matmul(query, key.transpose(2, 3)) * scale
    if mask is not None:
        weights = weights.masked_fill(~mask, torch.finfo(weights.dtype).min)
    weights = weights.softmax(dim=-1, dtype=torch.float32).to(value.dtype)
    return torch.matmul(nn.functional.dropout(weights, dropout), value)


def by_length(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **rest: Any,
) -> tuple[Tensor, None]:
    """`attend` with the signature of transformers; the result is `[rows, tokens, heads, size]`."""
    causal = rest.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    ours = (
        query.device.type == "cpu"
        and torch.is_grad_enabled()
        and key.shape[1] == query.shape[1]
        and not (causal and attention_mask is None)
        and (attention_mask is None or attention_mask.dtype == torch.bool)
        and rest.get("position_bias") is None
    )
    if not ours:
        found, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **rest
        )
        return found, None
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return attend(query, key, value, attention_mask, scale=scale, dropout=dropout).transpose(1, 2).contiguous(), None


AttentionInterface.register(BY_LENGTH, by_length)
AttentionMaskInterface.register(BY_LENGTH, sdpa_mask)
