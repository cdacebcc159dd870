"""Decoding: greedy or sampled, with stop rules; what a row says does not depend on what stands beside it.

A sampled token is the first whose cumulative probability, over the tokens in order of probability, exceeds the row's
own next random number. Rows that have ended leave the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rationale_eval.models.decoding import Decoding, Finish
from rationale_eval.models.steps import Ids, Steps
from rationale_eval.models.transformer import TransformerModel

KEEP_BELOW: Final = 0.75
"""The batch is made smaller once fewer than this share of its rows go on."""


@dataclass(frozen=True, slots=True, eq=False)
class Continuation:
    """What a model said.

    Args:
        ids: New tokens, int64 `[tokens]`, without the one that ended the text.
        text: The same as text, cut before a stop string.
        finish: Why it ends.
        log_likelihood: Sum of the tokens' log-probabilities (nats) under the model itself, whatever the temperature;
            the token that ended the text included.
        steps: Tokens in that sum.
    """

    ids: Ids
    text: str
    finish: Finish
    log_likelihood: float
    steps: int


@dataclass(slots=True)
class _Row:
    noise: NDArray[np.float64] | None
    ids: list[int]
    likelihood: float = 0.0
    finish: Finish | None = None
    text: str = ""


def decode(
    steps: Steps,
    prompts: Sequence[Ids],
    how: Decoding,
    *,
    ends: frozenset[int],
    to_text: Callable[[list[int]], str],
    seeds: Sequence[int] | None = None,
) -> list[Continuation]:
    """Continues a batch of prompts.

    Args:
        steps: The model.
        prompts: Token ids of each prompt.
        how: Greedy or sampled, and when to stop.
        ends: Ids of tokens that end a text.
        to_text: Turns new tokens into text.
        seeds: One for each row; needed where tokens are drawn.

    Returns:
        One continuation for each prompt.
    """
    rows = [_Row(None if seeds is None else np.random.default_rng(seeds[i]).random(how.max_tokens), []) for i in
            range(len(prompts))]  # fmt: skip
    live = list(range(len(rows)))
    logits = steps.start(prompts)
    while live:
        chosen, likelihood = _choose(logits, how, [rows[i] for i in live])
        for i, token, nats in zip(live, chosen.tolist(), likelihood.tolist(), strict=True):
            _add(rows[i], token, nats, how, ends, to_text)
        going = [place for place, i in enumerate(live) if rows[i].finish is None]
        if not going:
            break
        if len(going) < KEEP_BELOW * len(live):
            kept = torch.tensor(going, device=chosen.device)
            steps.keep(kept)
            chosen, live = chosen[kept], [live[place] for place in going]
        logits = steps.step(chosen)
    return [_continuation(row) for row in rows]


def _add(
    row: _Row, token: int, nats: float, how: Decoding, ends: frozenset[int], to_text: Callable[[list[int]], str]
) -> None:
    """Adds one token to a row that has not ended; rows that have are carried along until the batch is made smaller."""
    if row.finish is not None:
        return
    row.likelihood += nats
    if token in ends:
        row.finish, row.text = "end", to_text(row.ids)
        return
    row.ids.append(token)
    if how.stop or len(row.ids) == how.max_tokens:
        text = to_text(row.ids)
        found = [place for place in (text.find(one) for one in how.stop) if place >= 0]
        if found:
            row.finish, row.text = "stop", text[: min(found)]
        elif len(row.ids) == how.max_tokens:
            row.finish, row.text = "length", text


def _continuation(row: _Row) -> Continuation:
    assert row.finish is not None
    steps = len(row.ids) + (row.finish == "end")
    return Continuation(np.array(row.ids, dtype=np.int64), row.text, row.finish, row.likelihood, steps)


def _choose(logits: Tensor, how: Decoding, rows: Sequence[_Row]) -> tuple[Tensor, Tensor]:
    """The next token of each row and its log-probability under the model."""
    if how.temperature == 0:
        chosen = logits.argmax(dim=1)
    else:
        probabilities = (logits / how.temperature).double().softmax(dim=1)
        ordered, places = probabilities.sort(dim=1, descending=True, stable=True)
        before = ordered.cumsum(dim=1) - ordered
        kept = torch.where(before < how.top_p, ordered, 0.0)
        rising = kept.cumsum(dim=1)
        draws = [0.0 if row.noise is None else row.noise[min(len(row.ids), how.max_tokens - 1)] for row in rows]
        wanted = torch.tensor(draws, dtype=torch.float64, device=logits.device)[:, None] * rising[:, -1:]
        last = (kept > 0).sum(dim=1, keepdim=True) - 1
        place = torch.minimum((rising <= wanted).sum(dim=1, keepdim=True), last)
        chosen = places.gather(1, place).squeeze(1)
    picked = logits.gather(1, chosen[:, None]).squeeze(1)
    return chosen, picked - logits.logsumexp(dim=1)


def end_tokens(model: TransformerModel) -> frozenset[int]:
    """Ids of the tokens by which a model ends a text."""
    network: Any = model.network
    found: set[int] = set()
    for end in (model.tokenizer.eos_token_id, network.config.eos_token_id):
        found |= set(end) if isinstance(end, list) else set() if end is None else {int(end)}
    return frozenset(found)


def common_beginning(model: TransformerModel, beginning: str, prompts: Sequence[Ids], left: Sequence[int]) -> Ids:
    """The tokens that a text and all prompts begin with, int64 `[tokens]`.

    Args:
        model: Whose tokens.
        beginning: The text.
        prompts: Tokens of each prompt.
        left: For each prompt how many of its tokens must not be taken, at its end.
    """
    if not beginning:
        return np.zeros(0, dtype=np.int64)
    shared = np.array(model.tokenizer(beginning, verbose=False)["input_ids"], dtype=np.int64)
    for prompt, rest in zip(prompts, left, strict=True):
        size = min(len(shared), len(prompt) - rest)
        other = np.flatnonzero(shared[:size] != prompt[:size])
        shared = shared[: other[0] if len(other) else size]
    return shared
