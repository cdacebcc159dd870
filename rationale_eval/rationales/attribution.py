"""Gradients of a choice with respect to words: the one place that knows embeddings, baselines, padding and batches.

A method names *points* on the line from a baseline to the input, and how a gradient becomes one number for each
token. All points of all examples are run together, sorted by length and packed to a token budget, so that path
methods batch across examples and across steps. What a point yields does not depend on what it is batched with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal, TypeVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rationale_eval.engine.execute import out_of_memory
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.models.base import NO_WORD, Batch, Encoding, Row, TaskModel
from rationale_eval.rationales.network import longest, looking_into
from rationale_eval.rationales.record import Merge, Output

T = TypeVar("T")
R = TypeVar("R")

Baseline = Literal["pad", "mask", "zero"]
"""What stands for "no word": the embedding of the padding token (UNIREX), of the mask token, or zeros. Only words are
replaced; special tokens, prompt text and choices keep their own embeddings, so they never get a score."""
BASELINES: Final = get_args(Baseline)

LARGEST_WASTE: Final = 0.08
"""Share of padding a batch may hold; rows of equal length need no attention mask, which is quicker."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One example to explain.

    Args:
        encoding: Its rows.
        target: The explained choice.
        seed: Seed for methods that draw; depends on the run's seed and the tokens only.
        radius: Radius of the L-infinity ball of noise on the words' input embeddings; 0 for none.
        noise_seed: Seed of that noise.
    """

    encoding: Encoding
    target: int
    seed: int = 0
    radius: float = 0.0
    noise_seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """An input between baseline (`place` 0) and text (`place` 1).

    Args:
        subject: Index of the example.
        place: Where on the line.
        weight: What the token scores found here count.
        spread: Standard deviation of Gaussian noise on the words' input embeddings.
        seed: Seed of that noise.
    """

    subject: int
    place: float = 1.0
    weight: float = 1.0
    spread: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The embeddings of some rows, all float32 `[rows, tokens, hidden]`.

    Args:
        text: Of the text, noise included.
        baseline: Of the baseline.
    """

    text: Tensor
    baseline: Tensor


Reduce = Callable[[Tensor, Line], Tensor]
"""From gradients float32 `[rows, tokens, hidden]` and the embeddings to token scores `[rows, tokens]`."""

TokenScores = list[NDArray[np.float64]]
"""Token scores of one example: float64 `[tokens]` for each row that matters."""


def default_gradient_tokens(device: torch.device) -> int:
    """Tokens in one batch with gradients, which keeps every layer's activations: less than without."""
    return 2048 if device.type == "cpu" else 16384


