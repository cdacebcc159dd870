"""The invariance penalty of Arjovsky et al. 2019 (IRMv1), in closed form."""

from __future__ import annotations

from torch import Tensor


def invariance(scores: Tensor, labels: Tensor) -> Tensor:
    """(d/dw CE(w z, y) at w = 1)^2 with CE the mean over examples; a scalar.

    Args:
        scores: z, `[examples, choices]`; -inf where an example has fewer choices.
        labels: y, int64 `[examples]`.
    """
    p, z = scores.softmax(dim=1), scores.masked_fill(scores.isinf(), 0.0)
    slope = (p * z).sum(dim=1) - z.gather(1, labels[:, None]).squeeze(1)
    return slope.mean().square()
