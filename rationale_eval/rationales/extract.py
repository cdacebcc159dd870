"""Runs explaining methods over a data set: in windows, every example encoded once for all methods, in order.

What is kept in memory is one window, so memory does not grow with the data set. Results do not depend on the window,
the batch size or the other methods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.example import Example
from rationale_eval.data.rationale import WordScores
from rationale_eval.data.words import Word
from rationale_eval.engine.case import Answer, Case, Reexplain
from rationale_eval.engine.run import Engine
from rationale_eval.errors import InputError, UsageError
from rationale_eval.models.base import Encoding, TaskModel
from rationale_eval.rationales.attribution import Probe, Subject
from rationale_eval.rationales.methods import METHODS
from rationale_eval.rationales.record import Found, Method


def default_window(model: TaskModel | None) -> int:
    """Examples in flight: enough to fill batches with texts of equal length."""
    return 128 if model is None or model.device.type == "cpu" else 512


TARGETS: Final = ("predicted", "gold")


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A method with all its parameters, under the name its results will carry."""

    name: str
    method: Method
    params: Mapping[str, Any]


def choose(method: str, params: Mapping[str, Any] | None = None, *, name: str | None = None) -> Chosen:
    """Looks a method up and checks its parameters.

    Args:
        method: A name in `METHODS`.
        params: Parameters that differ from the defaults.
        name: What to call the results; the method's name by default.

    Raises:
        UsageError: If the method or a parameter is unknown, or a value cannot be used.
    """
    found = METHODS[method]
    return Chosen(name or method, found, found.settings(params or {}))


def example_seed(example_id: str, seed: int) -> int:
    """A seed that depends on the run's seed and the example's id only, so that order and batching change nothing."""
    return int.from_bytes(blake2b(f"{seed}/{example_id}".encode(), digest_size=6).digest())


def _content_seed(encoding: Encoding, seed: int) -> int:
    """A seed that depends on the run's seed and the tokens only: known again where the example's id is not."""
    digest = blake2b(str(seed).encode(), digest_size=6)
    for row in encoding.rows:
        digest.update(row.ids.tobytes() + row.target.tobytes())
    return int.from_bytes(digest.digest())


def target_of(rule: str, example: Example, model: TaskModel, probabilities: Answer | None) -> int:
    """The explained choice.

    Args:
        rule: `predicted` (the most probable; of equals the first), `gold`, or the name of a choice.
        example: The example.
        model: The model; its order of choices counts.
        probabilities: Its answer to the whole example; read for `predicted` only.

    Returns:
        Index among the model's choices.

    Raises:
        InputError: If the example has no label or no such choice.
    """
    if rule == "predicted":
        if probabilities is None:
            raise ValueError("the predicted choice needs the model's answer")
        return int(np.argmax(probabilities))
    choices = model.choices or example.choices
    if rule == "gold":
        if example.label is None:
            raise InputError(f"example '{example.id}' has no label to explain; use --target predicted")
        name = example.choices[example.label] if example.choices else None
        return choices.index(name) if name in choices else example.label
    if rule in choices:
        return choices.index(rule)
    raise InputError(
        f"example '{example.id}' has no choice '{rule}'; choose predicted, gold or one of {', '.join(choices)}"
    )


def check(chosen: Sequence[Chosen], model: TaskModel | None) -> None:
    """Refuses what cannot run.

    Raises:
        UsageError: If two results share a name, a model is missing, or a method does not fit it.
    """
    names = [each.name for each in chosen]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"'{twice[0]}' is asked for twice; give one of them another name")
    for each in chosen:
        if each.method.family == "control":
            continue
        if model is None:
            raise UsageError(f"{each.name} explains a model: give one (--model), or ask for a control")
        reason = each.method.is_compatible(model)
        if reason:
            raise UsageError(f"{each.name}: {reason}")


@dataclass
class Tally:
    """What a method's run came to.

    Args:
        examples: Examples explained.
        seconds: Time taken; of methods that share passes, the time of all of them.
        shared: Whether other methods share the passes.
        unseen_words: Words cut off before the model saw them.
        deltas: Sum of the convergence deltas' magnitudes.
        with_delta: Examples that have one.
    """

    examples: int = 0
    seconds: float = 0.0
    shared: bool = False
    unseen_words: int = 0
    deltas: float = 0.0
    with_delta: int = 0

    def add(self, found: WordScores) -> None:
        """Counts one result."""
        self.examples += 1
        self.unseen_words += int(found.notes.get("unseen_words", 0))
        if "convergence_delta" in found.notes:
            self.deltas += abs(found.notes["convergence_delta"])
            self.with_delta += 1

    @property
    def mean_delta(self) -> float | None:
        """Mean magnitude of the convergence delta, or None where the method has none."""
        return self.deltas / self.with_delta if self.with_delta else None


