"""An encoder as a reader of plain texts: the states of their tokens, for similarities between texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.data.example import Task
from rationale_eval.errors import UsageError
from rationale_eval.models.card import stored_task
from rationale_eval.models.load import load_model
from rationale_eval.models.source import find

BATCH: Final = 64


def _some_task(name: str, workspace: str | Path | None) -> Task | None:
    """A task that a model can be loaded for: its own, or one with as many choices as its head has classes, by their
    names. The head is never asked.
    """
    folder = find(name, workspace).folder
    if stored_task(folder) is not None:
        return None
    try:
        labels = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("id2label")
    except (OSError, ValueError):
        labels = None
    names = [str(label) for label in labels.values()] if isinstance(labels, dict) else []
    choices = tuple(names) if len(names) > 1 else ("first", "second")
    return Task("texts", "classification", ("text",), choices)


class TextEncoder:
    """Reads texts.

    Args:
        name: What `load_model` takes; an encoder.
        device: See `load_model`.
        workspace: Where runs that are named are kept.

    Raises:
        UsageError: If it is no encoder.
    """

    def __init__(self, name: str = "embedded/minilm", *, device: str = "auto", workspace: str | Path | None = None):
        model = load_model(name, task=_some_task(name, workspace), device=device, workspace=workspace)
        if model.kind not in ("classifier", "choice_encoder"):
            raise UsageError(f"{name} is a language model; similarities need an encoder, such as embedded/minilm")
        network: Any = model.network
        self.name, self.fingerprint = name, model.fingerprint
        self._body, self._model = network.base_model, model

    def states(self, texts: Sequence[str]) -> list[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
        """The last layer's states of each text, float32 `[tokens, hidden]`, and which tokens are not special.

        Texts that are too long are cut at their end.
        """
        tokenizer, device = self._model.tokenizer, self._model.device
        found: list[tuple[NDArray[np.float32], NDArray[np.bool_]]] = [(np.zeros((0, 0), np.float32), np.zeros(0, bool))]
        found *= len(texts)
        made = tokenizer(
            list(texts), truncation=True, max_length=self._model.max_length, return_special_tokens_mask=True
        )
        order = sorted(range(len(texts)), key=lambda place: len(made["input_ids"][place]))
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            longest = max(len(made["input_ids"][place]) for place in places)
            ids = np.full((len(places), longest), self._model.pad_id, dtype=np.int64)
            mask = np.zeros((len(places), longest), dtype=np.int64)
            for row, place in enumerate(places):
                size = len(made["input_ids"][place])
                ids[row, :size], mask[row, :size] = made["input_ids"][place], 1
            with torch.inference_mode():
                states = self._body(
                    input_ids=torch.from_numpy(ids).to(device), attention_mask=torch.from_numpy(mask).to(device)
                ).last_hidden_state
            for row, place in enumerate(places):
                size = int(mask[row].sum())
                real = np.array(made["special_tokens_mask"][place], dtype=bool)
                found[place] = states[row, :size].float().cpu().numpy(), ~real
        return found

    def vectors(self, texts: Sequence[str]) -> list[NDArray[np.float64]]:
        """The mean of each text's token states, special tokens included, float64 `[hidden]`."""
        return [states.astype(np.float64).mean(axis=0) for states, _ in self.states(texts)]
