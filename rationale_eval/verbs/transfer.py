"""A model on the data of another task: it decides among its own choices, so that its rationales can still be judged.

Faithfulness asks about the model's own decision and needs no label; plausibility needs highlights. What needs the right
choice is defined only where labels are translated into the model's choices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.errors import UsageError
from rationale_eval.models.card import stored_task
from rationale_eval.models.source import find
from rationale_eval.verbs.job import TrainJob
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.status import PENDING


def own_task(model: str | None, data: RationaleDataset, workspace: Workspace) -> Task | None:
    """The task that a saved model was trained for, if the data are of another; None where nothing is in the way.

    Args:
        model: A run or a folder; other names have no task of their own.
        data: What it is to decide.
        workspace: Where runs are kept.
    """
    if model is None or not (model.startswith("run:") or Path(model).is_dir()):
        return None
    coming = _coming(model, workspace)
    own = stored_task(find(model, workspace.path).folder) if coming is None else TrainJob(**coming.config).task()
    if own is None or own.kind != "classification" or data.task.kind != "classification":
        return None
    same = {choice.casefold() for choice in own.choices} == {choice.casefold() for choice in data.task.choices}
    return None if same else own


def _coming(model: str, workspace: Workspace) -> Run | None:
    """The run that a model's name means, if it has not been trained yet; its data say what it will choose among."""
    if not model.startswith("run:") or model == "run:latest":
        return None
    run = workspace.find(model)
    return run if run.kind == "train" and not run.model.is_dir() and run.status.state in PENDING else None


def transferred(data: RationaleDataset, own: Task, labels: Mapping[str, str] | None = None) -> RationaleDataset:
    """The data with the model's choices in place of their own.

    Args:
        data: Examples of another classification task.
        own: The task the model was trained for.
        labels: The data's labels to the model's choices; examples with any other label have no right choice.

    Raises:
        UsageError: If a label or a choice that is named does not exist.
    """
    places = _places(data, own, labels or {})

    def examples() -> Iterator[Example]:
        for example in data:
            label = None if example.label is None else places.get(example.choices[example.label])
            yield replace(example, choices=own.choices, label=label)

    return data.with_task(replace(own, fields=data.task.fields), examples)


def _places(data: RationaleDataset, own: Task, labels: Mapping[str, str]) -> dict[str, int]:
    for label, choice in labels.items():
        if label not in data.task.choices:
            raise UsageError(f"there is no label '{label}' in {data.name}; it has {', '.join(data.task.choices)}")
        if choice not in own.choices:
            raise UsageError(f"the model has no choice '{choice}'; it has {', '.join(own.choices)}")
    return {label: own.choices.index(choice) for label, choice in labels.items()}
