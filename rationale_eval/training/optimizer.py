"""The optimizer: AdamW over parameters grouped by what differs between them, decay and learning rate."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import nn

from rationale_eval.errors import UsageError
from rationale_eval.training.settings import LoopSettings

_LAYER: Final = re.compile(r"\blayers?\.(\d+)\.")
_EMBEDDINGS: Final = re.compile(r"\bembed\w*\.")


def make_optimizer(
    modules: Mapping[str, nn.Module], settings: LoopSettings, scale: Callable[[str], float], device: torch.device
) -> torch.optim.Optimizer:
    """AdamW over all parameters that need a gradient; each group carries its `scale`, a factor on the learning rate.

    Args:
        modules: What is trained, by name.
        settings: Learning rate, weight decay (not on biases and norms), betas, eps, layer decay.
        scale: Factor on the learning rate of a parameter by its name, `module.path`.
        device: Where the parameters are.

    Raises:
        UsageError: If every parameter is frozen.
    """
    named = dict(nn.ModuleDict(dict(modules)).named_parameters())
    depths = depth_of_layers(named)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in named.items():
        if parameter.requires_grad:
            factor = scale(name) * settings.layer_decay ** depths[name]
            groups.setdefault((factor, parameter.ndim > 1), []).append(parameter)
    if not groups:
        raise UsageError("nothing can be trained: every parameter is frozen.")
    described = [
        {"params": parameters, "scale": factor, "weight_decay": settings.weight_decay if decays else 0.0}
        for (factor, decays), parameters in groups.items()
    ]
    return torch.optim.AdamW(
        described,
        lr=settings.lr,
        betas=(settings.beta1, settings.beta2),
        eps=settings.eps,
        fused=device.type in ("cpu", "cuda"),
    )


def depth_of_layers(names: Mapping[str, object]) -> dict[str, int]:
    """How many layers lie above each parameter, within its own module.

    Args:
        names: Parameters by `module.path`; those under `layer.N.` or `layers.N.` are of layer N.

    Returns:
        0 for what lies above all layers (heads), 1 for the last layer, and one more than the number of layers for
        embeddings.
    """
    tops: dict[str, int] = {}
    for name in names:
        if found := _LAYER.search(name):
            module = name.partition(".")[0]
            tops[module] = max(tops.get(module, 0), int(found[1]) + 1)
    depths = {}
    for name in names:
        top = tops.get(name.partition(".")[0], 0)
        if found := _LAYER.search(name):
            depths[name] = top - int(found[1])
        else:
            depths[name] = top + 1 if top and _EMBEDDINGS.search(name) else 0
    return depths
