"""The small simulator: a network from random weights with its vocabulary, trained beside others, kept as two files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.models.load import pick_device
from rationale_eval.simulators.environments import RobustSettings, environments
from rationale_eval.simulators.learned import Learned, Select, learned
from rationale_eval.simulators.reading import Read, Vocabulary, join, read
from rationale_eval.simulators.small import Shape, Stack, alone
from rationale_eval.simulators.stacked import TOGETHER, Member, Pages, SmallSettings, train_stack

WEIGHTS: Final = "small.safetensors"
ABOUT: Final = "small.json"


@dataclass(frozen=True, slots=True, eq=False)
class SmallSimulator:
    """A small simulator.

    Args:
        stack: Its network, in a stack of one.
        vocabulary: What it reads.
    """

    stack: Stack
    vocabulary: Vocabulary

    def guesses(self, data: RationaleDataset) -> dict[str, NDArray[np.float64]]:
        """Probabilities of the choices for every example of a view, by id; float64 `[choices]`."""
        items = read(data, self.vocabulary)
        if not len(items):
            return {}
        (found,) = Pages([items], self.stack.shape).probabilities(self.stack)
        counts = (items.rows >= 0).sum(axis=1) if self.stack.shape.outputs == 1 else np.full(len(items), found.shape[1])
        return {key: row[:count] for key, row, count in zip(items.ids, found, counts, strict=True)}

    def save(self, folder: Path) -> None:
        """Writes weights and vocabulary."""
        save_file(self.stack.one(0), str(folder / WEIGHTS))
        durable.write_json(folder / ABOUT, {"shape": asdict(self.stack.shape), "vocabulary": list(self.vocabulary.ids)})

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> SmallSimulator:
        """Reads what `save` wrote."""
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        stack = alone(Shape(**about["shape"]), load_file(str(folder / WEIGHTS))).to(pick_device(device))
        return cls(stack, Vocabulary({each: place + 1 for place, each in enumerate(about["vocabulary"])}))


@dataclass(frozen=True, slots=True)
class Order:
    """A small simulator to be trained.

    Args:
        train: A view of the examples it learns from.
        dev: A view of held-out ones.
        seed: Of its weights, the order of examples and the words hidden.
        metric: What chooses the weights that are kept.
        robust: How it learns not to follow leaks (RORA); None where it does not.
    """

    train: RationaleDataset
    dev: RationaleDataset
    seed: int
    metric: Select = "accuracy"
    robust: RobustSettings | None = None


def train_small(
    orders: Sequence[Order],
    settings: SmallSettings,
    *,
    device: str = "auto",
    step: Callable[[int], None] = lambda _: None,
) -> list[tuple[SmallSimulator, Learned]]:
    """Trains small simulators together.

    Args:
        orders: At most 16, of tasks with the same number of classes, or all of questions with options.
        settings: How.
        device: Where.
        step: Called with the number of steps made since the last call.

    Raises:
        UsageError: If one has nothing to learn from.
        ValueError: If their shapes differ, or there are too many.
    """
    outputs = {_outputs(order.train) for order in orders}
    if len(outputs) != 1 or len(orders) > TOGETHER:
        raise ValueError("small simulators of one stack must have the same number of classes")
    seen = {id(order.train): order.train for order in orders}
    words = {key: Vocabulary.of(data, most=settings.vocabulary - 1) for key, data in seen.items()}
    known = [words[id(order.train)] for order in orders]
    readings: Readings = {}
    members = [_member(order, words, readings) for order, words in zip(orders, known, strict=True)]
    if any(not len(one.train) or not len(one.dev) for one in members):
        raise UsageError("a simulator needs answers to learn from, and others to be held to; give more examples.")
    shape = Shape(max(map(len, known)), outputs.pop(), settings.width)
    train_stack(shape, members, settings, device=pick_device(device), step=step)
    return [_ended(*each, settings, device) for each in zip(orders, known, members, strict=True)]


Readings = dict[tuple[int, int], Read]
"""What has been read, by the identity of data and vocabulary; simulators that differ by seed alone share it."""


def _member(order: Order, words: Vocabulary, readings: Readings) -> Member:
    if order.robust is None:
        for data in (order.train, order.dev):
            if (id(data), id(words)) not in readings:
                readings[id(data), id(words)] = read(data, words)
        train, dev = (readings[id(data), id(words)] for data in (order.train, order.dev))
        return Member(train, dev, order.seed, order.metric)
    both = environments(order.robust, order.train, order.dev, order.seed)
    train, dev = (join(*(read(each, words) for each in both[name])) for name in ("train", "dev"))
    return Member(train, dev, order.seed, order.metric, 2, order.robust.irm, order.robust.irm_after)


def _outputs(data: RationaleDataset) -> int:
    return 1 if data.task.kind == "multiple_choice" else len(data.task.choices)


def _ended(
    order: Order, words: Vocabulary, member: Member, settings: SmallSettings, device: str
) -> tuple[SmallSimulator, Learned]:
    weights = member.weights | {"ngram": member.weights["ngram"][: len(words)].clone()}
    shape = Shape(len(words), _outputs(order.train), settings.width)
    held = [example for example in order.dev if example.label is not None]
    epochs = member.best_step * settings.batch_size / len(member.train)
    count = len(member.train) // member.environments
    return (
        SmallSimulator(alone(shape, weights).to(pick_device(device)), words),
        learned(count, held, member.accuracy, epochs),
    )
