"""Randomness derived, not carried: a draw comes from (seed, purpose, place), so resuming needs no generator state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose; different purposes give unrelated seeds, on every machine the same."""
    text = "/".join([str(seed), *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True, slots=True)
class Moment:
    """Where training stands: all that a loss may depend on besides weights and batch.

    Args:
        step: The optimizer step being made; the first is 0.
        micro: Which of the step's batches this is.
        epoch: The epoch, from 0.
        progress: Share of all steps done, 0 to 1.
        seed: The run's seed.
        rank: Which process this is; the parts of a batch then get noise of their own.
    """

    step: int
    micro: int
    epoch: int
    progress: float
    seed: int
    rank: int = 0

    def derived(self, purpose: str) -> int:
        """A seed for one purpose at this moment."""
        return derive(self.seed, purpose, self.step, self.micro, *([self.rank] if self.rank else []))

    def numpy(self, purpose: str) -> np.random.Generator:
        """A generator for noise made with numpy at this moment."""
        return np.random.default_rng(self.derived(purpose))


@contextmanager
def own_randomness() -> Iterator[None]:
    """Lets a block seed torch's generators freely; afterwards they stand where the caller left them."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        yield


def seed_moment(moment: Moment) -> None:
    """Seeds torch for one forward and backward pass: dropout then depends on (seed, step, batch) alone."""
    seed = moment.derived("step")
    # torch.manual_seed queues a call with a stack trace for every device that is not in use yet, and that queue grows.
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
