"""TensorBoard: event files in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rationale_eval.training.sinks.record import Sink, Subject


class TensorBoard:
    """Writes event files.

    Args:
        target: Folder in which each run gets one of its own; by default `tensorboard/` in the run's folder.
    """

    def __init__(self, target: str | None):
        self.target = target
        self._writer: Any = None

    def open(self, subject: Subject) -> None:
        """Makes a writer; attempts at one run write into the same folder."""
        from torch.utils.tensorboard import SummaryWriter

        folder = Path(self.target) / subject.id if self.target else subject.folder / "tensorboard"
        self._writer = SummaryWriter(log_dir=str(folder))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One scalar for each name."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self, finished: bool) -> None:
        """Flushes and closes."""
        self._writer.close()


def make(target: str | None) -> Sink:
    """A TensorBoard sink."""
    return TensorBoard(target)
