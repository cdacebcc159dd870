"""Which examples make a batch: of similar length, in an order that depends on (seed, epoch) alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rationale_eval.errors import UsageError
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
        pool: Indices of few examples that every batch must hold some of, each once. Batches are then mixed: half of
            each are the next examples outside the pool in the order of the epoch, half are drawn from the pool without
            replacement, anew for every batch. The pool half is the smaller one where `batch_size` is odd, and the whole
            pool where that is smaller still. None, an empty pool and one that holds everything leave nothing to mix:
            plain batches.

    Raises:
        UsageError: If batches are mixed and cannot hold one example of each half, or are limited by tokens.
    """

    lengths: NDArray[np.int64]
    seed: int
    batch_size: int
    max_tokens: int | None = None
    accumulate: int = 1
    pool: NDArray[np.int64] | None = None
    _made: dict[int, list[Step]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self._mixed:
            return
        if self.batch_size < 2:
            raise UsageError(
                "a mixed batch holds examples with and without gold rationales: batch_size must be 2 or more."
            )
        if self.max_tokens is not None:
            raise UsageError("mixed batches are counted in examples: leave max_tokens out (none) and lower batch_size.")

    def epoch(self, epoch: int) -> list[Step]:
        """The optimizer steps of one epoch, in order; every example stands in exactly one batch."""
        if epoch not in self._made:
            self._made.clear()
            self._made[epoch] = self._make(epoch)
        return self._made[epoch]

    def steps(self, epoch: int) -> int:
        """How many optimizer steps an epoch has."""
        if self.max_tokens is None:
            batches = -(-len(self._walked()) // self._width)
            return -(-batches // self.accumulate)
        return len(self.epoch(epoch))

    def ends(self, epochs: int) -> list[int]:
        """Steps made by the end of each epoch."""
        return [int(end) for end in np.cumsum([self.steps(epoch) for epoch in range(epochs)])]

    @property
    def _mixed(self) -> bool:
        return self.pool is not None and 0 < len(self.pool) < len(self.lengths)

    @property
    def _width(self) -> int:
        """Examples that a batch takes from the epoch's order."""
        return self.batch_size - self.batch_size // 2 if self._mixed else self.batch_size

    def _walked(self) -> NDArray[np.int64]:
        """Examples that stand in the epoch's order, once each."""
        everything = np.arange(len(self.lengths))
        return np.setdiff1d(everything, self.pool) if self._mixed and self.pool is not None else everything

    def _make(self, epoch: int) -> list[Step]:
        random = np.random.default_rng(derive(self.seed, "order", epoch))
        walked = self._walked()
        order = walked[random.permutation(len(walked))]
        together = POOL * self._width
        batches: list[Indices] = []
        for start in range(0, len(order), together):
            part = order[start : start + together]
            # A stable sort keeps the drawn order among equal lengths.
            batches += self._cut(part[np.argsort(self.lengths[part], kind="stable")])
        turns = random.permutation(len(batches))
        mixed = [batches[turn] + self._drawn(epoch, place) for place, turn in enumerate(turns)]
        return [tuple(mixed[i : i + self.accumulate]) for i in range(0, len(mixed), self.accumulate)]

    def _drawn(self, epoch: int, place: int) -> Indices:
        if not self._mixed or self.pool is None:
            return ()
        # A generator for each batch: the draw at any place is known without those before it.
        random = np.random.default_rng(derive(self.seed, "pool", epoch, place))
        size = min(self.batch_size // 2, len(self.pool))
        return tuple(map(int, random.choice(self.pool, size, replace=False)))

    def _cut(self, sorted_part: NDArray[np.int64]) -> list[Indices]:
        if self.max_tokens is None:
            size = self._width
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
