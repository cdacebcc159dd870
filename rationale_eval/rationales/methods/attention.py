"""Attention as an explanation: the last layer's mean over heads, and rollout through all layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rationale_eval.rationales.attention import QUERIES, Maps, Query, attention_scores, no_maps
from rationale_eval.rationales.attribution import Probe, Subject, word_scores
from rationale_eval.rationales.record import Found, Merge, method


def _last(maps: Maps) -> NDArray[np.float64]:
    return maps[-1]


def rollout(maps: Maps) -> NDArray[np.float64]:
    """Product over layers of (A + I) / 2: attention through residual connections, float64 `[tokens, tokens]`."""
    identity = np.eye(maps.shape[-1])
    joint = identity
    for layer in maps:
        joint = (layer + identity) / 2 @ joint
    return joint


@method(
    "attention",
    title="Attention (last layer)",
    family="attention",
    signed=False,
    deterministic=True,
    options={"query": QUERIES},
    cite="Bahdanau et al. 2015; on its limits Jain and Wallace 2019",
    describe=(
        "How much the position that decides attends to each word in the last layer, averaged over heads. Of a "
        "scorer of choices, the choice's own row is read."
    ),
    avoid=(
        "Not as evidence of faithfulness: attention says where values come from, not what they do. Not for "
        "comparing choices, since it does not depend on the explained one."
    ),
    is_compatible=no_maps,
)
def attention(probe: Probe, subjects: Sequence[Subject], *, query: Query = "auto", merge: Merge = "sum") -> list[Found]:
    """s_i = mean over heads of A_L[query, i]."""
    tokens = attention_scores(probe, subjects, _last, query)
    return [Found(scores) for scores in word_scores(probe, subjects, tokens, "logit", merge)]


@method(
    "attention_rollout",
    title="Attention rollout",
    family="attention",
    signed=False,
    deterministic=True,
    options={"query": QUERIES},
    cite="Abnar and Zuidema 2020, eq. 1",
    describe="Attention followed through all layers and residual connections, as if it alone moved information.",
    avoid=(
        "Not for comparing choices, since it does not depend on the explained one; and not where the feed-forward"
        " layers do the work, which it does not see."
    ),
    is_compatible=no_maps,
)
def attention_rollout(
    probe: Probe, subjects: Sequence[Subject], *, query: Query = "auto", merge: Merge = "sum"
) -> list[Found]:
    """s_i = (prod over l of (A_l + I) / 2)[query, i]."""
    tokens = attention_scores(probe, subjects, rollout, query)
    return [Found(scores) for scores in word_scores(probe, subjects, tokens, "logit", merge)]
