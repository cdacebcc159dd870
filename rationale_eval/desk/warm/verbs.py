"""What the warm process can be asked: one name, one function of the workspace and JSON values."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from rationale_eval.workspace.runs import Workspace

Verb = Callable[..., Any]


def _lazy(module: str, name: str) -> Verb:
    def call(workspace: Workspace, **arguments: Any) -> Any:
        return getattr(import_module(f"rationale_eval.desk.warm.{module}"), name)(workspace, **arguments)

    return call


VERBS: Final[dict[str, Verb]] = {
    "hello": _lazy("jobs", "hello"),
    "submit": _lazy("jobs", "submit_job"),
    "retry": _lazy("jobs", "retry_run"),
    "sweep": _lazy("jobs", "sweep"),
    "recipes": _lazy("recipes", "recipes"),
    "compatible": _lazy("recipes", "compatible"),
    "settings": _lazy("recipes", "settings"),
    "measure": _lazy("measuring", "measure_job"),
    "facts": _lazy("facts", "facts"),
    "open_model": _lazy("probe", "open_model"),
    "predict": _lazy("probe", "predict"),
    "attribute": _lazy("probe", "attribute"),
    "without": _lazy("probe", "without"),
    "simulate": _lazy("simulate", "simulate"),
}
