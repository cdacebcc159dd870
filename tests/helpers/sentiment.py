"""A tiny data set with splits and a tiny model to learn it, for tests of whole runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.tiny import SENTIMENT, tiny_classifier, tiny_folder

KNOBS: dict[str, Any] = {"epochs": 2, "batch_size": 8, "lr": 1e-2, "precision": "no", "checkpoint_every": 2}
"""Ten optimizer steps."""


def sentiment_set(folder: Path, sizes: tuple[int, int, int] = (40, 12, 6)) -> Path:
    """Writes splits train, validation and test whose labels follow from one word, which is the gold rationale."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for split, size in zip(("train", "validation", "test"), sizes, strict=True):
        with open(folder / f"{split}.jsonl", "w") as file:
            for i in range(size):
                label = int(random.integers(2))
                text = f"the film {i} was {('dull', 'wonderful')[label]}"
                start = text.index(("dull", "wonderful")[label])
                record: dict[str, Any] = {"id": f"{i}", "task": "sentiment", "inputs": {"text": text}}
                record |= {"choices": list(SENTIMENT.choices), "label": label, "rationale": None, "rationales": []}
                file.write(json.dumps(record | {"evidence": {"text": [[start, len(text)]]}, "meta": {}}) + "\n")
    return folder


def fresh_model(folder: Path) -> Path:
    """Writes a tiny classifier that was never trained."""
    return tiny_folder(folder, "bert", "classifier", labels=2)


def trained_model(folder: Path) -> Path:
    """Writes a tiny classifier that says it was trained."""
    model = tiny_classifier(SENTIMENT)
    model.trained = True
    model.save(str(folder))
    return folder
