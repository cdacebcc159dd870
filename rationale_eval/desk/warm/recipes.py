"""What recipes there are, which fit a data set and a model, and whether their knobs are set as they can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from rationale_eval.data.example import Task
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import RationaleEvalError
from rationale_eval.models.base import TaskModel
from rationale_eval.models.outlook import outlook
from rationale_eval.recipes import RECIPES
from rationale_eval.recipes.record import read_config
from rationale_eval.training.settings import LoopSettings
from rationale_eval.workspace.runs import Workspace


def recipes(workspace: Workspace) -> list[dict[str, Any]]:
    """Every recipe: `name`, `title`, `about`, `cite`, JSON `schema` of its knobs, and which of them are its `own`."""
    return [
        {
            "name": name,
            "title": kind.title,
            "about": " ".join((kind.__doc__ or "").split()),
            "cite": kind.cite,
            "schema": kind.Config.model_json_schema(),
            "own": _own(kind.Config),
        }
        for name, kind in RECIPES.items()
    ]


def _own(config: type[LoopSettings]) -> list[str]:
    """Knobs that not every training has: first those of the recipe's file, then those it shares with its kin."""
    added = [name for name in config.model_fields if name not in LoopSettings.model_fields]
    return sorted(added, key=lambda name: name not in config.__annotations__)


def compatible(workspace: Workspace, data: str, model: str, mapping: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Which recipes fit.

    Returns:
        `problem`: why no recipe can work, or None; `reasons`: by recipe, one clause or None; `task`: what is asked.
    """
    try:
        task = load_dataset(data, "train", mapping=dict(mapping or {}) or None).task
    except RationaleEvalError as error:
        return {"problem": str(error), "reasons": {}, "task": None}
    try:
        seen = cast(TaskModel, outlook(model, task, workspace.path))
    except RationaleEvalError as error:
        return {"problem": str(error), "reasons": {}, "task": _told(task)}
    return {
        "problem": None,
        "reasons": {name: kind.is_compatible(task, seen) for name, kind in RECIPES.items()},
        "task": _told(task),
    }


def settings(workspace: Workspace, recipe: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs of a recipe with every default.

    Raises:
        UsageError: The recipe's own sentence about a value that cannot be used.
    """
    return read_config(RECIPES[recipe], config).model_dump(mode="json")


def _told(task: Task) -> dict[str, Any]:
    return {"name": task.name, "kind": task.kind, "choices": list(task.choices), "fields": list(task.fields)}
