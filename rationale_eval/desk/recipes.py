"""Recipes as the pages know them: asked of the warm process once, and kept for the next start."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import rationale_eval
from rationale_eval import durable
from rationale_eval.desk.desk import Desk

CACHE: Final = "cache"
_SOURCES: Final = ("recipes", "training")


@dataclass(frozen=True, slots=True)
class RecipeFacts:
    """A recipe.

    Args:
        name: As the user calls it.
        title: One line for people.
        about: Its objective.
        cite: Where it is published.
        schema: JSON schema of its knobs.
        own: Knobs that it has beyond those of every training, in the order of its file.
    """

    name: str
    title: str
    about: str
    cite: str
    schema: Mapping[str, Any]
    own: tuple[str, ...]

    @property
    def defaults(self) -> dict[str, Any]:
        """Every knob as the paper has it."""
        return {name: field.get("default") for name, field in self.schema["properties"].items()}


def recipes(desk: Desk, *, wait: bool = False) -> list[RecipeFacts] | None:
    """All recipes, or None while the process that knows them is still starting.

    Args:
        desk: Whom to ask.
        wait: Wait for it.
    """
    file = desk.workspace.path / CACHE / f"recipes-{stamp()}.json"
    try:
        return _read(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        if not (wait or desk.warm.ready):
            return None
    found = _read(desk.warm.call("recipes"))
    if not desk.access.read_only:
        desk.workspace.prepare()
        durable.make_folder(file.parent, 0o700)
        durable.write_json(file, [asdict(each) for each in found])
    return found


def _read(values: list[dict[str, Any]]) -> list[RecipeFacts]:
    return [RecipeFacts(**(each | {"own": tuple(each["own"])})) for each in values]


def stamp() -> str:
    """Changes with the version, and with every file that a recipe's knobs may come from."""
    root = Path(rationale_eval.__file__).parent
    parts = [version("rationale-eval")]
    for room in _SOURCES:
        for entry in sorted(os.scandir(root / room), key=lambda entry: entry.name):
            if entry.name.endswith(".py"):
                found = entry.stat()
                parts.append(f"{entry.name}:{found.st_size}:{found.st_mtime_ns}")
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
