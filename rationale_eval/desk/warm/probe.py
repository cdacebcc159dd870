"""What the page Probe asks: a model's answer to an edited text, word scores, and the answer without some words.

Examples come as records of the project's own schema; everything said about them is JSON, with null where a number is
not defined. The numbers are those of the engine: of `rationale-eval extract` and `evaluate` for the same text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.example import Example, Task
from rationale_eval.data.rationale import WordScores
from rationale_eval.data.schema import to_example
from rationale_eval.desk.warm.shelf import SHELF, Opened
from rationale_eval.engine.case import REMOVALS, Asks, Case, Removal
from rationale_eval.errors import UsageError
from rationale_eval.metrics.faithfulness import comprehensiveness, sufficiency
from rationale_eval.metrics.record import Score
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extract import choose, target_of
from rationale_eval.rationales.methods import METHODS
from rationale_eval.rationales.record import Method
from rationale_eval.rationales.selection import ranking
from rationale_eval.workspace.runs import Workspace

QUICK: Final[Mapping[str, Mapping[str, Any]]] = {
    "learned": {},
    "input_x_gradient": {},
    "integrated_gradients": {"steps": 10},
    "saliency": {},
    "attention": {},
    "leave_one_out": {},
    "random": {},
}
"""Methods that answer while one waits, with the parameters that make them quick; chance stands beside them."""

ENCODERS: Final = ("classifier", "choice_encoder")

MOST_CHARACTERS: Final = 100_000
"""Of all fields of an example together."""


def open_model(workspace: Workspace, model: str, task: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Opens a model; later questions find it open.

    Returns:
        `name`, `source`, `kind`, `choices` (null where every example brings its own), `fields` (null where it does not
        know), `max_length`, `fingerprint`, `seconds` it took, `device`, `removals`: how words can be taken away, and
        `methods`: for each quick one its `name`, `title`, `signed`, `params`, `why` it cannot be used or null.
    """
    opened = SHELF.take(workspace, model, task_of(task))
    found = opened.model
    return {
        "name": model,
        "source": found.source,
        "kind": found.kind,
        "choices": None if found.choices is None else list(found.choices),
        "fields": None if found.task is None else list(found.task.fields),
        "task": None if found.task is None else found.task.name,
        "max_length": found.max_length,
        "fingerprint": found.fingerprint,
        "device": str(found.device),
        "seconds": opened.seconds,
        "removals": [name for name in REMOVALS if name != "mask" or found.mask_id is not None],
        "methods": [
            {
                "name": name,
                "title": METHODS[name].title,
                "describe": METHODS[name].describe,
                "signed": METHODS[name].signed,
                "params": dict(params),
                "why": _why_not(METHODS[name], found),
            }
            for name, params in QUICK.items()
        ],
    }


