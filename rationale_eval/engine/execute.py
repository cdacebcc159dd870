"""Runs token sequences: sorted by length, packed to a token budget, halved when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rationale_eval.engine.perturb import TokenSequence
from rationale_eval.engine.precision import quick_float32
from rationale_eval.errors import RationaleEvalError
from rationale_eval.models.base import Batch, TaskModel

LARGEST_WASTE: Final = 0.08
"""Share of padding a batch may hold. Equal lengths need none, and no attention mask either."""


def default_batch_tokens(device: torch.device) -> int:
    """Tokens in one batch: on a CPU what fits its caches, on an accelerator what fills it."""
    return 2048 if device.type == "cpu" else 65536


def pack(sequences: Sequence[TokenSequence], batch_tokens: int) -> list[list[int]]:
    """Indices of sequences, grouped into batches of similar length and at most `batch_tokens` padded tokens.

    A sequence longer than the budget makes a batch of its own. Sequences with edited embeddings, with attention masks
    and with plain tokens never share a batch, so that plain ones take the quick way.
    """

    def shape(index: int) -> tuple[bool, bool, int, int]:
        sequence = sequences[index]
        return (
            sequence.retain is not None,
            sequence.attention is not None,
            len(sequence),
            len(sequence.row.target),
        )

    batches: list[list[int]] = []
    longest, total, kind = 0, 0, (False, False)
    for index in sorted(range(len(sequences)), key=shape, reverse=True):
        *now, size, _ = shape(index)
        rows = len(batches[-1]) if batches else 0
        full = (rows + 1) * longest > batch_tokens
        wasteful = 1 - (total + size) / max(1, (rows + 1) * longest) > LARGEST_WASTE
        if not rows or full or wasteful or tuple(now) != kind:
            batches.append([])
            longest, total, kind = size, 0, (now[0], now[1])
        batches[-1].append(index)
        total += size
    return batches


def execute(
    model: TaskModel, sequences: Sequence[TokenSequence], batch_tokens: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yields (index, row scores float32 `[outputs]`) for every sequence, in the order in which they ran.

    Raises:
        RationaleEvalError: If a single sequence does not fit into memory.
    """
    with quick_float32(model.device):
        for batch in pack(sequences, batch_tokens):
            yield from _halving(model, sequences, batch)


def _halving(
    model: TaskModel, sequences: Sequence[TokenSequence], batch: list[int]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    try:
        scores = _forward(model, [sequences[index] for index in batch])
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        if len(batch) == 1:
            raise RationaleEvalError(
                f"one sequence of {len(sequences[batch[0]])} tokens does not fit into memory on {model.device}; "
                "set a smaller max_length or use another device"
            ) from error
        half = len(batch) // 2
        yield from _halving(model, sequences, batch[:half])
        yield from _halving(model, sequences, batch[half:])
        return
    yield from zip(batch, scores, strict=True)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error means that memory ran out, on an accelerator or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _forward(model: TaskModel, sequences: Sequence[TokenSequence]) -> NDArray[np.float32]:
    masks = None
    if any(sequence.attention is not None for sequence in sequences):
        masks = [_attended(sequence) for sequence in sequences]
    with torch.inference_mode():
        batch = model.pad([sequence.row for sequence in sequences], masks)
        if any(sequence.retain is not None for sequence in sequences):
            batch = replace(batch, embeds=_edited(model, batch, sequences))
        return model.scores(batch).float().cpu().numpy()


def _attended(sequence: TokenSequence) -> NDArray[np.int64]:
    return np.ones(len(sequence), dtype=np.int64) if sequence.attention is None else sequence.attention


def _edited(model: TaskModel, batch: Batch, sequences: Sequence[TokenSequence]) -> Tensor:
    """Input embeddings with dropped elements; each sequence has its own seeded draw, so batching changes nothing."""
    embeds = model.embedding()(batch.ids)
    survives = torch.ones_like(embeds)
    for place, sequence in enumerate(sequences):
        if sequence.retain is not None:
            retain = torch.from_numpy(sequence.retain)[:, None]
            draw = torch.rand((len(sequence), embeds.shape[-1]), generator=torch.Generator().manual_seed(sequence.seed))
            survives[place, : len(sequence)] = (draw < retain).to(survives)
    return embeds * survives
