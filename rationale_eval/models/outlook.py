"""What can be said of a model before it is loaded: enough to tell which recipes it fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval.data.example import Task
from rationale_eval.errors import InputError
from rationale_eval.models import embedded
from rationale_eval.models.card import CARD, task_of
from rationale_eval.models.families import FAMILIES
from rationale_eval.models.safe import read_json
from rationale_eval.models.source import NEW_T5, find

_OURS: Final = {embedded.MINILM: "encoder", embedded.SMOLLM2: "causal", NEW_T5: "seq2seq"}
"""Models whose files need not be looked at, some of which are made only when they are used."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A model that is not loaded, with those attributes of `TaskModel` that a recipe asks about.

    Args:
        name: How the user named it.
        kind: How it will be used: "classifier", "choice_encoder", "causal" or "seq2seq".
        choices: What it was trained to choose among; None where that is open.
        narrowing: Record of the selection it answers from, or None.
    """

    name: str
    kind: str
    choices: tuple[str, ...] | None = None
    narrowing: Mapping[str, Any] | None = None


def outlook(name: str, task: Task, workspace: str | Path | None = None) -> Outlook:
    """What a model will be for a task.

    Args:
        name: As for `load_model`, or the name of a new model.
        task: What it is to do.
        workspace: The folder that has `runs/`.

    Raises:
        UsageError: If the name leads nowhere.
        InputError: If its configuration cannot be read, or its architecture is not known.
    """
    if name in _OURS:
        return Outlook(name, _used(_OURS[name], task))
    folder = find(name, workspace).folder
    config = read_json(folder / "config.json", name)
    card = read_json(folder / CARD, name) if (folder / CARD).is_file() else {}
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        raise InputError(f"its model_type '{config.get('model_type')}' is not supported", file=name)
    kind = str(card.get("kind") or _used(family.reads, task))
    own = task_of(card, name)
    choices = own.choices if own is not None and own.kind == "classification" and kind == "classifier" else None
    return Outlook(name, kind, choices, card.get("narrowing"))


def _used(reads: str, task: Task) -> str:
    if reads != "encoder":
        return reads
    return "choice_encoder" if task.kind == "multiple_choice" else "classifier"
