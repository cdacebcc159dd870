"""What a recipe is: a config, what it can work on, and a list of stages."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Final, get_origin

from pydantic import ValidationError

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Task
from rationale_eval.errors import UsageError
from rationale_eval.models.base import TaskModel
from rationale_eval.registry import Registry
from rationale_eval.training.learner import Learner, TrainingSet
from rationale_eval.training.settings import LoopSettings


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One part of a recipe, checkpointed and restartable by itself.

    Args:
        name: Unique within the recipe; its checkpoints lie under this name.
        learner: What is trained.
        data: What it learns from.
        settings: How the loop trains it.
    """

    name: str
    learner: Learner[Any]
    data: TrainingSet[Any]
    settings: LoopSettings


class Recipe(ABC):
    """A published way to train a model. A subclass reads like its paper.

    Args:
        model: The task model; the stages train it in place.
        train: What it learns from.
        dev: What selects and stops, or None.
        config: An instance of the recipe's `Config`.
        seed: Seed of parts that begin at random.

    Attributes:
        name: As the user calls it.
        title: One line for people.
        cite: Where it is published.
        describe: What is trained, and how.
        avoid: When not to use it.
        Config: The knobs, a pydantic model; flags, forms and documentation come from it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    cite: ClassVar[str]
    describe: ClassVar[str]
    avoid: ClassVar[str]
    Config: ClassVar[type[LoopSettings]]

    def __init__(
        self,
        model: TaskModel,
        train: RationaleDataset,
        dev: RationaleDataset | None,
        config: LoopSettings,
        *,
        seed: int = 0,
    ):
        self.model, self.train, self.dev, self.config, self.seed = model, train, dev, config, seed

    @classmethod
    def formula(cls) -> str:
        """The objective in plain-text mathematics, from the docstring of the recipe."""
        return (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")

    @classmethod
    def is_compatible(cls, task: Task, model: TaskModel | None = None) -> str | None:
        """Why the recipe cannot work on such a task (with such a model), as one clause, or None when it can."""
        if task.kind == "open":
            return f"the task '{task.name}' has open answers, and {cls.name} learns from labels"
        if getattr(model, "narrowing", None) is not None:
            name = model.name if model is not None else "the model"
            return f"{name} answers from a selection of words; start from a model that reads all of them"
        if model is not None and model.choices is not None and model.choices != task.choices:
            return (
                f"the model chooses among {', '.join(model.choices)} and the task '{task.name}' among "
                f"{', '.join(task.choices) or 'options of its own'}"
            )
        return None

    @classmethod
    def misses(cls, train: RationaleDataset, config: LoopSettings) -> str | None:
        """What it needs and the training data lacks, as one clause with what to do, or None; said before a run."""
        return None

    @classmethod
    def texts(cls, train: RationaleDataset, config: LoopSettings) -> Iterator[str]:
        """What a new model learns its sub-words from: inputs with their names, choices and rationales."""
        for example in train:
            yield from (f"{name}: {text}" for name, text in example.inputs.items())
            yield from example.choices
            yield from example.rationales

    @abstractmethod
    def stages(self) -> Iterator[Stage]:
        """The stages, in order. Each is built when the one before has ended, so it may use what that one learned."""

    def save(self, folder: Path) -> None:
        """Writes what was trained into a new folder that `load_model` reads; all stages have ended."""
        self.model.save(str(folder))


RECIPES: Final[Registry[type[Recipe]]] = Registry("recipe")


def recipe(cls: type[Recipe]) -> type[Recipe]:
    """Registers a recipe under its name."""
    return RECIPES.add(cls.name, cls)


def read_config(kind: type[Recipe], values: Mapping[str, Any]) -> LoopSettings:
    """Checks the knobs of a recipe; texts are read as what is wanted there: numbers, booleans, lists parted by commas.

    "none" stands for no value.

    Raises:
        UsageError: One sentence that names every key at fault, and the closest known key for an unknown one.
    """
    given = {name: _read(kind, name, value) if isinstance(value, str) else value for name, value in values.items()}
    try:
        return kind.Config.model_validate(given)
    except ValidationError as error:
        problems = [_problem(kind, detail["loc"], detail["type"], detail["msg"]) for detail in error.errors()]
        raise UsageError(f"{kind.name}: {'; '.join(problems)}.") from error


def _read(kind: type[Recipe], name: str, text: str) -> Any:
    if text.lower() == "none":
        return None
    field = kind.Config.model_fields.get(name)
    listed = field is not None and get_origin(field.annotation) in (tuple, list)
    return [part.strip() for part in text.split(",")] if listed else text


def _problem(kind: type[Recipe], place: tuple[Any, ...], what: str, message: str) -> str:
    name = ".".join(map(str, place))
    if what != "extra_forbidden":
        return f"{name}: {message[:1].lower()}{message[1:]}"
    known = list(kind.Config.model_fields)
    close = get_close_matches(name, known, n=1)
    return f"there is no setting '{name}'; " + (
        f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
    )
