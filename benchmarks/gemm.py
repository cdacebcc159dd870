"""How many operations a second this machine's matrix products reach, on the shapes of an encoder's layers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import torch
from torch.nn import functional

from benchmarks.flops import MINILM, Shape

ROWS: Final = (1024, 2048, 4096)
"""Tokens in a batch."""

SECONDS: Final = 0.4
"""How long each shape is repeated; the quickest repeat counts, since a peak is asked for."""

MODES: Final = {
    "fp32": (torch.float32, "highest"),
    "fp32 medium": (torch.float32, "medium"),
    "bf16": (torch.bfloat16, "highest"),
}
"""Name of a mode: the type of the numbers, and torch's float32 matrix precision."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of one product.

    Args:
        mode: A name in `MODES`.
        rows: Tokens.
        inner: Width of a token going in.
        columns: Width of a token coming out.
        gflops: Operations in a second, in 10^9.
        error: Largest difference from float64, relative to the largest entry.
    """

    mode: str
    rows: int
    inner: int
    columns: int
    gflops: float
    error: float


def measure(shape: Shape = MINILM, device: str = "cpu") -> list[Rate]:
    """The rates of all modes on the three products of a layer."""
    sizes = ((shape.hidden, shape.hidden), (shape.hidden, shape.inner), (shape.inner, shape.hidden))
    return [rate(mode, rows, inner, columns, device) for mode in MODES for rows in ROWS for inner, columns in sizes]


def peaks(rates: list[Rate]) -> dict[str, float]:
    """The highest rate of each mode over all shapes, in 10^9 operations a second."""
    return {
        mode: max(rate.gflops for rate in rates if rate.mode == mode) for mode in dict.fromkeys(r.mode for r in rates)
    }


def rate(mode: str, rows: int, inner: int, columns: int, device: str = "cpu") -> Rate:
    """Times one product the way a linear layer does it: `[rows, inner]` by the transpose of `[columns, inner]`."""
    kind, precision = MODES[mode]
    draw = torch.Generator().manual_seed(0)
    left = torch.randn(rows, inner, generator=draw).to(device, kind)
    right = torch.randn(columns, inner, generator=draw).to(device, kind)
    with float32_precision(precision), torch.inference_mode():
        product = functional.linear(left, right)
        best = min(_times(left, right))
    exact = left.double() @ right.double().t()
    error = float((product.double() - exact).abs().max() / exact.abs().max())
    return Rate(mode, rows, inner, columns, 2 * rows * inner * columns / best / 1e9, error)


@contextmanager
def float32_precision(name: str) -> Iterator[None]:
    """Sets torch's float32 matrix precision for the block."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _times(left: torch.Tensor, right: torch.Tensor) -> Iterator[float]:
    end = time.perf_counter() + SECONDS
    while True:
        start = time.perf_counter()
        functional.linear(left, right)
        if left.is_cuda:
            torch.cuda.synchronize()
        now = time.perf_counter()
        yield now - start
        if now >= end:
            return
