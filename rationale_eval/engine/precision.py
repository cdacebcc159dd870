"""Quick float32 matrix products that are still float32.

On some processors the permission to compute float32 products with bfloat16 parts makes torch take another library's
kernels, which are about twice as quick and still exact to float32. Whether they are is measured, not assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

LARGEST_ERROR = 2e-6
"""Largest accepted difference from float64, relative to the largest entry of the product. Float32 kernels stay
below it; kernels that really use bfloat16 miss it by three orders of magnitude."""


@cache
def medium_is_exact() -> bool:
    """Whether float32 products under the "medium" setting equal float32 arithmetic on this machine's processor."""
    draw = torch.Generator().manual_seed(0)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        for rows, inner, columns in ((1024, 384, 1536), (1024, 1536, 384), (33, 768, 768)):
            a, b = torch.randn(rows, inner, generator=draw), torch.randn(inner, columns, generator=draw)
            exact = a.double() @ b.double()
            products = (a @ b, torch.nn.functional.linear(a, b.t().contiguous()))
            error = max(float((product.double() - exact).abs().max() / exact.abs().max()) for product in products)
            if error > LARGEST_ERROR:
                return False
        return True
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def quick_float32(device: torch.device) -> Iterator[None]:
    """Takes the quicker float32 kernels on a CPU where they are exact; elsewhere changes nothing."""
    if device.type != "cpu" or not medium_is_exact():
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
