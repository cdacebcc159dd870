"""Input x gradient: the first-order share of each token in the output."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rationale_eval.rationales.attribution import Line, Point, Probe, Subject, word_scores
from rationale_eval.rationales.record import Found, Merge, Output, method


def _inner(gradient: Tensor, line: Line) -> Tensor:
    return (gradient * line.text).sum(dim=-1)


@method(
    "input_x_gradient",
    title="Input x gradient",
    family="gradient",
    signed=True,
    deterministic=True,
    cite="Shrikumar et al. 2016; Denil et al. 2014",
    describe="The inner product of each token's embedding with the gradient there. One pass and cheap.",
    avoid=("Not for a confident model: it sees only the slope at the text itself, and a saturated output has none."),
)
def input_x_gradient(
    probe: Probe, subjects: Sequence[Subject], *, output: Output = "logit", merge: Merge = "sum"
) -> list[Found]:
    """s_i = <e_i, df/de_i>."""
    points = [Point(i) for i in range(len(subjects))]
    tokens = probe.gradients(subjects, points, _inner, output=output)
    return [Found(scores) for scores in word_scores(probe, subjects, tokens, output, merge)]
