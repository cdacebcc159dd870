"""Extractors on disk: weights and a card beside the task model they belong to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from rationale_eval import durable
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.base import TaskModel
from rationale_eval.rationales.extractors.record import EXTRACTORS, Extractor

CARD: Final = "extractor.json"
WEIGHTS: Final = "weights.safetensors"

_loaded: WeakKeyDictionary[TaskModel, Extractor] = WeakKeyDictionary()


def save_extractor(extractor: Extractor, folder: Path) -> None:
    """Writes `extractor.json` and, where it has any, the weights into a new folder."""
    folder.mkdir(parents=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in extractor.state_dict().items()}
    if tensors:
        save_file(tensors, folder / WEIGHTS)
    durable.write_json(folder / CARD, {"kind": extractor.kind, "settings": extractor.settings()})


def load_extractor(model: TaskModel) -> Extractor:
    """The extractor that was trained with a model, in eval mode, on the model's device.

    Raises:
        UsageError: If the model has none.
        InputError: If it cannot be read or does not fit the model.
    """
    folder = model.extractor
    if folder is None:
        raise UsageError(f"{model.name} has no extractor of its own; train one: rationale-eval train unirex ...")
    card = _card(folder)
    made = EXTRACTORS[card["kind"]].build(model, card["settings"])
    try:
        wanted = set(made.state_dict())
        made.load_state_dict(load_file(folder / WEIGHTS) if wanted else {})
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise InputError(f"the extractor's weights do not fit its card ({reason})", file=str(folder)) from error
    return made.to(model.device).eval().requires_grad_(False)


def extractor_of(model: TaskModel) -> Extractor:
    """The model's extractor, read once; see `load_extractor`."""
    if model not in _loaded:
        _loaded[model] = load_extractor(model)
    return _loaded[model]


def _card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        kind, settings = card["kind"], card["settings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{CARD} cannot be read; save the model again", file=str(folder)) from error
    if kind not in EXTRACTORS or not isinstance(settings, dict):
        raise InputError(f"{CARD} names no known extractor; there are: {', '.join(EXTRACTORS)}", file=str(folder))
    return {"kind": kind, "settings": settings}
