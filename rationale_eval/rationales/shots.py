"""Solved examples that a prompt shows."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.rationales.asking import seed_of


def draw_shots(data: RationaleDataset, count: int, seed: int, apart: AbstractSet[str] = frozenset()) -> list[Example]:
    """Solved examples drawn by seed from those with a label and a rationale.

    Args:
        data: Where from.
        count: How many.
        seed: Which.
        apart: Ids of examples that are to be explained, and must not be shown solved.

    Raises:
        UsageError: If there are too few.
    """
    if not count:
        return []

    def solved(example: Example) -> bool:
        return example.label is not None and bool(example.rationales) and example.id not in apart

    found = list(data.where(solved).sample(count, seed))
    if len(found) < count:
        raise UsageError(
            f"the prompt shows {count} solved examples, and {data.name} ({data.split}) has {len(found)} with a label "
            "and a rationale; ask for fewer, or name other data to draw them from"
        )
    # A sample comes in the data's order, in which equal labels may stand together.
    order = np.random.default_rng(seed_of(seed, ("shots", None, count))).permutation(count)
    return [found[place] for place in order]