class Extraction:
    """Methods ready to run on one model.

    Args:
        chosen: The methods.
        model: The model they explain; None where all are controls.
        target: Which choice to explain, see `target_of`.
        seed: The run's seed.
        engine: What answers questions about the model; made here by default.
        batch_tokens: Most tokens in a batch with gradients; by default what suits the device.

    Raises:
        UsageError: See `check`.
    """

    def __init__(
        self,
        chosen: Sequence[Chosen],
        model: TaskModel | None,
        *,
        target: str = "predicted",
        seed: int = 0,
        engine: Engine | None = None,
        batch_tokens: int | None = None,
    ):
        check(chosen, model)
        self.chosen, self.model, self.target, self.seed = list(chosen), model, target, seed
        self.needs_model = any(each.method.family != "control" for each in chosen)
        self.tallies = {each.name: Tally() for each in chosen}
        self._engine = engine if engine or model is None else Engine(model)
        self._probe = None if model is None else Probe(model, batch_tokens)

    def run(
        self, examples: Iterable[tuple[Example, Sequence[Word]]], window: int | None = None
    ) -> Iterator[list[WordScores]]:
        """Yields for each example, in order, the word scores of every method.

        Args:
            examples: Examples and their words; read a window at a time.
            window: How many examples are worked on together.
        """
        source = iter(examples)
        size = window or default_window(self.model)
        while part := list(islice(source, size)):
            for scores in self._window(part):
                for one in scores:
                    self.tallies[one.method].add(one)
                yield scores

    def _window(self, part: Sequence[tuple[Example, Sequence[Word]]]) -> list[list[WordScores]]:
        cases = self._cases(part)
        found: dict[str, list[Found]] = {}
        for each in self.chosen:
            if each.method.family != "perturbation":
                with self._timed([each]):
                    found[each.name] = self._explain(each, cases)
        perturbing = [each for each in self.chosen if each.method.family == "perturbation"]
        if perturbing and self._engine is not None:
            asks = (each.method.explain(case, **each.params) for case in cases for each in perturbing)
            with self._timed(perturbing):
                answers = list(self._engine.run(asks))
            found |= {each.name: answers[i :: len(perturbing)] for i, each in enumerate(perturbing)}
        return [[self._scores(each, case, found[each.name][i]) for each in self.chosen] for i, case in enumerate(cases)]

    @contextmanager
    def _timed(self, together: Sequence[Chosen]) -> Iterator[None]:
        start = perf_counter()
        yield
        for each in together:
            self.tallies[each.name].seconds += perf_counter() - start
            self.tallies[each.name].shared = len(together) > 1

    def _cases(self, part: Sequence[tuple[Example, Sequence[Word]]]) -> list[Case]:
        if not self.needs_model or self.model is None or self._engine is None:
            return [Case(example, words, seed=example_seed(example.id, self.seed)) for example, words in part]
        encodings = [self.model.encode(example, words) for example, words in part]
        answers: Sequence[Answer | None] = [None] * len(part)
        if self.target == "predicted":
            wholes = [
                Case(example, words, encoding=encoding).whole()
                for (example, words), encoding in zip(part, encodings, strict=True)
            ]
            answers = self._engine.answer(wholes)
        return [
            Case(
                example,
                words,
                encoding=encoding,
                target=target_of(self.target, example, self.model, answer),
                probabilities=answer,
                seed=example_seed(example.id, self.seed),
            )
            for (example, words), encoding, answer in zip(part, encodings, answers, strict=True)
        ]

    def _explain(self, each: Chosen, cases: Sequence[Case]) -> list[Found]:
        if each.method.family == "control":
            return [each.method.explain(case, **each.params) for case in cases]
        subjects = [Subject(case.encoding, case.target, _content_seed(case.encoding, self.seed)) for case in cases]
        found: list[Found] = each.method.explain(self._probe, subjects, **each.params)
        return found

    def _scores(self, each: Chosen, case: Case, found: Found) -> WordScores:
        control = each.method.family == "control"
        notes = dict(found.notes)
        if not control and not case.encoding.seen.all():
            notes["unseen_words"] = float((~case.encoding.seen).sum())
        return WordScores(
            example_id=case.example.id,
            method=each.name,
            words=case.words,
            scores=found.scores,
            target=None if control else case.target,
            hard=found.hard,
            notes=notes,
        )


def reexplain(
    model: TaskModel,
    method: str,
    params: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    batch_tokens: int | None = None,
) -> Callable[[Sequence[Reexplain]], list[NDArray[np.float64]]]:
    """A function that explains noisy inputs by the same method, for metrics that ask how stable it is.

    The noise is uniform in an L-infinity ball around the input embeddings of words; special tokens, prompt, choices
    and padding stay as they are. Each request's noise depends on its own seed only; a method's own draws are those of
    the extraction with the same `seed`, so that only the noise moves its scores.

    Args:
        model: The model.
        method: Name of a gradient or attention method.
        params: Its parameters.
        seed: The run's seed.
        batch_tokens: Most tokens in a batch.

    Returns:
        From requests to word scores float64 `[words]`, in the order asked.

    Raises:
        UsageError: If the method does not read embeddings, or does not fit the model.
    """
    chosen = choose(method, params)
    if chosen.method.family not in ("gradient", "attention"):
        raise UsageError(f"{method} does not read input embeddings, so it cannot be run again with noise on them")
    check([chosen], model)
    probe = Probe(model, batch_tokens)

    def run(requests: Sequence[Reexplain]) -> list[NDArray[np.float64]]:
        subjects = [
            Subject(each.encoding, each.target, _content_seed(each.encoding, seed), each.radius, each.seed)
            for each in requests
        ]
        return [found.scores for found in chosen.method.explain(probe, subjects, **chosen.params)]

    return run


def explain_noisy(
    model: TaskModel,
    items: Sequence[tuple[Encoding, int]],
    method: str,
    radius: float,
    seeds: Sequence[int],
    params: Mapping[str, Any] | None = None,
) -> list[NDArray[np.float64]]:
    """Explains encodings with noise on their input embeddings.

    Args:
        model: The model.
        items: Encodings and explained choices.
        method: Name of a gradient or attention method.
        radius: Radius of the L-infinity ball, in units of the embeddings.
        seeds: Seed of each item's noise.
        params: The method's parameters.

    Returns:
        Word scores float64 `[words]` for each item.
    """
    requests = [
        Reexplain(method, encoding, target, radius, seed) for (encoding, target), seed in zip(items, seeds, strict=True)
    ]
    return reexplain(model, method, params)(requests)
