"""Every form of comprehensiveness, sufficiency and plausibility equals a computation by hand on fixed numbers."""

from __future__ import annotations

import math

import pytest
import torch

from rationale_eval.training.faithfulness import comprehensiveness_loss, sufficiency_kl, sufficiency_loss
from rationale_eval.training.plausibility import plausibility_loss

FULL = torch.tensor([0.5, 2.0])
PARTS = torch.tensor([[0.7, 1.5], [3.0, 2.05]])  # two bins, two examples


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        # CE(x) - CE(x without r): -0.2, 0.5 in the first bin, -2.5, -0.05 in the second.
        ("margin", [((-0.2 + 1) + (-1.0 + 1)) / 2, ((0.5 + 1) + (-0.05 + 1)) / 2]),
        ("diff", [(-0.2 - 2.5) / 2, (0.5 - 0.05) / 2]),
    ],
)
def test_comprehensiveness(form: str, expected: list[float]) -> None:
    found = comprehensiveness_loss(FULL, PARTS, form, 1.0)  # type: ignore[arg-type]
    torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        # CE(r) - CE(x): 0.2, -0.5 in the first bin, 2.5, 0.05 in the second.
        ("margin", [((0.2 + 0.1) + (2.5 + 0.1)) / 2, ((-0.1 + 0.1) + (0.05 + 0.1)) / 2]),
        ("diff", [(0.2 + 2.5) / 2, (-0.5 + 0.05) / 2]),
        ("abs", [(0.2 + 2.5) / 2, (0.5 + 0.05) / 2]),
        ("square", [(0.04 + 6.25) / 2, (0.25 + 0.0025) / 2]),
    ],
)
def test_sufficiency(form: str, expected: list[float]) -> None:
    found = sufficiency_loss(FULL, PARTS, form, 0.1)  # type: ignore[arg-type]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_sufficiency_as_a_divergence() -> None:
    full = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.5, 0.5, 0.0]]))  # the second example has two choices
    only = torch.log(torch.tensor([[[0.25, 0.5, 0.25], [0.75, 0.25, 0.0]]]))
    first = (0.25 * math.log(0.5) + 0.5 * math.log(2)) / 3
    second = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2
    torch.testing.assert_close(sufficiency_kl(full, only), torch.tensor([first, second]))


def test_a_divergence_of_missing_choices_has_a_gradient() -> None:
    full = torch.tensor([[0.3, -0.2, -torch.inf]], requires_grad=True)
    only = torch.tensor([[[0.1, 0.4, -torch.inf]]], requires_grad=True)
    sufficiency_kl(full, only).sum().backward()
    assert full.grad is not None and torch.isfinite(full.grad).all()
    assert only.grad is not None and torch.isfinite(only.grad).all()


LOGITS = torch.tensor([[0.0, 2.0, -1.0, 9.0], [1.0, 1.0, 1.0, 1.0]])
GOLD = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
INSIDE = torch.tensor([[True, True, True, False], [False] * 4])  # the last token is padding, the second row has no gold


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_plausibility_weighs_gold_by_the_batch() -> None:
    # One gold token among three: it counts twice.
    terms = [-math.log(1 - sigmoid(0.0)), -2 * math.log(sigmoid(2.0)), -math.log(1 - sigmoid(-1.0))]
    found = plausibility_loss(LOGITS, GOLD, INSIDE, "bce")
    assert float(found) == pytest.approx(sum(terms) / 3, rel=1e-6)


def test_plausibility_as_squares_and_as_a_divergence() -> None:
    squares = [sigmoid(0.0) ** 2, (sigmoid(2.0) - 1) ** 2, sigmoid(-1.0) ** 2]
    assert float(plausibility_loss(LOGITS, GOLD, INSIDE, "mse")) == pytest.approx(sum(squares) / 3, rel=1e-6)
    total = 1 + math.exp(2.0) + math.exp(-1.0)
    assert float(plausibility_loss(LOGITS, GOLD, INSIDE, "kl")) == pytest.approx(-math.log(math.exp(2.0) / total))


@pytest.mark.parametrize("form", ["bce", "mse", "kl"])
def test_no_highlights_no_loss_and_no_gradient(form: str) -> None:
    logits = LOGITS.clone().requires_grad_()
    found = plausibility_loss(logits, GOLD, torch.zeros_like(INSIDE), form)  # type: ignore[arg-type]
    found.backward()
    assert float(found.detach()) == 0.0
    assert logits.grad is not None and bool((logits.grad == 0).all())
