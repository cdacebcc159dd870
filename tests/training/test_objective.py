"""Terms, reductions and schedules."""

from __future__ import annotations

import pytest
import torch

from rationale_eval.training.objective import Term, combine
from rationale_eval.training.schedules import DECAY, learning_rate_factor


def test_terms_are_weighted_and_logged_unweighted() -> None:
    terms = (Term("a", 2.0), Term("b", lambda progress: 10 * progress, "batch"))
    losses = {"a": torch.tensor([1.0, 3.0]), "b": torch.tensor(5.0)}
    total, parts = combine(terms, losses, size=2, of=2, progress=0.5)
    assert float(total) == pytest.approx(2 * 2.0 + 5 * 5.0)
    assert {name: float(part) for name, part in parts.items()} == {"a": 2.0, "b": 5.0}


def test_unequal_batches_count_by_their_examples() -> None:
    """Averaging batch means would give (1 + 4) / 2; the mean over the step's four examples is 1.75."""
    terms = (Term("a"),)
    first, _ = combine(terms, {"a": torch.tensor([1.0, 1.0, 1.0])}, size=3, of=4, progress=0)
    second, _ = combine(terms, {"a": torch.tensor([4.0])}, size=1, of=4, progress=0)
    assert float(first + second) == pytest.approx(1.75)


@pytest.mark.parametrize(
    "losses",
    [{"b": torch.ones(2)}, {"a": torch.tensor(1.0)}, {"a": torch.ones(3)}, {"a": torch.ones(2), "b": torch.ones(2)}],
)
def test_undeclared_names_and_shapes_are_refused(losses: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match=r"declared|reduction"):
        combine((Term("a"),), losses, size=2, of=2, progress=0)


@pytest.mark.parametrize("schedule", sorted(DECAY))
def test_learning_rate_rises_then_falls_and_is_never_zero(schedule: str) -> None:
    factors = [learning_rate_factor(step, 100, warmup=0.1, schedule=schedule) for step in range(100)]  # type: ignore[arg-type]
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[:10] == sorted(factors[:10]) and factors[10] == 1.0
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_schedule_values() -> None:
    assert learning_rate_factor(5, 10, warmup=0, schedule="linear") == pytest.approx(0.5)
    assert learning_rate_factor(5, 10, warmup=0, schedule="cosine") == pytest.approx(0.5)
    assert learning_rate_factor(0, 10, warmup=0.3, schedule="constant") == pytest.approx(0.25)
