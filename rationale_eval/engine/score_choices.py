"""Answers requests for the likelihood of choices: tokens, trees, batches; for other architectures row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.engine.ask_text import Choose
from rationale_eval.engine.execute import default_batch_tokens, execute, out_of_memory
from rationale_eval.engine.perturb import TokenSequence
from rationale_eval.engine.precision import quick_float32
from rationale_eval.errors import InputError
from rationale_eval.models.base import NO_WORD, Row
from rationale_eval.models.choice_tree import Said, Tree, grow, tree_scores
from rationale_eval.models.decode import common_beginning
from rationale_eval.models.shared_prefix import Prefix, can_share, read_prefix
from rationale_eval.models.transformer import TransformerModel

MOST_NODES: Final = 512
"""Most nodes of a tree of several texts: attention within it grows with the square."""

MOST_PAIRS: Final = 1_048_576
"""Most pairs of nodes in a batch of trees, on a CPU; a batch's attention takes a number for each, head by head."""

TOGETHER: Final = 64
"""Requests that are answered together where texts cannot share what they begin with."""

Scores = NDArray[np.float32]


def score_choices(model: TransformerModel, requests: Sequence[Choose]) -> Iterator[dict[int, Scores | None]]:
    """Yields mean log-likelihoods, float32 `[choices]`, by the place of their request, batch by batch.

    None stands for a request whose prompt does not fit the model with its longest choice.

    Raises:
        InputError: If a choice has no tokens.
    """
    by_beginning: dict[str, list[int]] = {}
    for index, request in enumerate(requests):
        by_beginning.setdefault(request.beginning, []).append(index)
    for beginning, indices in by_beginning.items():
        texts = _texts(model, [requests[index] for index in indices])
        fitting = [
            (index, said)
            for index, said in zip(indices, texts, strict=True)
            if max(len(one.ids) for one in said) <= model.max_length
        ]
        if len(fitting) < len(indices):
            yield dict.fromkeys(set(indices) - {index for index, _ in fitting})
        with quick_float32(model.device), torch.inference_mode():
            if model.kind == "causal" and can_share(model.network):
                yield from _by_tree(model, beginning, fitting)
            else:
                yield from _by_row(model, fitting)


def _texts(model: TransformerModel, requests: Sequence[Choose]) -> list[list[Said]]:
    """Prompt and choice as one text for a causal model; for an encoder-decoder the choice follows the whole prompt."""
    if model.kind == "causal":
        whole = [(one.beginning + one.prompt, choice) for one in requests for choice in one.choices]
        made = model.tokenizer([prompt + choice for prompt, choice in whole], verbose=False).encodings
        flat = iter([_scored(tokens.ids, tokens.offsets, *pair) for tokens, pair in zip(made, whole, strict=True)])
        return [[next(flat) for _ in one.choices] for one in requests]
    found = []
    for one in requests:
        ids = np.array(model.tokenizer(one.beginning + one.prompt, verbose=False)["input_ids"], dtype=np.int64)
        said = [model.tokenizer(choice.strip(), add_special_tokens=False)["input_ids"] for choice in one.choices]
        for choice, tokens in zip(one.choices, said, strict=True):
            if not tokens:
                raise _no_tokens(choice)
        found.append([Said(np.concatenate([ids, np.array(tokens, dtype=np.int64)]), len(ids)) for tokens in said])
    return found


def _scored(ids: list[int], offsets: list[tuple[int, int]], prompt: str, choice: str) -> Said:
    """The text up to the choice's last token; the choice's tokens are those that overlap its characters."""
    spans = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    said = np.flatnonzero((spans[:, 1] > len(prompt)) & (spans[:, 1] > spans[:, 0]))
    if not len(said) or said[0] == 0:
        raise _no_tokens(choice)
    return Said(np.array(ids[: said[-1] + 1], dtype=np.int64), int(said[0]))


def _no_tokens(choice: str) -> InputError:
    return InputError(f"the choice '{choice.strip()}' has no tokens to score after a prompt; give it a text")


def _by_tree(
    model: TransformerModel, beginning: str, fitting: Sequence[tuple[int, list[Said]]]
) -> Iterator[dict[int, Scores | None]]:
    flat = [one for _, said in fitting for one in said]
    if not flat:
        return
    # The token before the first scored one is left: it has to be asked what comes after it.
    left = [len(one.ids) - one.first + 1 for one in flat]
    shared = common_beginning(model, beginning, [one.ids for one in flat], left)
    prefix = read_prefix(model.network, torch.from_numpy(shared).to(model.device))
    owner = [(index, choice) for index, said in fitting for choice in range(len(said))]
    found = {index: np.full(len(said), np.nan, dtype=np.float32) for index, said in fitting}
    missing = {index: len(said) for index, said in fitting}
    for batch in _batches(grow(flat, prefix.tokens, MOST_NODES), default_batch_tokens(model.device)):
        whole: dict[int, Scores | None] = {}
        for text, nats in _halving(model, prefix, batch).items():
            index, choice = owner[text]
            found[index][choice] = nats
            missing[index] -= 1
            if not missing[index]:
                whole[index] = found[index]
        yield whole


def _batches(trees: Sequence[Tree], batch_tokens: int) -> Iterator[list[Tree]]:
    batch: list[Tree] = []
    longest = 0
    most_pairs = MOST_PAIRS * max(1, batch_tokens // default_batch_tokens(torch.device("cpu")))
    for tree in sorted(trees, key=len, reverse=True):
        longest = longest or len(tree)
        rows = len(batch) + 1
        if batch and (rows * longest > batch_tokens or rows * longest**2 > most_pairs):
            yield batch
            batch, longest = [], len(tree)
        batch.append(tree)
    if batch:
        yield batch


def _halving(model: TransformerModel, prefix: Prefix, batch: list[Tree]) -> dict[int, float]:
    try:
        return tree_scores(model, prefix, batch)
    except RuntimeError as error:
        if not out_of_memory(error) or len(batch) == 1:
            raise
    half = len(batch) // 2
    return _halving(model, prefix, batch[:half]) | _halving(model, prefix, batch[half:])


def _by_row(model: TransformerModel, fitting: Sequence[tuple[int, list[Said]]]) -> Iterator[dict[int, Scores | None]]:
    for start in range(0, len(fitting), TOGETHER):
        part = fitting[start : start + TOGETHER]
        rows = [_row(model, one) for _, said in part for one in said]
        scores = dict(execute(model, rows, default_batch_tokens(model.device)))
        found = iter([scores[place][0] for place in range(len(rows))])
        yield {index: np.array([next(found) for _ in said], dtype=np.float32) for index, said in part}


def _row(model: TransformerModel, said: Said) -> TokenSequence:
    ids = said.ids if model.kind == "causal" else said.ids[: said.first]
    row = Row(
        ids=ids,
        types=np.zeros_like(ids),
        word=np.full_like(ids, NO_WORD),
        target=said.ids[said.first :],
    )
    return TokenSequence(row, None, None, 0, b"")
