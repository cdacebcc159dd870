"""Batches: every example once an epoch, an order that depends on seed and epoch alone, little padding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_eval.errors import UsageError
from rationale_eval.training.batches import BatchPlan
from rationale_eval.training.randomness import derive

LENGTHS = st.lists(st.integers(1, 200), min_size=1, max_size=150)


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(1, 17), st.integers(1, 4), st.none() | st.integers(1, 500), st.integers(0, 3))
def test_an_epoch_holds_every_example_once(
    lengths: list[int], size: int, accumulate: int, budget: int | None, epoch: int
) -> None:
    plan = BatchPlan(np.array(lengths), 7, size, budget, accumulate)
    steps = plan.epoch(epoch)
    batches = [batch for step in steps for batch in step]
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= size for batch in batches)
    assert all(len(step) == accumulate for step in steps[:-1]) and 1 <= len(steps[-1]) <= accumulate
    assert plan.steps(epoch) == len(steps)
    if budget is not None:
        assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget for batch in batches)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    lengths = np.arange(1, 90)
    walked = BatchPlan(lengths, 3, 8)
    first, second = walked.epoch(0), walked.epoch(1)
    assert BatchPlan(lengths, 3, 8).epoch(1) == second  # reached without walking through epoch 0
    assert walked.epoch(0) == first
    assert first != second
    assert BatchPlan(lengths, 4, 8).epoch(0) != first


def test_batches_are_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(5, 100, 1000)
    padded = sum(
        len(batch) * lengths[list(batch)].max() for step in BatchPlan(lengths, 0, 16).epoch(0) for batch in step
    )
    assert lengths.sum() / padded > 0.93


def test_ends_count_the_steps_of_all_epochs() -> None:
    assert BatchPlan(np.ones(50, dtype=int), 0, 8, accumulate=2).ends(3) == [4, 8, 12]


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 90), st.integers(2, 17), st.integers(1, 4), st.data())
def test_mixed_batches_hold_both_halves(size: int, batch: int, accumulate: int, data: st.DataObject) -> None:
    pool = np.array(sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=size - 1))))
    plan = BatchPlan(np.arange(size) % 23 + 1, 7, batch, None, accumulate, pool)
    steps = plan.epoch(2)
    assert plan.steps(2) == len(steps)
    gold = set(pool.tolist())
    half = min(batch // 2, len(gold))
    walked: list[int] = []
    for each in (each for step in steps for each in step):
        outside = [index for index in each if index not in gold]
        assert 1 <= len(outside) <= batch - batch // 2
        assert len(set(each)) == len(each) == len(outside) + half
        walked += outside
    assert sorted(walked) == sorted(set(range(size)) - gold)


def test_mixed_batches_depend_on_seed_and_place_alone() -> None:
    lengths, pool = np.arange(1, 90), np.arange(0, 90, 7)
    walked = BatchPlan(lengths, 3, 8, pool=pool)
    walked.epoch(0)
    assert BatchPlan(lengths, 3, 8, pool=pool).epoch(1) == walked.epoch(1)
    draws = [tuple(sorted(set(batch) & set(pool.tolist()))) for (batch,) in walked.epoch(1)]
    assert len(set(draws)) == len(draws) == 19  # 76 examples by fours, and every batch draws anew
    # Each pool example is drawn about equally often: 19 batches x 4 of 13, over 40 epochs 234 times each.
    counts = np.bincount([i for e in range(40) for (batch,) in walked.epoch(e) for i in batch], minlength=89)
    assert (abs(counts[pool] - 40 * 19 * 4 / 13) < 5 * np.sqrt(234)).all() and (np.delete(counts, pool) == 40).all()


def test_without_a_pool_worth_the_name_batches_are_the_plain_ones() -> None:
    lengths = np.arange(1, 50)
    plain = BatchPlan(lengths, 3, 8).epoch(1)
    for pool in (np.array([], dtype=int), np.arange(49)):
        assert BatchPlan(lengths, 3, 8, pool=pool).epoch(1) == plain


def test_plain_batches_are_fixed_for_ever() -> None:
    """Another order would make old runs impossible to repeat."""
    assert BatchPlan(np.arange(1, 50) % 13 + 1, 5, 8, 60, 2).epoch(2)[:2] == [
        ((8, 47, 35, 9, 48), (11, 37, 24)),
        ((7, 46, 20, 33, 34, 21), (3, 16, 42, 30, 43, 4, 17, 18)),
    ]


def test_mixed_batches_refuse_what_they_cannot_be() -> None:
    with pytest.raises(UsageError, match="batch_size must be 2 or more"):
        BatchPlan(np.ones(9, dtype=int), 0, 1, pool=np.array([1]))
    with pytest.raises(UsageError, match="leave max_tokens out"):
        BatchPlan(np.ones(9, dtype=int), 0, 4, 100, pool=np.array([1]))


def test_derived_seeds_are_fixed_and_unrelated() -> None:
    # Fixed for ever: another value would make old runs impossible to repeat.
    assert derive(0, "step", 1, 0) == 970773106339598083
    assert len({derive(seed, "step", step, 0) for seed in range(20) for step in range(20)}) == 400
