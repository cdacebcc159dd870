"""Bounds what the CPU's matrix library keeps for each shape it has met.

torch and oneDNN each keep up to 1,024 prepared kernels with their scratch memory. Texts have many lengths, so batches
have many shapes: the caches fill for minutes and hold more than a gigabyte. What preparing a kernel again costs does
not show in the time of an evaluation, so a few are enough.
"""

from __future__ import annotations

import os
from typing import Final

KERNELS: Final = "16"
_VARIABLES: Final = ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")


def bound_kernel_caches() -> None:
    """Sets both limits unless the user has; they are read at the first product, so before any model runs."""
    for name in _VARIABLES:
        os.environ.setdefault(name, KERNELS)
