"""Folders for trials that write thousands of small files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture(scope="module")
def quick_module() -> Iterator[Path]:
    """A folder in memory where there is one: syncing costs nothing, and what is tested is the order of operations."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def quick(quick_module: Path) -> Path:
    """A folder of this test's own in `quick_module`."""
    return Path(tempfile.mkdtemp(dir=quick_module))
