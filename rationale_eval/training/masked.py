"""What the task model answers when it is shown parts of its input: all parts of all rows in few passes.

Hiding tokens from attention and leaving them out, with the others told where they stood, is the same computation for an
encoder that knows places by an embedding and is read at its first token. Leaving them out is cheaper: of the bins
1, 5, 10, 20 and 50 % and their complements, five full rows of tokens remain instead of ten, and in a short text the
smallest bins are one and the same. (Dropout is then drawn once for both.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from rationale_eval.models.base import Batch, TaskModel
from rationale_eval.rationales.extractors import Reading

LARGEST_WASTE = {"cpu": 0.15}
"""Share of padding a group of rows may hold; on an accelerator half, where fewer passes are worth more."""


def hidden(model: TaskModel, reading: Reading, keep: Tensor) -> Tensor:
    """Scores when only some tokens can be attended to; ids and places of the rest are unchanged.

    Args:
        model: An encoder.
        reading: The rows.
        keep: Booleans `[parts, rows, tokens]`; every part of every row keeps at least one token.

    Returns:
        float32 `[parts, rows, outputs]`.
    """
    if not model.keeps_places:
        whole = _repeated(reading.batch, len(keep))
        scores = model.scores(replace(whole, attention=keep.reshape(-1, keep.shape[-1]).long()))
        return scores.view(*keep.shape[:2], -1)
    parts, rows = keep.shape[:2]
    # In a short text 1 % and 5 % are the same token: a part that equals the one before it is run once.
    new = torch.ones(parts, rows, dtype=torch.bool, device=keep.device)
    new[1:] = (keep[1:] != keep[:-1]).any(dim=-1)
    since = torch.where(new, torch.arange(parts, device=keep.device)[:, None], 0).cummax(dim=0).values
    place = (new.flatten().cumsum(dim=0) - 1).view_as(new).gather(0, since)
    flat, owner = keep[new], new.nonzero()[:, 1]
    lengths = flat.sum(dim=1)
    # Kept tokens first, in reading order.
    places = (~flat).to(torch.uint8).argsort(dim=1, stable=True)
    # Looked up once: every lookup's gradient is as large as the vocabulary.
    whole = replace(reading.batch, embeds=model.embedding()(reading.batch.ids))
    order = lengths.argsort(descending=True, stable=True)
    groups = _groups(lengths[order].tolist(), LARGEST_WASTE.get(reading.batch.ids.device.type, 0.5))
    chosen = [order[group] for group in groups]
    scores = model.joint_scores([_shortened(whole, places[one], lengths[one], owner[one]) for one in chosen])
    sorted_at = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    return scores[sorted_at[place]]


def mixed(model: TaskModel, reading: Reading, share: Tensor) -> Tensor:
    """Scores when each token's embedding is moved towards that of padding: e' = share e + (1 - share) e_pad.

    Gradients flow to the shares.

    Args:
        model: The model.
        reading: The rows.
        share: Numbers `[parts, rows, tokens]`.

    Returns:
        float32 `[parts, rows, outputs]`.
    """
    table = model.embedding()
    text, absent = table(reading.batch.ids), table.weight[model.pad_id]
    embeds = absent + share[..., None].to(text) * (text - absent)
    whole = _repeated(reading.batch, len(share))
    attention = reading.attended.repeat(len(share), 1).long()
    scores = model.scores(replace(whole, embeds=embeds.flatten(0, 1), attention=attention))
    return scores.view(*share.shape[:2], -1)


def _repeated(batch: Batch, times: int) -> Batch:
    return replace(
        batch,
        ids=batch.ids.repeat(times, 1),
        types=batch.types.repeat(times, 1),
        lengths=batch.lengths.repeat(times),
        attention=None,
    )


def _groups(lengths: list[int], waste: float) -> Iterator[slice]:
    """Runs of lengths, longest first, of which each holds at most that share of padding."""
    start, total = 0, 0
    for end, length in enumerate(lengths):
        padded = (end + 1 - start) * lengths[start]
        if 1 - (total + length) / padded > waste:
            yield slice(start, end)
            start, total = end, 0
        total += length
    if lengths:
        yield slice(start, len(lengths))


def _shortened(batch: Batch, places: Tensor, lengths: Tensor, rows: Tensor) -> Batch:
    longest = int(lengths.max())
    places = places[:, :longest]
    assert batch.embeds is not None
    attended = torch.arange(longest, device=places.device) < lengths[:, None]
    return replace(
        batch,
        ids=batch.ids[rows[:, None], places],
        types=batch.types[rows[:, None], places],
        attention=None if bool(attended.all()) else attended.long(),
        lengths=lengths,
        embeds=batch.embeds[rows[:, None], places],
        places=places,
    )
