"""Training small simulators, many at a time.

A step takes one batch for each; the loss is the sum of theirs, gradients are clipped one by one, and AdamW works number
by number, so each learns as it would alone. Each keeps the weights of its best accuracy on its own held-out examples,
and leaves the stack when it gets no better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional

from rationale_eval.simulators.invariance import invariance
from rationale_eval.simulators.learned import Select
from rationale_eval.simulators.reading import OVERLAPS, PARTS, UNKNOWN, Read
from rationale_eval.simulators.small import Shape, Stack
from rationale_eval.training.randomness import derive

VERSION: Final = 2
"""Raised whenever the same settings would give another small simulator."""

CLIP: Final = 1.0
"""Largest norm of one simulator's gradient."""

WARMUP: Final = 0.1
"""Share of the steps over which the learning rate rises; it then falls to 0 in a line."""

TOGETHER: Final = 16
"""Most simulators in one stack."""

ROWS: Final = 4096
"""Most rows that are read at once when nothing is learned."""

TIE: Final = 1e-5
"""Choices whose probabilities differ by less are held alike: rounding decides between two that read the same, and
rounding differs from a stack to another."""


class SmallSettings(BaseModel):
    """How small simulators are built and trained."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    width: int = Field(64, ge=1, le=1024, description="Numbers in an embedding and in the hidden layer.")
    vocabulary: int = Field(4096, ge=64, le=65_536, description="Most words and pairs of neighbours that are known.")
    steps: int = Field(600, ge=1, le=100_000, description="Most steps.")
    every: int = Field(50, ge=1, le=10_000, description="Steps between two looks at the held-out examples.")
    patience: int = Field(4, ge=1, description="Stop after so many looks without a better accuracy.")
    lr: float = Field(5e-3, gt=0, le=1, description="Highest learning rate.")
    batch_size: int = Field(32, ge=1, le=4096, description="Examples in a batch.")
    hidden_words: float = Field(0.1, ge=0, lt=1, description="Share of the n-grams hidden while training.")


@dataclass(slots=True, eq=False)
class Member:
    """One simulator of a stack.

    Args:
        train: What it learns from.
        dev: What it is held to.
        seed: Of its weights, the order of its examples and the n-grams hidden.
        metric: What is best: the highest accuracy or the least loss.
        environments: Into how many equal parts, one after another, `train` and `dev` fall (RORA); of several the
            accuracy is that of the first and the loss that of the worst.
        penalty: Weight of the invariance penalty over environments.
        penalty_after: Share of the steps before it counts.
        weights: The best so far.
        accuracy: With them, on `dev`.
        loss: Likewise.
        best_step: When they were met.
        worse: Looks since then.
    """

    train: Read
    dev: Read
    seed: int
    metric: Select = "accuracy"
    environments: int = 1
    penalty: float = 0.0
    penalty_after: float = 0.0
    weights: dict[str, Tensor] = field(default_factory=dict)
    accuracy: float = -1.0
    loss: float = float("inf")
    best_step: int = 0
    worse: int = 0


def train_stack(
    shape: Shape,
    members: Sequence[Member],
    settings: SmallSettings,
    *,
    device: torch.device,
    step: Callable[[int], None] = lambda _: None,
) -> None:
    """Trains simulators together; each member then holds its best weights.

    Args:
        shape: The shape of all.
        members: The simulators.
        settings: How they are trained.
        device: Where.
        step: Called with the number of steps made since the last call.
    """
    stack = Stack(shape, [member.seed for member in members]).to(device)
    optimizer = torch.optim.AdamW(_groups(stack), lr=settings.lr, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda made: _rate(made, settings.steps))
    orders = [_order(len(one.train), one.seed, settings) for one in members]
    hiding = [np.random.default_rng(derive(one.seed, "hidden")) for one in members]
    train, dev = _pages(members, shape)
    for made in range(1, settings.steps + 1):
        chosen = np.stack([next(order) for order in orders])
        stack.forget()
        scores = train.scores(stack, chosen, hide=(hiding, settings.hidden_words))
        labels = torch.from_numpy(train.labels(chosen)).to(device)
        each = functional.cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels)
        (each.mean(1).sum() + _penalties(scores, labels, chosen, members, made / settings.steps)).backward()
        stack.clip(CLIP)
        optimizer.step()
        schedule.step()
        step(1)
        if made % settings.every == 0 or made == settings.steps:
            _look(stack, members, dev, made)
            on = [place for place, one in enumerate(members) if one.worse < settings.patience]
            if not on:
                return
            if len(on) < len(members):
                members = [members[place] for place in on]
                orders, hiding = [orders[place] for place in on], [hiding[place] for place in on]
                _keep(stack, optimizer, on)
                train, dev = _pages(members, shape)


def _pages(members: Sequence[Member], shape: Shape) -> tuple[Pages, Pages]:
    return Pages([one.train for one in members], shape), Pages([one.dev for one in members], shape)


def _keep(stack: Stack, optimizer: torch.optim.Optimizer, on: Sequence[int]) -> None:
    """Takes all but some simulators out of a stack and out of what the optimizer remembers."""
    for group in optimizer.param_groups:
        for place, old in enumerate(group["params"]):
            new = torch.nn.Parameter(old.detach()[list(on)])
            remembered = optimizer.state.pop(old)
            optimizer.state[new] = remembered | {name: remembered[name][list(on)] for name in ("exp_avg", "exp_avg_sq")}
            group["params"][place] = new
            stack.put(old, new)


def _order(count: int, seed: int, settings: SmallSettings) -> Iterator[NDArray[np.int64]]:
    """An endless row of batches: every example once, in an order drawn by seed, then again in another."""
    source, order = np.random.default_rng(derive(seed, "order")), np.zeros(0, dtype=np.int64)
    while True:
        while len(order) < settings.batch_size:
            order = np.concatenate([order, source.permutation(count)])
        yield order[: settings.batch_size]
        order = order[settings.batch_size :]


def _groups(stack: Stack) -> list[dict[str, object]]:
    """Only products decay."""
    products = [weight for name, weight in stack.weights.items() if name.endswith("_weight")]
    rest = [weight for name, weight in stack.weights.items() if not name.endswith("_weight")]
    return [{"params": products, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}]


def _rate(made: int, steps: int) -> float:
    warm = max(1, round(WARMUP * steps))
    return (made + 1) / warm if made < warm else max(0.0, (steps - made) / max(1, steps - warm))


def _penalties(
    scores: Tensor, labels: Tensor, chosen: NDArray[np.int64], members: Sequence[Member], progress: float
) -> Tensor:
    """Weighted invariance penalties of all simulators; 0 for those without."""
    total = scores.new_zeros(())
    for place, one in enumerate(members):
        if not one.penalty or progress <= one.penalty_after:
            continue
        environment = torch.from_numpy(chosen[place] * one.environments // len(one.train)).to(scores.device)
        for number in range(one.environments):
            here = environment == number
            if bool(here.any()):
                total = total + one.penalty * invariance(scores[place][here], labels[place][here])
    return total


def _look(stack: Stack, members: Sequence[Member], dev: Pages, made: int) -> None:
    """Every member that still gets better keeps its weights; of equal accuracies the smaller loss counts."""
    for place, (member, found) in enumerate(zip(members, dev.probabilities(stack), strict=True)):
        right = found[np.arange(len(found)), member.dev.labels]
        parts = np.split(np.log(np.maximum(right, 1e-12)), member.environments)
        first = (found >= found.max(axis=1, keepdims=True) - TIE).argmax(axis=1)
        hits = first == member.dev.labels
        accuracy, loss = (
            float(np.split(hits, member.environments)[0].mean()),
            -float(min(each.mean() for each in parts)),
        )
        if member.metric == "loss":
            better = loss < member.loss
        else:
            better = (accuracy, -loss) > (member.accuracy, -member.loss)
        if better:
            member.accuracy, member.loss, member.best_step, member.worse = accuracy, loss, made, 0
            member.weights = stack.one(place)
        else:
            member.worse += 1


class Pages:
    """Examples of several simulators as one set of arrays, so that a batch of all is taken at once.

    Args:
        data: The examples of each.
        shape: The shape of the networks.
    """

    def __init__(self, data: Sequence[Read], shape: Shape):
        self._data, self._shape = data, shape
        rows = np.cumsum([0, *(len(each.sizes) for each in data)])
        self._features = np.concatenate(
            [each.features + place * shape.vocabulary for place, each in enumerate(data)] or [np.zeros(0, np.int64)]
        )
        none_here = np.zeros((1, PARTS), dtype=np.int64)  # the row that stands where an example has no such choice
        self._sizes = np.concatenate([*(each.sizes for each in data), none_here])
        self._starts = np.concatenate([[0], np.cumsum(self._sizes.sum(axis=1))])
        self._overlaps = np.concatenate([*(each.overlaps for each in data), np.zeros((1, OVERLAPS), dtype=np.float32)])
        height = max(each.rows.shape[1] for each in data)
        self._rows = [
            np.pad(
                np.where(each.rows < 0, -1, each.rows + first),
                ((0, 0), (0, height - each.rows.shape[1])),
                constant_values=-1,
            )
            for each, first in zip(data, rows, strict=False)
        ]

    def labels(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Answers of examples `[simulators, batch]`."""
        return np.stack([each.labels[places] for each, places in zip(self._data, chosen, strict=True)])

    def scores(
        self,
        stack: Stack,
        chosen: NDArray[np.int64],
        *,
        hide: tuple[Sequence[np.random.Generator], float] | None = None,
    ) -> Tensor:
        """Logits of the choices, float32 `[simulators, batch, choices]`; -inf beyond an example's choices.

        Args:
            stack: The networks.
            chosen: int64 `[simulators, batch]`: places of examples; -1 stands for none.
            hide: A source for each simulator, and the share of n-grams to hide.
        """
        device = stack.weights["ngram"].device
        rows = np.stack(
            [np.where(places[:, None] < 0, -1, each[places]) for each, places in zip(self._rows, chosen, strict=True)]
        )
        flat = rows.reshape(-1)
        counts = self._sizes[flat].sum(axis=1)
        ends = np.cumsum(counts)
        features = self._features[
            np.arange(ends[-1]) + np.repeat(self._starts[flat] - np.concatenate([[0], ends[:-1]]), counts)
        ]
        if hide is not None:
            per = counts.reshape(len(chosen), -1).sum(axis=1)
            drawn = np.concatenate([source.random(int(n)) for source, n in zip(hide[0], per, strict=True)])
            unknown = np.repeat(np.arange(len(chosen)) * self._shape.vocabulary + UNKNOWN, per)
            features = np.where(drawn < hide[1], unknown, features)
        sizes = self._sizes[flat].reshape(-1)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        overlaps = self._overlaps[flat].reshape(len(chosen), -1, OVERLAPS)
        logits = stack(
            *(torch.from_numpy(each).to(device, non_blocking=True) for each in (features, starts, overlaps))
        ).reshape(*rows.shape[:2], -1)
        if stack.shape.outputs > 1:
            return logits
        beyond = torch.from_numpy((rows < 0) & (rows[:, :, :1] >= 0)).to(device)
        return logits.masked_fill(beyond, -torch.inf)

    def probabilities(self, stack: Stack) -> list[NDArray[np.float64]]:
        """Probabilities of the choices of all examples, float64 `[examples, choices]` for each simulator."""
        longest = max(len(each) for each in self._data)
        size = max(1, ROWS // (len(self._data) * self._rows[0].shape[1]))
        found: list[list[NDArray[np.float64]]] = [[] for _ in self._data]
        with torch.inference_mode():
            for start in range(0, longest, size):
                places = np.arange(start, min(start + size, longest))
                chosen = np.stack([np.where(places < len(each), places, -1) for each in self._data])
                answers = self.scores(stack, chosen).double().softmax(-1).cpu().numpy()
                for each, row, kept in zip(self._data, answers, found, strict=True):
                    kept.append(row[: max(0, len(each) - start)])
        return [np.concatenate(rows) for rows in found]