class Probe:
    """Looks into one model.

    Args:
        model: The model.
        batch_tokens: Most tokens in a batch, padding included; halved for good whenever memory runs out.
    """

    def __init__(self, model: TaskModel, batch_tokens: int | None = None):
        self.model = model
        self.batch_tokens = batch_tokens or default_gradient_tokens(model.device)

    def gradients(
        self,
        subjects: Sequence[Subject],
        points: Sequence[Point],
        reduce: Reduce,
        *,
        output: Output = "logit",
        baseline: Baseline = "pad",
    ) -> list[TokenScores]:
        """Weighted sum of token scores over the points of each subject.

        Args:
            subjects: The examples.
            points: Where gradients are wanted, in any order.
            reduce: How a gradient becomes a number for each token.
            output: The number to differentiate.
            baseline: Name of the baseline.

        Returns:
            For each subject, for each row that matters to its output, float64 `[tokens]`.

        Raises:
            RationaleEvalError: If a single point does not fit into memory.
            UsageError: If the baseline needs a mask token that the tokenizer lacks.
        """
        rows = [matters(subject, self.model, output) for subject in subjects]
        sums = [[np.zeros(len(row.ids)) for row in found] for found in rows]

        def run(chunk: Sequence[Point]) -> list[TokenScores]:
            line, batch = self.line(subjects, rows, chunk, baseline)
            embeds = _between(line, chunk, rows).to(self.model.embedding().weight.dtype).requires_grad_()
            found = self._outputs(replace(batch, embeds=embeds), subjects, rows, chunk, output)
            (gradient,) = torch.autograd.grad(found.sum(), embeds)
            scores = reduce(gradient.float(), line).detach().double().cpu().numpy()
            return _unpad(scores, rows, chunk)

        with looking_into(self.model, longest(rows)):
            for chunk, found in self.packed(points, lambda point: rows[point.subject], run):
                for point, scores in zip(chunk, found, strict=True):
                    for total, score in zip(sums[point.subject], scores, strict=True):
                        total += point.weight * score
        return sums

    def outputs(
        self,
        subjects: Sequence[Subject],
        points: Sequence[Point],
        *,
        output: Output = "logit",
        baseline: Baseline = "pad",
    ) -> list[float]:
        """The explained number at each point, in the order of the points."""
        rows = [matters(subject, self.model, output) for subject in subjects]
        values: dict[int, float] = {}

        def run(chunk: Sequence[Point]) -> list[float]:
            with torch.no_grad():
                line, batch = self.line(subjects, rows, chunk, baseline)
                embeds = _between(line, chunk, rows).to(self.model.embedding().weight.dtype)
                found = self._outputs(replace(batch, embeds=embeds), subjects, rows, chunk, output)
                return found.double().cpu().tolist()

        with looking_into(self.model, longest(rows)):
            for chunk, found in self.packed(points, lambda point: rows[point.subject], run):
                values.update((id(point), value) for point, value in zip(chunk, found, strict=True))
        return [values[id(point)] for point in points]

    def packed(
        self, things: Sequence[T], rows: Callable[[T], Sequence[Row]], run: Callable[[Sequence[T]], list[R]]
    ) -> Iterator[tuple[Sequence[T], list[R]]]:
        """Runs things longest first in chunks of at most `batch_tokens` padded tokens; halves a chunk that is too much.

        Yields:
            A chunk and what `run` returned for it.

        Raises:
            RationaleEvalError: If memory does not hold a single thing.
        """
        lengths = {id(thing): [len(row.ids) for row in rows(thing)] for thing in things}
        waiting = sorted(things, key=lambda thing: max(lengths[id(thing)]), reverse=True)
        start = 0
        while start < len(waiting):
            chunk = waiting[start : start + self._fitting(lengths[id(thing)] for thing in islice(waiting, start, None))]
            try:
                found = run(chunk)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                size = max(lengths[id(chunk[0])])
                if len(chunk) == 1:
                    raise RationaleEvalError(
                        f"one text of {size} tokens does not fit into memory on {self.model.device} with gradients; "
                        "set a smaller max_length or use another device"
                    ) from error
                self.batch_tokens = max(1, size * sum(len(lengths[id(thing)]) for thing in chunk) // 2)
                continue
            start += len(chunk)
            yield chunk, found

    def _fitting(self, lengths: Iterable[list[int]]) -> int:
        """How many of the things, longest first, make a batch: within the budget and with little padding."""
        taken = rows = total = longest = 0
        for each in lengths:
            longest, rows, total = longest or max(each), rows + len(each), total + sum(each)
            if taken and (rows * longest > self.batch_tokens or 1 - total / (rows * longest) > LARGEST_WASTE):
                break
            taken += 1
        return taken

    def line(
        self, subjects: Sequence[Subject], rows: Sequence[Sequence[Row]], points: Sequence[Point], baseline: Baseline
    ) -> tuple[Line, Batch]:
        """Embeddings of the rows of all points, one after the other, and the batch they belong to."""
        batch = self.model.pad([row for point in points for row in rows[point.subject]])
        table = self.model.embedding()
        with torch.no_grad():
            text = table(batch.ids).float()
            inside = torch.zeros(batch.ids.shape, dtype=torch.bool)
            noise = torch.zeros(text.shape) if any(_noisy(subjects[p.subject], p) for p in points) else None
            place = 0
            for point in points:
                subject = subjects[point.subject]
                for row in rows[point.subject]:
                    inside[place, : len(row.ids)] = torch.from_numpy(row.word != NO_WORD)
                    if noise is not None and _noisy(subject, point):
                        noise[place, : len(row.ids)] = _noise(subject, point, row, text.shape[-1])
                    place += 1
            inside = inside.to(text.device)[..., None]
            if noise is not None:
                text = text + noise.to(text.device) * inside
            return Line(text, torch.where(inside, self.absent(baseline), text)), batch

    def absent(self, baseline: Baseline) -> Tensor:
        """The embedding that stands for no word, float32 `[hidden]`.

        Raises:
            UsageError: If it is that of a mask token and the tokenizer has none.
        """
        table = self.model.embedding()
        if baseline == "zero":
            return torch.zeros(table.embedding_dim, device=table.weight.device)
        token = self.model.mask_id if baseline == "mask" else self.model.pad_id
        if token is None:
            raise UsageError(f"{self.model.name} has no mask token; choose the baseline pad or zero")
        with torch.no_grad():
            embedding: Tensor = table(torch.tensor(token, device=table.weight.device)).float()
        return embedding

    def _outputs(
        self,
        batch: Batch,
        subjects: Sequence[Subject],
        rows: Sequence[Sequence[Row]],
        points: Sequence[Point],
        output: Output,
    ) -> Tensor:
        """The explained number of each point, float32 `[points]`."""
        scores = self.model.scores(batch).float()
        targets = torch.tensor([subjects[point.subject].target for point in points], device=scores.device)
        if output == "logit":
            return scores.gather(1, (targets % self.model.outputs)[:, None])[:, 0]
        sizes = [len(rows[point.subject]) * self.model.outputs for point in points]
        choices = nn.utils.rnn.pad_sequence(
            list(scores.reshape(-1).split(sizes)), batch_first=True, padding_value=-torch.inf
        )
        found = torch.log_softmax(choices, dim=1).gather(1, targets[:, None])[:, 0]
        return found.exp() if output == "probability" else found


def along_the_line(gradient: Tensor, line: Line) -> Tensor:
    """The gradient's component along the line: its share of the output's change, for each token."""
    return (gradient * (line.text - line.baseline)).sum(dim=-1)


def matters(subject: Subject, model: TaskModel, output: Output) -> tuple[Row, ...]:
    """The rows an output depends on: the target choice's own for its score, all for its (log-)probability."""
    rows = subject.encoding.rows
    return (rows[subject.target // model.outputs],) if output == "logit" else rows


def merge_words(encoding: Encoding, rows: Sequence[Row], tokens: TokenScores, merge: Merge) -> NDArray[np.float64]:
    """Token scores to word scores.

    Args:
        encoding: The example.
        rows: The rows the scores belong to.
        tokens: Token scores for each of these rows.
        merge: `sum`, `max` (the greatest value) or `mean` over the tokens of a word within a row; rows are summed.

    Returns:
        float64 `[words]`; NaN for words the model does not see.
    """
    scores = np.zeros(encoding.words)
    for row, values in zip(rows, tokens, strict=True):
        inside = row.word != NO_WORD
        words, found = row.word[inside], values[inside]
        here = np.full(encoding.words, -np.inf if merge == "max" else 0.0)
        if merge == "max":
            np.maximum.at(here, words, found)
        else:
            np.add.at(here, words, found)
        counts = np.bincount(words, minlength=encoding.words)
        if merge == "mean":
            here /= np.maximum(counts, 1)
        scores += np.where(counts > 0, here, 0.0)
    return np.where(encoding.seen, scores, np.nan)


def word_scores(
    probe: Probe, subjects: Sequence[Subject], tokens: Sequence[TokenScores], output: Output, merge: Merge
) -> list[NDArray[np.float64]]:
    """Word scores of each subject from the token scores that `Probe.gradients` found for the same output."""
    return [
        merge_words(subject.encoding, matters(subject, probe.model, output), found, merge)
        for subject, found in zip(subjects, tokens, strict=True)
    ]


def _between(line: Line, points: Sequence[Point], rows: Sequence[Sequence[Row]]) -> Tensor:
    places = [point.place for point in points for _ in rows[point.subject]]
    places_ = torch.tensor(places, device=line.text.device, dtype=torch.float32)[:, None, None]
    return line.baseline + places_ * (line.text - line.baseline)


def _unpad(scores: NDArray[np.float64], rows: Sequence[Sequence[Row]], points: Sequence[Point]) -> list[TokenScores]:
    lines = iter(scores)
    return [[next(lines)[: len(row.ids)] for row in rows[point.subject]] for point in points]


def _noisy(subject: Subject, point: Point) -> bool:
    return subject.radius > 0 or point.spread > 0


def _noise(subject: Subject, point: Point, row: Row, hidden: int) -> Tensor:
    """Noise of one row, float32 `[tokens, hidden]`; drawn for this row alone, so that batching cannot change it."""
    number = next(i for i, each in enumerate(subject.encoding.rows) if each is row)
    noise = torch.zeros(len(row.ids), hidden)
    if subject.radius > 0:
        noise += subject.radius * (2 * torch.rand(noise.shape, generator=_generator(subject.noise_seed, number)) - 1)
    if point.spread > 0:
        noise += point.spread * torch.randn(noise.shape, generator=_generator(point.seed, number))
    return noise


def _generator(seed: int, row: int) -> torch.Generator:
    mixed = np.random.SeedSequence([seed, row]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed >> np.uint64(1)))
