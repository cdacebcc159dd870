"""What must be equal for a resumed run to be bit-exact: libraries, threads, processor, settings, data."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch

from rationale_eval.durable import digest

SUBJECT = ("config", "data")
"""Parts that say what is trained; a run with another subject is another run."""

PACKAGES = ("torch", "transformers", "accelerate", "safetensors", "numpy")


def fingerprint(*, config: Any, data: str, device: torch.device, processes: int = 1) -> dict[str, str]:
    """Named facts; two runs with equal facts on a CPU give bit-identical weights.

    Args:
        config: Everything asked for, as JSON values.
        data: Content hash of the training and development data.
        device: Where training runs.
        processes: How many train together; their sums are rounded differently from those of one.
    """
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    return {
        "config": digest(config),
        "data": data,
        **{name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "threads": str(torch.get_num_threads()),
        "processes": str(processes),
        "device": device.type,
        "capability": where,
        "bf16": str(device.type == "cuda" or bf16_is_native(device)),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic": str(torch.are_deterministic_algorithms_enabled()),
    }


def bf16_is_native(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; elsewhere it is emulated and slow."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return device.type == "cpu" and bool(known.get("avx512_bf16") or known.get("amx_bf16") or known.get("bf16"))


def differences(stored: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Names of the facts that are not equal."""
    return [name for name in {**stored, **here} if stored.get(name) != here.get(name)]
