"""From a token's vector to its logit."""

from __future__ import annotations

from typing import Final, Literal

from torch import nn

Head = Literal["linear", "mlp"]

MLP_WIDTH: Final = 2048
"""Width of both hidden layers (UNIREX, released code)."""


def token_head(width: int, form: Head, outputs: int = 1) -> nn.Sequential:
    """One linear layer, or two hidden layers of 2,048 with ReLU before it; no dropout.

    Source: Chan et al. 2022 (UNIREX), released code.
    """
    if form == "linear":
        return nn.Sequential(nn.Linear(width, outputs))
    return nn.Sequential(
        nn.Linear(width, MLP_WIDTH),
        nn.ReLU(),
        nn.Linear(MLP_WIDTH, MLP_WIDTH),
        nn.ReLU(),
        nn.Linear(MLP_WIDTH, outputs),
    )