def predict(
    workspace: Workspace,
    model: str,
    records: Sequence[Mapping[str, Any]],
    rule: str = "unicode",
    task: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The model's answers to some examples.

    Returns:
        For each: `choices`, `probabilities`, `words` as [field, start, end], `seen` by the model or not, and whether
        the text was `truncated`.
    """
    opened = SHELF.take(workspace, model, task_of(task))
    return [_told(opened, opened.case(example_of(record), rule)) for record in records]


def attribute(
    workspace: Workspace,
    model: str,
    record: Mapping[str, Any],
    method: str,
    params: Mapping[str, Any] | None = None,
    target: str = "predicted",
    rule: str = "unicode",
    task: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Word scores of one example by a quick method.

    Returns:
        `scores` for each word, `order`: the scored words, most important first, `hard`: those the method selects by
        itself, or null, and the explained `target`.
    """
    if method not in QUICK:
        raise UsageError(f"'{method}' is not among the quick methods: {', '.join(QUICK)}.")
    opened = SHELF.take(workspace, model, task_of(task))
    case = opened.case(example_of(record), rule)
    chosen = choose(method, QUICK[method] if params is None else params)
    extraction = opened.extraction(chosen, target)
    ((found,),) = extraction.run([(case.example, case.words)])
    return {
        "scores": _numbers(found.scores),
        "order": [int(place) for place in ranking(found.scores)],
        "hard": None if found.hard is None else [int(place) for place in np.flatnonzero(found.hard)],
        "target": found.target,
    }


def without(
    workspace: Workspace,
    model: str,
    record: Mapping[str, Any],
    drop: Sequence[int],
    removal: Removal = "delete",
    target: str = "predicted",
    rule: str = "unicode",
    task: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The model's answer without some words, and with these words alone.

    Args:
        workspace: Where runs are.
        model: The model.
        record: The example.
        drop: Indices of the words that are taken away.
        removal: How.
        target: The explained choice.
        rule: How texts are split into words.
        task: What the model is to do, where it does not say so itself.

    Returns:
        `whole`, `without` and `only`: probabilities; `target`; `comprehensiveness` and `sufficiency` of the words, by
        the engine's own definitions (variant `hard`).
    """
    if removal not in REMOVALS:
        raise UsageError(f"there is no removal '{removal}'; choose one of {', '.join(REMOVALS)}.")
    opened = SHELF.take(workspace, model, task_of(task))
    case = opened.case(example_of(record), rule)
    if any(not 0 <= place < len(case.words) for place in drop):
        raise UsageError("a word was named that the text does not have; the text has changed meanwhile.")
    explained = _rationale(opened, case, drop, target)
    rest, alone = opened.engine.answer([case.without(list(drop), removal), case.only(list(drop), removal)])
    comp, suff = opened.engine.run(_both(explained, removal))
    return {
        "whole": _numbers(case.probabilities),
        "without": _numbers(rest),
        "only": _numbers(alone),
        "target": explained.target,
        "comprehensiveness": _number(comp.value),
        "sufficiency": _number(suff.value),
    }


def _why_not(method: Method, model: TransformerModel) -> str | None:
    if method.family == "control":
        return None
    if method.family == "perturbation" and model.kind not in ENCODERS:
        return f"{method.title} asks the model once for each word, which takes too long with a language model"
    return method.is_compatible(model)


def _both(case: Case, removal: Removal) -> Iterable[Asks[Score]]:
    yield comprehensiveness(case, percent=None, removal=removal)
    yield sufficiency(case, percent=None, removal=removal)


def _rationale(opened: Opened, case: Case, words: Sequence[int], target: str) -> Case:
    """The case under a rationale that selects some words."""
    hard = np.zeros(len(case.words), dtype=bool)
    hard[np.asarray(words, dtype=np.intp)] = True
    explained = target_of(target, case.example, opened.model, case.probabilities)
    return Case(
        case.example,
        case.words,
        encoding=case.encoding,
        target=explained,
        probabilities=case.probabilities,
        rationale=WordScores(case.example.id, "chosen", case.words, hard.astype(np.float64), explained, hard),
    )


def _told(opened: Opened, case: Case) -> dict[str, Any]:
    return {
        "choices": list(opened.model.choices or case.example.choices),
        "probabilities": _numbers(case.probabilities),
        "words": [[word.field, word.start, word.end] for word in case.words],
        "seen": [bool(each) for each in case.encoding.seen],
        "truncated": case.encoding.truncated,
    }


def task_of(record: Mapping[str, Any] | None) -> Task | None:
    """A task from its record."""
    if record is None:
        return None
    return Task(record["name"], record["kind"], tuple(record["fields"]), tuple(record["choices"]))


def example_of(record: Mapping[str, Any]) -> Example:
    """An example from its record.

    Raises:
        UsageError: If it is too long.
        InputError: If it is not in the schema.
    """
    size = sum(len(str(text)) for text in record.get("inputs", {}).values())
    if size > MOST_CHARACTERS:
        raise UsageError(f"a text here has at most {MOST_CHARACTERS:,} characters, not {size:,}; shorten it.")
    return to_example(record, 1)


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [_number(float(value)) for value in values]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
