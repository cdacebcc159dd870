"""Which examples make a batch: of similar length, in an order that depends on (seed, epoch) alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rationale_eval.training.randomness import derive

Indices = tuple[int, ...]
Step = tuple[Indices, ...]
"""The batches of one optimizer step; more than one when gradients are accumulated."""

POOL = 32
"""Batches that are sorted by length together: enough to save most padding, few enough to keep the order random."""


@dataclass(frozen=True, slots=True, eq=False)
class BatchPlan:
    """The batches of every epoch; any place in any epoch can be reached without walking there.

    Args:
        lengths: Tokens of each example, int `[examples]`.
        seed: The run's seed.
        batch_size: Most examples in a batch.
        max_tokens: Most tokens in a batch, padding included; None for no limit. A longer example is a batch by itself.
        accumulate: Batches in an optimizer step.
    """

    lengths: NDArray[np.int64]
    seed: int
    batch_size: int
    max_tokens: int | None = None
    accumulate: int = 1
    _made: dict[int, list[Step]] = field(default_factory=dict)

    def epoch(self, epoch: int) -> list[Step]:
        """The optimizer steps of one epoch, in order; every example stands in exactly one batch."""
        if epoch not in self._made:
            self._made.clear()
            self._made[epoch] = self._make(epoch)
        return self._made[epoch]

    def steps(self, epoch: int) -> int:
        """How many optimizer steps an epoch has."""
        if self.max_tokens is None:
            batches = -(-len(self.lengths) // self.batch_size)
            return -(-batches // self.accumulate)
        return len(self.epoch(epoch))

    def ends(self, epochs: int) -> list[int]:
        """Steps made by the end of each epoch."""
        return [int(end) for end in np.cumsum([self.steps(epoch) for epoch in range(epochs)])]

    def _make(self, epoch: int) -> list[Step]:
        random = np.random.default_rng(derive(self.seed, "order", epoch))
        order = random.permutation(len(self.lengths))
        pool = POOL * self.batch_size
        batches: list[Indices] = []
        for start in range(0, len(order), pool):
            part = order[start : start + pool]
            # A stable sort keeps the drawn order among equal lengths.
            batches += self._cut(part[np.argsort(self.lengths[part], kind="stable")])
        turns = random.permutation(len(batches))
        mixed = [batches[turn] for turn in turns]
        return [tuple(mixed[i : i + self.accumulate]) for i in range(0, len(mixed), self.accumulate)]

    def _cut(self, sorted_part: NDArray[np.int64]) -> list[Indices]:
        if self.max_tokens is None:
            size = self.batch_size
            return [tuple(map(int, sorted_part[i : i + size])) for i in range(0, len(sorted_part), size)]
        batches: list[Indices] = []
        batch: list[int] = []
        for index in map(int, sorted_part):
            # Sorted ascending: the newest example is the longest, so it sets the padded size.
            padded = (len(batch) + 1) * int(self.lengths[index])
            if batch and (padded > self.max_tokens or len(batch) == self.batch_size):
                batches.append(tuple(batch))
                batch = []
            batch.append(index)
        return [*batches, tuple(batch)] if batch else batches
