"""The state of a network while it is looked into; afterwards it is as before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import torch
from torch import nn

from rationale_eval.engine.precision import quick_float32
from rationale_eval.models.base import Row, TaskModel

EAGER_TOKENS: Final = 256
"""Up to this length eager attention's maps are small; beyond it their memory would tell."""


def longest(rows: Iterable[Sequence[Row]]) -> int:
    """Tokens of the longest row."""
    return max((len(row.ids) for each in rows for row in each), default=0)


@contextmanager
def looking_into(model: TaskModel, tokens: int) -> Iterator[None]:
    """Gradients for inputs only, in eval mode, by the quickest exact kernels.

    Args:
        model: The model.
        tokens: Length of the longest row.
    """
    with ExitStack() as stack:
        stack.enter_context(_frozen(model.network))
        if model.device.type == "cpu" and tokens <= EAGER_TOKENS:
            # On short rows plain attention is quicker, and the quick float32 kernels slow fused attention down.
            stack.enter_context(quick_float32(model.device))
            stack.enter_context(eager_attention(model.network))
        yield


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    training = [module for module in network.modules() if module.training]
    wanted = [parameter for parameter in network.parameters() if parameter.requires_grad]
    network.eval()
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)
        for module in training:
            module.training = True


@contextmanager
def eager_attention(network: nn.Module) -> Iterator[None]:
    """Attention as plain products for as long as the block runs; nothing for networks that are not of transformers."""
    config: Any = getattr(network, "config", None)
    switch: Any = getattr(network, "set_attn_implementation", None)
    if switch is None or config._attn_implementation == "eager":
        yield
        return
    before = config._attn_implementation
    switch("eager")
    try:
        yield
    finally:
        switch(before)
