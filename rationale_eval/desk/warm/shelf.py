"""The models that are open: a few at a time, each with the memory of what it was asked; the one not used longest goes.

A model is known by its name and by what its files look like, so that a folder that was written anew is opened anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from rationale_eval.data.example import Example, Task
from rationale_eval.data.words import split_words
from rationale_eval.engine.case import Case
from rationale_eval.engine.memory import ProcessMemory
from rationale_eval.engine.run import Engine
from rationale_eval.errors import UsageError
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extract import Chosen, Extraction
from rationale_eval.workspace.runs import Workspace

MOST: Final = 3
"""Models that are open at a time."""

MOST_BYTES: Final = 2 * 1024**3
"""Bytes of weights that are open at a time; one model alone may have more."""

MOST_ANSWERS: Final = 20_000
"""Answers of one model that are remembered."""

EMBEDDED: Final = "embedded/"
RUN: Final = "run:"


@dataclass(slots=True, eq=False)
class Opened:
    """A model that is open.

    Args:
        model: The model.
        engine: Answers questions about it.
        seconds: Time it took to open.
        size: Bytes of its weights.
    """

    model: TransformerModel
    engine: Engine
    seconds: float
    size: int
    _extractions: dict[Hashable, Extraction] = field(default_factory=dict)

    def case(self, example: Example, rule: str) -> Case:
        """The example as the model reads it, with its answer and the explained choice it predicts."""
        words = split_words(example, rule)
        encoding = self.model.encode(example, words)
        (answer,) = self.engine.answer([Case(example, words, encoding=encoding).whole()])
        return Case(example, words, encoding=encoding, target=int(np.argmax(answer)), probabilities=answer)

    def extraction(self, chosen: Chosen, target: str) -> Extraction:
        """A method ready to run on the model."""
        key = (chosen.name, tuple(sorted(chosen.params.items())), target)
        if key not in self._extractions:
            self._extractions[key] = Extraction([chosen], self.model, target=target, engine=self.engine)
        return self._extractions[key]


_Key = tuple[str, Task | None, tuple[Hashable, ...]]


class Shelf:
    """Open models.

    Args:
        most: How many.
        most_bytes: Of weights.
    """

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES):
        self.most, self.most_bytes = most, most_bytes
        self._open: OrderedDict[_Key, Opened] = OrderedDict()

    def take(self, workspace: Workspace, name: str, task: Task | None = None) -> Opened:
        """A model, opened if it is not.

        Args:
            workspace: Where runs are.
            name: `run:ID`, `embedded/NAME` or the whole path of a folder.
            task: What it is to do, where it does not say so itself.

        Raises:
            UsageError: For other names, for what leads nowhere, and for a model that was never trained to choose.
            InputError: For folders that are refused or damaged.
        """
        stamp = _stamp(name, workspace)
        for key in ((name, None, stamp), (name, task, stamp)):
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        for key in [key for key in self._open if key[0] == name and key[2] != stamp]:
            del self._open[key]
        start = perf_counter()
        model, own = _load(name, task, workspace)
        if not model.trained:
            raise UsageError(f"{name} has never been trained to choose, so its decisions mean nothing; train it first.")
        engine = Engine(model, memory=ProcessMemory(MOST_ANSWERS))
        size = sum(each.numel() * each.element_size() for each in model.network.parameters())
        opened = Opened(model, engine, perf_counter() - start, size)
        self._open[name, None if own else task, stamp] = opened
        self._make_room()
        return opened

    def names(self) -> list[str]:
        """Names of the open models, the one used last at the end."""
        return [name for name, _, _ in self._open]

    def _make_room(self) -> None:
        while len(self._open) > 1 and (
            len(self._open) > self.most or sum(each.size for each in self._open.values()) > self.most_bytes
        ):
            self._open.popitem(last=False)


def _load(name: str, task: Task | None, workspace: Workspace) -> tuple[TransformerModel, bool]:
    """A model, and whether it knows its task itself."""
    try:
        return load_model(name, workspace=workspace.path), True
    except UsageError:
        if task is None:
            raise
        return load_model(name, task=task, workspace=workspace.path), False


def _stamp(name: str, workspace: Workspace) -> tuple[Hashable, ...]:
    """What tells one state of a model's files from another."""
    if name.startswith(EMBEDDED):
        return ()
    if name.startswith(RUN):
        folder = workspace.path / "runs" / Path(name.removeprefix(RUN)).name / "model"
    elif Path(name).is_absolute():
        folder = Path(name)
    else:
        raise UsageError(f"'{name[:80]}' is neither a run, nor an embedded model, nor a folder.")
    files = sorted(folder.glob("*.json")) + sorted(folder.glob("*.safetensors"))
    return tuple((file.name, (status := file.stat()).st_size, status.st_mtime_ns) for file in files)


SHELF: Final = Shelf()
"""That of this process."""
