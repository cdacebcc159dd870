"""Answers requests for text: prompts of one way of decoding in batches by length, their common beginning read once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import torch

from rationale_eval.engine.ask_text import Write
from rationale_eval.engine.precision import quick_float32
from rationale_eval.models.decode import common_beginning, decode, end_tokens
from rationale_eval.models.decoding import Decoding
from rationale_eval.models.steps import CausalSteps, Ids, Seq2SeqSteps, Steps
from rationale_eval.models.transformer import TransformerModel

BATCH: Final = 32
"""Texts written at a time."""


def write_texts(model: TransformerModel, requests: Sequence[Write]) -> Iterator[dict[int, str | None]]:
    """Yields texts by the place of their request, batch by batch; None where a prompt does not fit the model."""
    alike: dict[tuple[str, Decoding], list[int]] = {}
    for index, one in enumerate(requests):
        how = Decoding(one.max_tokens, one.temperature, stop=one.stop)
        alike.setdefault((one.beginning, how), []).append(index)
    for (beginning, how), indices in alike.items():
        prompts = {
            index: np.array(
                model.tokenizer(beginning + requests[index].prompt, verbose=False)["input_ids"], dtype=np.int64
            )
            for index in indices
        }
        new = how.max_tokens if model.kind == "causal" else 0
        fitting = [index for index in indices if 0 < len(prompts[index]) <= model.max_length - new]
        if len(fitting) < len(indices):
            yield dict.fromkeys(set(indices) - set(fitting))
        fitting.sort(key=lambda index: len(prompts[index]), reverse=True)
        yield from _written(model, beginning, how, [(index, prompts[index], requests[index]) for index in fitting])


def _written(
    model: TransformerModel, beginning: str, how: Decoding, asked: Sequence[tuple[int, Ids, Write]]
) -> Iterator[dict[int, str | None]]:
    if not asked:
        return
    ends = end_tokens(model)

    def text(ids: list[int]) -> str:
        said: str = model.tokenizer.decode(ids, skip_special_tokens=True)
        return said

    with torch.inference_mode(), quick_float32(model.device):
        causal = model.kind == "causal"
        shared = common_beginning(model, beginning, [ids for _, ids, _ in asked], [1] * len(asked))
        steps: Steps = CausalSteps(model, shared) if causal else Seq2SeqSteps(model)
        for start in range(0, len(asked), BATCH):
            batch = asked[start : start + BATCH]
            seeds = [_seed(request) for _, _, request in batch]
            found = decode(steps, [ids for _, ids, _ in batch], how, ends=ends, to_text=text, seeds=seeds)
            yield {index: said.text for (index, _, _), said in zip(batch, found, strict=True)}


def _seed(request: Write) -> int:
    return int.from_bytes(hashlib.sha256(repr(request).encode()).digest()[:8], "big") >> 1
