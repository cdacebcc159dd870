"""Memory kept by the matrix library for shapes it has met stays small."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

GROWTH = """
import ctypes, os
{imports}
import torch

class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena o s h mmapped u f used free keep".split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Heap
torch.set_float32_matmul_precision("medium")
layer = torch.nn.Linear(384, 1536)
def run(sizes):
    with torch.no_grad():
        for rows in sizes:
            layer(torch.ones(rows, 384))
run(range(100, 120))
before = libc.mallinfo2().used
run(range(200, 700))
print(os.environ.get("LRU_CACHE_CAPACITY"), (libc.mallinfo2().used - before) / 2**20)
"""


def growth(imports: str, **environment: str) -> tuple[str, float]:
    clean = {name: value for name, value in os.environ.items() if not name.endswith("CACHE_CAPACITY")}
    command = [sys.executable, "-c", GROWTH.format(imports=imports)]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=True)
    capacity, grown = done.stdout.split()
    return capacity, float(grown)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heap is measured by glibc")
def test_five_hundred_shapes_leave_little_behind() -> None:
    capacity, grown = growth("import rationale_eval.models")
    assert capacity == "16"
    assert grown < 8


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heap is measured by glibc")
def test_a_limit_that_the_user_set_is_kept() -> None:
    assert growth("import rationale_eval.models", LRU_CACHE_CAPACITY="77")[0] == "77"
