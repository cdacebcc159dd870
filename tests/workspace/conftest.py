"""Workspaces in memory, whose runs do not ask git where they come from: both would take most of the time of a test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rationale_eval.workspace import runs
from rationale_eval.workspace.runs import Workspace

MEMORY = Path("/dev/shm")


def origin(*, data: str | None, fingerprint: str | None, seed: int | None, command: str | None) -> dict[str, Any]:
    made = {"created": "2026-01-01T00:00:00+00:00", "command": command}
    return {**made, "data": data, "data_fingerprint": fingerprint, "seed": seed}


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(runs, "provenance", origin)
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        yield Workspace(Path(folder) / "space")
