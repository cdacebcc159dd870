"""Saliency: how steeply the output rises with each token's input embedding."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from rationale_eval.rationales.attribution import Line, Point, Probe, Subject, word_scores
from rationale_eval.rationales.record import Found, Merge, Output, method


def _l2(gradient: Tensor, line: Line) -> Tensor:
    return gradient.norm(dim=-1)


def _sum(gradient: Tensor, line: Line) -> Tensor:
    return gradient.sum(dim=-1)


_POOLS = {"l2": _l2, "sum": _sum}


@method(
    "saliency",
    title="Saliency",
    family="gradient",
    signed=False,
    deterministic=True,
    options={"pool": tuple(_POOLS)},
    cite="Simonyan, Vedaldi and Zisserman 2014; Li et al. 2016 for text",
    describe=(
        "The gradient of the output with respect to each token's embedding, as its L2 norm (a magnitude) or its "
        "signed sum."
    ),
    avoid=(
        "Not where the output is flat, as in a confident model: the slope at one point says little there. With "
        "pool l2 not as evidence for or against a choice, since it has no sign."
    ),
)
def saliency(
    probe: Probe, subjects: Sequence[Subject], *, pool: str = "l2", output: Output = "logit", merge: Merge = "sum"
) -> list[Found]:
    """s_i = ||df/de_i||_2 or sum_h df/de_ih."""
    points = [Point(i) for i in range(len(subjects))]
    tokens = probe.gradients(subjects, points, _POOLS[pool], output=output)
    return [Found(scores) for scores in word_scores(probe, subjects, tokens, output, merge)]
