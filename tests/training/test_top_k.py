"""Which units a rationale keeps, for all sizes at once, and what the differentiable forms of that choice are."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rationale_eval.training.top_k import (
    Units,
    counts,
    gumbel,
    perturbed,
    pooled,
    shares,
    straight_through,
    top_k,
)

BINS = (1.0, 5.0, 10.0, 20.0, 50.0)


def whole(lengths: list[int]) -> Units:
    """Rows in which every token but the first is a unit of its own."""
    longest = max(lengths)
    attended = torch.arange(longest) < torch.tensor(lengths)[:, None]
    of = (torch.arange(longest) - 1).expand(len(lengths), longest).masked_fill(~attended, -1)
    exist = torch.arange(longest - 1) < (torch.tensor(lengths) - 1)[:, None]
    return Units(of, attended, exist)


@given(st.lists(st.integers(2, 30), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_all_bins_at_once_equal_one_sort_a_bin(lengths: list[int], seed: int) -> None:
    units = whole(lengths)
    scores = torch.from_numpy(np.random.default_rng(seed).integers(0, 4, units.exist.shape)).float()
    sizes = counts(units, BINS)
    chosen = top_k(scores, units, sizes)
    for row, length in enumerate(lengths):
        number = length - 1
        order = sorted(range(number), key=lambda u: (-float(scores[row, u]), u))
        for place, k in enumerate(BINS):
            expected = set(order[: max(1, round(number * k / 100))])
            assert set(chosen[place, row].nonzero().flatten().tolist()) == expected
    kept = shares(chosen, units)
    first = kept.rationale[:, :, 0] & kept.rest[:, :, 0]
    assert bool(first.all()), "the first token is always kept"
    assert not bool((kept.rationale | kept.rest)[:, ~units.attended].any()), "padding never is"
    assert torch.equal((kept.rationale ^ kept.rest)[:, :, 1:], units.attended[:, 1:].expand(len(BINS), -1, -1)), (
        "every other token is kept by exactly one"
    )


def test_half_goes_to_even() -> None:
    assert counts(whole([11, 31, 51]), (5.0, 25.0)).tolist() == [[1, 2, 2], [2, 8, 12]]


def test_a_word_scores_the_mean_of_its_tokens() -> None:
    of = torch.tensor([[-1, 0, 0, 1, -1], [-1, 0, -1, -1, -1]])
    attended = torch.tensor([[True] * 5, [True, True, True, False, False]])
    units = Units(of, attended, torch.tensor([[True, True], [True, False]]))
    logits = torch.tensor([[9.0, 1.0, 2.0, 5.0, 7.0], [9.0, 4.0, 8.0, 3.0, 3.0]])
    assert pooled(logits, units).tolist() == [[1.5, 5.0], [4.0, 0.0]]
    kept = shares(top_k(pooled(logits, units), units, torch.tensor([[1, 1]])), units)
    assert kept.rationale[0].tolist() == [[True, False, False, True, True], [True, True, True, False, False]]
    assert kept.rest[0].tolist() == [[True, True, True, False, True], [True, False, True, False, False]]


def numbers(size: int) -> tuple[Tensor, Units]:
    units = whole([size + 1, size - 2])
    scores = torch.from_numpy(np.random.default_rng(size).standard_normal(units.exist.shape))
    return scores.requires_grad_(), units


def test_straight_through_is_hard_forward_and_a_sigmoid_backward() -> None:
    scores, units = numbers(10)
    sizes = counts(units, (20.0, 50.0))
    found = straight_through(scores, units, sizes, 0.5)
    torch.testing.assert_close(found.detach(), top_k(scores, units, sizes).double())
    found[0, 0, 3].backward()
    ranked = scores.detach()[0].sort(descending=True).values
    threshold = (ranked[1] + ranked[2]) / 2
    soft = torch.sigmoid((scores.detach()[0, 3] - threshold) / 0.5)
    assert scores.grad is not None
    torch.testing.assert_close(scores.grad[0, 3], soft * (1 - soft) / 0.5)
    assert scores.grad.count_nonzero() == 1


def test_units_that_do_not_exist_are_never_chosen() -> None:
    scores, units = numbers(6)
    sizes = counts(units, (50.0, 100.0))
    noise = torch.full(scores.shape, 0.3, dtype=torch.float64)
    for found in (
        straight_through(scores, units, sizes, 1.0),
        gumbel(scores, units, sizes, 1.0, noise),
        perturbed(scores, units, sizes, 1.0, torch.zeros(3, *scores.shape, dtype=torch.float64)),
    ):
        assert not bool(found[:, ~units.exist].any())
        torch.testing.assert_close(found.sum(dim=-1), sizes.double())


def test_gumbel_draws_in_proportion_to_the_exponentials() -> None:
    units = whole([4])
    scores = torch.log(torch.tensor([[0.6, 0.3, 0.1]], dtype=torch.float64))
    draw = torch.Generator().manual_seed(0)
    times = torch.zeros(3, dtype=torch.float64)
    for _ in range(4000):
        noise = torch.rand(1, 3, generator=draw, dtype=torch.float64)
        times += gumbel(scores, units, torch.tensor([[1]]), 1.0, noise)[0, 0]
    torch.testing.assert_close(times / 4000, torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64), atol=0.03, rtol=0)


def test_the_perturbed_gradient_is_that_of_the_mean() -> None:
    """With many draws the estimate comes near the derivative of P(s_0 + Z_0 > s_1 + Z_1), a normal density."""
    units = whole([3])
    scores = torch.tensor([[0.3, 0.0]], dtype=torch.float64, requires_grad=True)
    noise = torch.randn(200_000, 1, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = perturbed(scores, units, torch.tensor([[1]]), 1.0, noise)
    normal = torch.distributions.Normal(torch.tensor(0.0, dtype=torch.float64), 2**0.5)
    torch.testing.assert_close(found[0, 0, 0].detach(), normal.cdf(torch.tensor(0.3).double()), atol=5e-3, rtol=0)
    found[0, 0, 0].backward()
    density = normal.log_prob(torch.tensor(0.3).double()).exp()
    assert scores.grad is not None
    torch.testing.assert_close(scores.grad[0], torch.stack([density, -density]), atol=5e-3, rtol=0)
