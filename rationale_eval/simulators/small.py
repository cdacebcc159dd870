"""Small networks from random weights over bags of n-grams, several of one shape at once.

The n-grams of the choice, the rationale and the inputs are embedded and averaged, each part by itself (Joulin et al.
2017, "Bag of Tricks for Efficient Text Classification", section 2); one hidden layer joins them and the overlaps. Such
a network knows only what its training set shows.

Parameters of several are stacked along a first axis, and one batched product does the work of one product each. Nothing
passes from one to another: the result of each is that of training it alone, up to the rounding of products.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from rationale_eval.simulators.reading import OVERLAPS, PARTS
from rationale_eval.training.randomness import derive

STD: Final = 0.1
"""Standard deviation that embeddings are drawn with."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What networks must have in common to be stacked.

    Args:
        vocabulary: Rows of the embedding of n-grams.
        outputs: Numbers that a row is read to: classes, or one where every choice is read by itself.
        width: Numbers in an embedding and in the hidden layer.
    """

    vocabulary: int
    outputs: int
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class LookedUp:
    """The embeddings that a pass reads, apart from the table, so that its gradient need not be as large as the table.

    Args:
        places: int64 `[n-grams]`, ascending: rows of the table, those of network s counted on.
        rows: float32 `[n-grams, width]`: what stands there, with the gradient.
    """

    places: Tensor
    rows: Tensor


class Stack(nn.Module):
    """Networks of one shape.

    Args:
        shape: Their shape.
        seeds: One for each, which its weights are drawn from.
    """

    def __init__(self, shape: Shape, seeds: Sequence[int]):
        super().__init__()
        self.shape, self.count = shape, len(seeds)
        drawn = [_drawn(shape, seed) for seed in seeds]
        self.weights = nn.ParameterDict(
            {name: nn.Parameter(torch.stack([one[name] for one in drawn])) for name in drawn[0]}
        )
        self.looked_up: LookedUp | None = None

    def forward(self, features: Tensor, starts: Tensor, overlaps: Tensor) -> Tensor:
        """Logits of rows.

        Args:
            features: int64 `[all n-grams]`; those of network s are counted on from s times the vocabulary.
            starts: int64 `[count * rows * 3]`: where each part of each row begins.
            overlaps: float32 `[count, rows, 4]`.

        Returns:
            float32 `[count, rows, outputs]`.
        """
        table = self.weights["ngram"].flatten(0, 1)
        if torch.is_grad_enabled():
            features, table = self._look_up(features, table.detach())
        bags = functional.embedding_bag(features, table, starts, mode="mean")
        read = torch.cat([bags.reshape(self.count, -1, PARTS * self.shape.width), overlaps], dim=-1)
        return self._product("out", functional.relu(self._product("hidden", read)))

    def _look_up(self, features: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
        """The n-grams of a pass numbered among themselves, and their rows."""
        read = torch.zeros(len(table), dtype=torch.bool, device=table.device)
        read[features] = True
        places = read.nonzero().squeeze(1)
        numbers = torch.empty(len(table), dtype=torch.int64, device=table.device)
        numbers[places] = torch.arange(len(places), device=table.device)
        self.looked_up = LookedUp(places, table[places].requires_grad_())
        return numbers[features], self.looked_up.rows

    def forget(self) -> None:
        """Sets all gradients to 0; that of the table only where the last pass has read it."""
        for name, weight in self.weights.items():
            if name != "ngram" or self.looked_up is None:
                weight.grad = None
            elif weight.grad is not None:
                weight.grad.flatten(0, 1)[self.looked_up.places] = 0

    def clip(self, most: float) -> None:
        """Scales each network's gradient down to a norm, and puts that of the embeddings into the table's."""
        assert self.looked_up is not None and self.looked_up.rows.grad is not None
        places, rows = self.looked_up.places, self.looked_up.rows.grad
        owners = places // self.shape.vocabulary
        gradients = [
            weight.grad for name, weight in self.weights.items() if name != "ngram" and weight.grad is not None
        ]
        squares = torch.stack([each.flatten(1).square().sum(1) for each in gradients]).sum(0)
        squares.index_add_(0, owners, rows.square().sum(1))
        factors = (most / squares.sqrt().clamp(min=1e-12)).clamp(max=1.0)
        for each in gradients:
            each.mul_(factors.view(-1, *[1] * (each.dim() - 1)))
        table = self.weights["ngram"]
        if table.grad is None:
            table.grad = torch.zeros_like(table)
        table.grad.flatten(0, 1)[places] = rows * factors[owners, None]

    def _product(self, name: str, state: Tensor) -> Tensor:
        return torch.baddbmm(self.weights[f"{name}_bias"], state, self.weights[f"{name}_weight"])

    def put(self, old: nn.Parameter, new: nn.Parameter) -> None:
        """Has one parameter take the place of another; its first axis counts the networks."""
        (name,) = (name for name, weight in self.weights.items() if weight is old)
        self.weights[name], self.count = new, len(new)

    def one(self, place: int) -> dict[str, Tensor]:
        """Copies of the weights of one network, by name."""
        return {name: weight.detach()[place].clone() for name, weight in self.weights.items()}


def alone(shape: Shape, weights: Mapping[str, Tensor]) -> Stack:
    """One network with given weights, in a stack of one."""
    stack = Stack(shape, [0])
    with torch.no_grad():
        for name, weight in weights.items():
            stack.weights[name].copy_(weight[None])
    return stack.eval()


def _drawn(shape: Shape, seed: int) -> dict[str, Tensor]:
    """Random weights: products by He et al. 2015, shifts 0."""
    found: dict[str, Tensor] = {}
    source = torch.Generator().manual_seed(derive(seed, "small simulator"))
    # The table has a source of its own: a longer one begins as a shorter one does, and changes nothing else.
    rows = torch.Generator().manual_seed(derive(seed, "small simulator", "n-grams"))
    found["ngram"] = torch.randn(shape.vocabulary, shape.width, generator=rows) * STD
    for name, into, out in (
        ("hidden", PARTS * shape.width + OVERLAPS, shape.width),
        ("out", shape.width, shape.outputs),
    ):
        found[f"{name}_weight"] = torch.randn(into, out, generator=source) * math.sqrt(2 / into)
        found[f"{name}_bias"] = torch.zeros(1, out)
    return found
