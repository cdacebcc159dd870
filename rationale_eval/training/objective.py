"""What a learner minimises: named terms, each with a weight and a declared reduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from rationale_eval.errors import UsageError
from rationale_eval.training.schedules import Schedule

Reduction = Literal["examples", "batch"]


@dataclass(frozen=True, slots=True)
class Term:
    """One part of an objective.

    Args:
        name: As logged, for example "task".
        weight: A constant, or a schedule over progress.
        reduction: "examples": the loss is `[examples]` and is averaged over all examples of the optimizer step, so that
            neither gradient accumulation nor several processes change anything. "batch": the loss is one number for a
            batch (contrastive losses), and batches count by their number of examples. Where a batch is dealt out to
            several processes, each computes it on its own part, as if that were the batch: a contrastive loss then sees
            fewer negatives, and its value is not that of one process.
    """

    name: str
    weight: float | Schedule = 1.0
    reduction: Reduction = "examples"

    def weight_at(self, progress: float) -> float:
        """The weight at a share of training between 0 and 1."""
        return self.weight(progress) if callable(self.weight) else self.weight


def scheduled(terms: Sequence[Term], schedules: Mapping[str, Schedule]) -> Sequence[Term]:
    """The terms with the weights of those that are named multiplied by a schedule.

    Raises:
        UsageError: If there is no term of a name.
    """
    known = [term.name for term in terms]
    if unknown := [name for name in schedules if name not in known]:
        raise UsageError(f"there is no loss term '{unknown[0]}' to schedule; there are: {', '.join(known)}.")

    def product(term: Term, schedule: Schedule) -> Schedule:
        return lambda progress: term.weight_at(progress) * schedule(progress)

    return [
        replace(term, weight=product(term, schedules[term.name])) if term.name in schedules else term for term in terms
    ]


def combine(
    terms: Sequence[Term], losses: Mapping[str, Tensor], *, size: int, of: int, progress: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """A batch's share of the step's loss, and each term's share before weighting.

    Args:
        terms: The declared terms.
        losses: One tensor for each term: `[examples]` or a scalar, as its reduction says.
        size: Examples in this batch.
        of: Examples in the whole optimizer step.
        progress: Share of training done.

    Raises:
        ValueError: If the names or shapes are not the declared ones.
    """
    if set(losses) != {term.name for term in terms}:
        raise ValueError(f"losses {sorted(losses)} are not the declared terms {sorted(term.name for term in terms)}")
    parts: dict[str, Tensor] = {}
    for term in terms:
        loss = losses[term.name].float()
        expected = (size,) if term.reduction == "examples" else ()
        if tuple(loss.shape) != expected:
            raise ValueError(
                f"loss '{term.name}' has shape {list(loss.shape)}, its reduction asks for {list(expected)}"
            )
        parts[term.name] = loss.sum() / of if term.reduction == "examples" else loss * (size / of)
    total = torch.stack([term.weight_at(progress) * parts[term.name] for term in terms]).sum()
    return total, {name: part.detach() for name, part in parts.items()}
