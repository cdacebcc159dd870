"""The card beside saved weights: what the model was made for. Read without the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rationale_eval.data.example import Task
from rationale_eval.errors import InputError
from rationale_eval.models.safe import read_json

CARD: Final = "rationale_eval.json"


def stored_task(folder: Path) -> Task | None:
    """The task of a saved model, or None where its folder has no card or the card names no task.

    Raises:
        InputError: If the card cannot be read.
    """
    path = folder / CARD
    return task_of(read_json(path, str(folder)), str(folder)) if path.is_file() else None


def stored_template(folder: Path) -> Mapping[str, Any] | None:
    """Record of the prompt that a saved model was trained to answer in words, or None.

    Raises:
        InputError: If the card cannot be read.
    """
    path = folder / CARD
    template = read_json(path, str(folder)).get("template") if path.is_file() else None
    return template if isinstance(template, Mapping) else None


def task_of(card: Mapping[str, Any], shown: str) -> Task | None:
    """The task a card names, or None.

    Raises:
        InputError: If it is not a task.
    """
    task = card.get("task")
    try:
        return task and Task(str(task["name"]), task["kind"], _strings(task["fields"]), _strings(task["choices"]))
    except (KeyError, TypeError) as error:
        raise InputError("rationale_eval.json cannot be read; save the model again", file=shown) from error


def _strings(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("not a list of strings")
    return tuple(values)
