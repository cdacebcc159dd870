"""Which words give the answer away: a small model of 1- and 2-grams, explained by integrated gradients (RORA).

The model knows no language: h = the mean of the embeddings of the set of n-grams of a rationale (as fastText), and

    p(y | r) = softmax_y(w_y . h + b_y)

Where every example brings its own choices, w_y is the mean embedding of the n-grams of the choice in the same table, so
that a rationale which repeats a choice points to it. (The published model for such tasks is a pair of LSTMs.) Dimension
100, AdamW at 0.1, 20 epochs, batches of 256, the epoch of least held-out loss: as released.

The path of integrated gradients goes from h = 0 to h in 20 steps. Since h is a mean, the attribution of an n-gram i of
n is e_i . G / n with G the mean gradient of p(y) by h along the path: one gradient serves all n-grams of an example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rationale_eval.simulators.ngrams import Vocabulary
from rationale_eval.training.randomness import derive

DIMENSION: Final = 100
RATE: Final = 0.1
EPOCHS: Final = 20
BATCH: Final = 256
STEPS: Final = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One rationale as the leakage model reads it.

    Args:
        text: The rationale.
        choices: Its choices.
        label: Index of the answer.
    """

    text: str
    choices: tuple[str, ...]
    label: int


class LeakageModel(nn.Module):
    """See the top of this file.

    Args:
        vocabulary: The n-grams it knows.
        classes: How many, where all examples have the same choices; None where each brings its own.
        seed: Of its weights.
    """

    def __init__(self, vocabulary: Vocabulary, classes: int | None, seed: int = 0):
        super().__init__()
        self.vocabulary = vocabulary
        draw = torch.Generator().manual_seed(derive(seed, "leakage"))
        self.table = nn.Parameter(torch.randn(len(vocabulary.number), DIMENSION, generator=draw))
        self.classes = classes or 0
        self.weight = nn.Parameter(torch.randn(self.classes, DIMENSION, generator=draw) * DIMENSION**-0.5)
        self.bias = nn.Parameter(torch.zeros(self.classes))

    def mean(self, texts: Sequence[str]) -> Tensor:
        """The mean embedding of the n-grams of each text, float32 `[texts, dimension]`; 0 where none is known."""
        read = [self.vocabulary.read(text) for text in texts]
        flat = torch.from_numpy(np.concatenate([*read, np.zeros(0, dtype=np.int64)]))
        starts = torch.from_numpy(np.cumsum([0, *map(len, read[:-1])]).astype(np.int64))
        return nn.functional.embedding_bag(flat, self.table, starts, mode="mean")

    def directions(self, readings: Sequence[Reading]) -> tuple[Tensor, Tensor]:
        """Weights w `[readings, choices, dimension]`, biases b `[readings, choices]`: -inf for choices not there."""
        if self.classes:
            return self.weight.expand(len(readings), -1, -1), self.bias.expand(len(readings), -1)
        most = max(len(one.choices) for one in readings)
        padded = [[*one.choices, *[""] * (most - len(one.choices))] for one in readings]
        w = self.mean([choice for row in padded for choice in row]).view(len(readings), most, DIMENSION)
        there = torch.tensor([[place < len(one.choices) for place in range(most)] for one in readings])
        return w, torch.zeros(there.shape).masked_fill(~there, -torch.inf)

    def forward(self, readings: Sequence[Reading]) -> Tensor:
        """Log-probabilities of the choices `[readings, choices]`."""
        w, b = self.directions(readings)
        return (torch.einsum("rcd,rd->rc", w, self.mean([one.text for one in readings])) + b).log_softmax(dim=1)


def learn_leakage(train: Sequence[Reading], dev: Sequence[Reading], seed: int = 0) -> LeakageModel:
    """Trains the leakage model; of all epochs the one with the least loss on `dev` is kept."""
    same = len({one.choices for one in train}) == 1
    vocabulary = Vocabulary.of(text for one in train for text in (one.text, *(() if same else one.choices)))
    model = LeakageModel(vocabulary, len(train[0].choices) if same else None, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    draw = np.random.default_rng(derive(seed, "leakage order"))
    best, kept = np.inf, {name: value.clone() for name, value in model.state_dict().items()}
    for _ in range(EPOCHS):
        order = draw.permutation(len(train))
        for start in range(0, len(order), BATCH):
            loss = _loss(model, [train[place] for place in order[start : start + BATCH]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            held = float(_loss(model, dev))
        if held < best:
            best, kept = held, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    return model


def _loss(model: LeakageModel, readings: Sequence[Reading]) -> Tensor:
    labels = torch.tensor([one.label for one in readings])
    return nn.functional.nll_loss(model(readings), labels)


@torch.no_grad()
def attributions(model: LeakageModel, readings: Sequence[Reading], steps: int = STEPS) -> list[Floats]:
    """Integrated gradients of p(y) for the known n-grams of each rationale, in the order of `Vocabulary.read`.

    Their sum is p(y | r) minus p(y) of no n-gram at all, up to the error of the midpoint rule.

    Returns:
        float64 `[n-grams]` for each reading.
    """
    found: list[Floats] = []
    table = model.table.double()
    for start in range(0, len(readings), BATCH):
        part = readings[start : start + BATCH]
        w, b = (each.double() for each in model.directions(part))
        h = model.mean([one.text for one in part]).double()
        labels = torch.tensor([one.label for one in part])
        each = torch.arange(len(part))
        slope = torch.zeros_like(h)
        for step in range(steps):
            p = (torch.einsum("rcd,rd->rc", w, h * (step + 0.5) / steps) + b).softmax(dim=1)
            slope += p[each, labels, None] * (w[each, labels] - torch.einsum("rc,rcd->rd", p, w)) / steps
        for one, gradient in zip(part, slope, strict=True):
            numbers = torch.from_numpy(model.vocabulary.read(one.text))
            found.append((table[numbers] @ gradient / max(len(numbers), 1)).numpy())
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Leakage:
    """What the leakage model says of each n-gram.

    Args:
        score: n-gram to its attribution averaged over the rationales that have it: the global leakage score.
        towards: For each label, n-gram to its attribution averaged over all rationales of that label, with 0 where a
            rationale lacks it: large for n-grams that are both frequent and telling. Empty where examples bring their
            own choices.
        share: n-gram to the share of rationales that have it.
    """

    score: dict[str, float]
    share: dict[str, float]
    towards: tuple[dict[str, float], ...]


def leakage_scores(model: LeakageModel, readings: Sequence[Reading]) -> Leakage:
    """Averages the attributions of rationales."""
    size = len(model.vocabulary.number)
    sums, counts, by_label = np.zeros(size), np.zeros(size), np.zeros((model.classes, size))
    labels = np.bincount([one.label for one in readings], minlength=model.classes)
    for one, found in zip(readings, attributions(model, readings), strict=True):
        numbers = model.vocabulary.read(one.text)
        sums[numbers] += found
        counts[numbers] += 1
        if model.classes:
            by_label[one.label, numbers] += found
    names = list(model.vocabulary.number)
    score = {name: float(sums[i] / counts[i]) for i, name in enumerate(names) if counts[i]}
    towards = tuple(
        {name: float(row[i] / max(labels[label], 1)) for i, name in enumerate(names) if row[i]}
        for label, row in enumerate(by_label)
    )
    share = {name: float(counts[i] / len(readings)) for i, name in enumerate(names)}
    return Leakage(score, share, towards)
