"""Evaluate rationales of language models.

The public verbs are loaded when first used, so that importing the package is quick and needs no torch::

    import rationale_eval as rx

    data = rx.load_dataset("esnli", split="test", limit=200)
    model = rx.load_model("embedded/minilm")
    scores = rx.extract(model, data, method="integrated_gradients")
    result = rx.evaluate(data, scores, model=model, metrics=["comprehensiveness", "auprc"])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rationale_eval.errors import InputError, RationaleEvalError, UsageError

__version__ = "0.1.0"

_VERBS = {
    "load_dataset": "rationale_eval.data.load",
    "load_model": "rationale_eval.models.load",
    "extract": "rationale_eval.verbs.extract",
    "generate": "rationale_eval.verbs.generate",
    "evaluate": "rationale_eval.verbs.evaluate",
    "compare": "rationale_eval.verbs.compare",
    "audit": "rationale_eval.verbs.audit",
    "train": "rationale_eval.verbs.train",
    "resume": "rationale_eval.verbs.jobs",
    "submit": "rationale_eval.verbs.jobs",
    "train_many": "rationale_eval.verbs.sweep",
    "group_results": "rationale_eval.verbs.groups",
}

__all__ = ["InputError", "RationaleEvalError", "UsageError", *_VERBS]

if TYPE_CHECKING:
    from rationale_eval.data.load import load_dataset as load_dataset
    from rationale_eval.models.load import load_model as load_model
    from rationale_eval.verbs.audit import audit as audit
    from rationale_eval.verbs.compare import compare as compare
    from rationale_eval.verbs.evaluate import evaluate as evaluate
    from rationale_eval.verbs.extract import extract as extract
    from rationale_eval.verbs.generate import generate as generate
    from rationale_eval.verbs.groups import group_results as group_results
    from rationale_eval.verbs.jobs import resume as resume
    from rationale_eval.verbs.jobs import submit as submit
    from rationale_eval.verbs.sweep import train_many as train_many
    from rationale_eval.verbs.train import train as train


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'rationale_eval' has no attribute '{name}'")
    verb = getattr(import_module(_VERBS[name]), name)
    globals()[name] = verb
    return verb


def __dir__() -> list[str]:
    return sorted([*globals(), *_VERBS])
