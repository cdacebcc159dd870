"""The records of what needs torch to be imported: attribution methods, recipes, prompts, perturbations, the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rationale_eval.workspace.runs import Workspace


def facts(_workspace: Workspace) -> dict[str, Any]:
    """All records as JSON values.

    Returns:
        `methods`, `recipes`, `prompts`, `perturbations` and `rationalizers`: lists of records. `audit`: the variants
        that each metric is audited in by default, and the knobs of the protocol.
    """
    return {
        "methods": _methods(),
        "recipes": _recipes(),
        "prompts": _prompts(),
        "perturbations": _perturbations(),
        "rationalizers": _rationalizers(),
        "audit": _audit(),
    }


def _methods() -> list[dict[str, Any]]:
    from rationale_eval.rationales.methods import METHODS

    return [
        {
            "name": one.name,
            "title": one.title,
            "family": one.family,
            "what": one.describe,
            "formula": one.formula,
            "avoid": one.avoid,
            "cite": one.cite,
            "signed": one.signed,
            "deterministic": one.deterministic,
            "params": [
                {"name": key, "default": _plain(value), "options": [_plain(each) for each in one.options.get(key, ())]}
                for key, value in one.params.items()
            ],
        }
        for one in METHODS.values()
    ]


def _recipes() -> list[dict[str, Any]]:
    from rationale_eval.recipes import RECIPES

    return [
        {
            "name": one.name,
            "title": one.title,
            "what": one.describe,
            "formula": one.formula(),
            "avoid": one.avoid,
            "cite": one.cite,
            "knobs": _knobs(one.Config),
        }
        for one in RECIPES.values()
    ]


def _prompts() -> list[dict[str, Any]]:
    from rationale_eval.rationales.template import TEMPLATES

    return [
        {
            "name": one.name,
            "what": one.describe,
            "version": one.version,
            "given": one.given,
            "order": one.order,
            "shots": one.shots,
            "instruction": one.instruction,
            "case": one.case,
            "says": one.says,
        }
        for one in TEMPLATES.values()
    ]


def _perturbations() -> list[dict[str, Any]]:
    from rationale_eval.rationales.perturbations import PERTURBATIONS

    return [
        {
            "name": one.name,
            "title": one.title,
            "effect": one.effect,
            "what": one.describe,
            "cite": one.cite,
            "needs": list(one.needs),
            "version": one.version,
        }
        for one in PERTURBATIONS.values()
    ]


def _rationalizers() -> list[dict[str, Any]]:
    from rationale_eval.axioms import rationalizers  # noqa: F401 -- registers them
    from rationale_eval.axioms.rationalizer import RATIONALIZERS

    return [
        {"name": one.name, "title": one.title, "what": one.describe, "cite": one.cite} for one in RATIONALIZERS.values()
    ]


def _audit() -> dict[str, Any]:
    from rationale_eval.axioms.choosing import KNOWN, choose
    from rationale_eval.axioms.protocol import Protocol
    from rationale_eval.metrics.all import load_all

    able = [name for name, one in load_all().items() if "text" in one.needs and set(one.needs) <= KNOWN]
    return {
        "metrics": {
            name: [{"variant": each.variant, "weights": each.options.get("weights")} for each in choose([name])]
            for name in able
        },
        "views": {name: list(load_all()[name].views) for name in able},
        "knobs": _knobs(Protocol),
    }


def _knobs(config: type[BaseModel]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "default": _plain(
                field.get_default(call_default_factory=True) if field.default is PydanticUndefined else field.default
            ),
            "what": field.description or "",
            "options": [_plain(each) for each in get_args(field.annotation) if isinstance(each, str)],
        }
        for name, field in config.model_fields.items()
    ]


def _plain(value: Any) -> Any:
    """A default as JSON values."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return str(value)
