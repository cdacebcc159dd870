"""Floating-point operations that a BERT encoder cannot do without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a BERT encoder.

    Args:
        layers: Number of layers.
        hidden: Width H of a token's vector.
        inner: Width F of the feed-forward part.
        classes: Outputs of the classifier on the pooled first token.
    """

    layers: int
    hidden: int
    inner: int
    classes: int


MINILM = Shape(layers=6, hidden=384, inner=1536, classes=3)


def forward(length: int, shape: Shape = MINILM) -> int:
    """Operations of one forward pass over `length` tokens L, a product and a sum counting as two.

    A layer multiplies by four H x H matrices (query, key, value, output): 8 L H^2; by two H x F matrices: 4 L H F; and
    forms the L x L attention and its mixture: 4 L^2 H. The pooler adds 2 H^2, the classifier 2 H C. Normalisation,
    softmax, GELU and embedding look-ups are left out, which makes the limit derived from this number harder to reach.
    """
    layer = 8 * length * shape.hidden**2 + 4 * length * shape.hidden * shape.inner + 4 * length**2 * shape.hidden
    return shape.layers * layer + 2 * shape.hidden**2 + 2 * shape.hidden * shape.classes


def total(lengths: Mapping[int, int], shape: Shape = MINILM) -> int:
    """Operations for a number of sequences of each length, as `Engine.tally.lengths` counts them."""
    return sum(count * forward(length, shape) for length, count in lengths.items())
