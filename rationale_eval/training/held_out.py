"""Development data held out of training data, by content."""

from __future__ import annotations

from typing import Final

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.training.randomness import derive

DEV_FRACTION: Final = 0.1


def hold_out(data: RationaleDataset, fraction: float = DEV_FRACTION) -> tuple[RationaleDataset, RationaleDataset]:
    """Splits off development data. Examples that share a premise or document go to the same side.

    Which side depends on the content alone, so it is the same for every seed, order and limit.

    Raises:
        UsageError: If the share is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise UsageError(f"the development share must lie between 0 and 1, and {fraction} does not.")

    def held(example: Example) -> bool:
        return derive(0, "dev", data.cluster(example) or example.id) / 2**63 < fraction

    return data.where(lambda example: not held(example)), data.where(held)
