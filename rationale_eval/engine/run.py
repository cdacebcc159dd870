"""The engine: advances many questioners together and answers all their questions in as few passes as possible.

One round: collect the questions of every questioner in the window, drop duplicates, recall what is known, run the
rest sorted by length, remember it, send the answers. The window is bounded in tokens, so memory does not grow with the
data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from rationale_eval.engine.case import Answer, Asks, Question, Reexplain
from rationale_eval.engine.execute import default_batch_tokens, execute
from rationale_eval.engine.memory import Memory, ProcessMemory
from rationale_eval.engine.perturb import TokenSequence, sequences
from rationale_eval.engine.rounds import rounds
from rationale_eval.models.base import TaskModel

R = TypeVar("R")

Explainer = Callable[[Sequence[Reexplain]], list[NDArray[np.float64]]]
"""Re-runs an attribution method on noisy inputs; returns word scores in the order asked."""

WINDOW_TOKENS: Final = 262_144

WINDOW_QUESTIONERS: Final = 512
"""Questioners in flight: each holds an example with all its rationales, however little it asks."""

KEEP_EVERY: Final = 1024
"""Sequences after which answers are written down: what a killed process loses at most."""


@dataclass
class Tally:
    """What the engine has done so far.

    Args:
        questions: Perturbed inputs asked for.
        sequences: Token sequences those stand for.
        distinct: Of these, different within their round.
        remembered: Of these, answered from memory.
        passes: Of these, run through the network.
        tokens: Tokens run through the network, without padding.
        lengths: Length of a sequence to how many of that length were run.
    """

    questions: int = 0
    sequences: int = 0
    distinct: int = 0
    remembered: int = 0
    passes: int = 0
    tokens: int = 0
    lengths: dict[int, int] = field(default_factory=dict)


class Engine:
    """Answers questions about one model.

    Args:
        model: The model.
        memory: Where scores are remembered; by default in this process only.
        batch_tokens: Most tokens in a batch, padding included; by default what suits the model's device.
        window_tokens: Most tokens of questions in flight.
        explainers: Attribution methods that can be asked again, by name.

    Example:
        >>> engine = Engine(model)
        >>> for score in engine.run(metric(case) for case in cases): ...
    """

    def __init__(
        self,
        model: TaskModel,
        *,
        memory: Memory | None = None,
        batch_tokens: int | None = None,
        window_tokens: int = WINDOW_TOKENS,
        explainers: Mapping[str, Explainer] | None = None,
    ):
        self.model = model
        self.tally = Tally()
        self.explainers = dict(explainers or {})
        self._memory = memory if memory is not None else ProcessMemory()
        self._batch_tokens = batch_tokens or default_batch_tokens(model.device)
        self._window_tokens = window_tokens
        self._salt = blake2b(model.fingerprint.encode(), digest_size=16).digest()

    def run(self, asks: Iterable[Asks[R]]) -> Iterator[R]:
        """Runs questioners to their end, pulling them as the window allows.

        Returns:
            What they return, in their order, as they end.
        """
        return rounds(asks, self.answer, _tokens, window=self._window_tokens, questioners=WINDOW_QUESTIONERS)

    def answer(self, questions: Sequence[Question | Reexplain]) -> list[Answer]:
        """Answers questions: probabilities float64 `[choices]`, or word scores float64 `[words]` for a `Reexplain`."""
        inputs = [question for question in questions if isinstance(question, Question)]
        answers: list[Answer | None] = [None] * len(questions)
        for place, found in zip(
            [i for i, question in enumerate(questions) if isinstance(question, Question)],
            self._probabilities(inputs),
            strict=True,
        ):
            answers[place] = found
        for method in {question.method for question in questions if isinstance(question, Reexplain)}:
            places = [i for i, q in enumerate(questions) if isinstance(q, Reexplain) and q.method == method]
            again = [
                question for question in questions if isinstance(question, Reexplain) and question.method == method
            ]
            for place, scores in zip(places, self.explainers[method](again), strict=True):
                answers[place] = scores
        return [found for found in answers if found is not None]

    def _probabilities(self, questions: Sequence[Question]) -> Iterator[Answer]:
        # Methods and metrics repeat one another's questions word for word; other questions may still be one sequence.
        names = [_name(question) for question in questions]
        rows = {
            name: sequences(question, self.model) for name, question in dict(zip(names, questions, strict=True)).items()
        }
        distinct = {sequence.key: sequence for found in rows.values() for sequence in found}
        self.tally.questions += len(questions)
        self.tally.sequences += sum(len(rows[name]) for name in names)
        self.tally.distinct += len(distinct)
        scores = self._scores(distinct)
        answers = {
            name: _softmax(np.concatenate([scores[sequence.key] for sequence in found])) for name, found in rows.items()
        }
        for answer in answers.values():
            answer.flags.writeable = False
        return (answers[name] for name in names)

    def _scores(self, distinct: Mapping[bytes, TokenSequence]) -> dict[bytes, NDArray[np.float32]]:
        salted = {key: blake2b(key + self._salt, digest_size=16).digest() for key in distinct}
        recalled = self._memory.recall(salted.values())
        scores = {key: recalled[salt] for key, salt in salted.items() if salt in recalled}
        self.tally.remembered += len(scores)
        new = [sequence for key, sequence in distinct.items() if key not in scores]
        fresh: dict[bytes, NDArray[np.float32]] = {}
        for index, found in execute(self.model, new, self._batch_tokens):
            size = len(new[index])
            self.tally.passes += 1
            self.tally.tokens += size
            self.tally.lengths[size] = self.tally.lengths.get(size, 0) + 1
            fresh[new[index].key] = found
            if len(fresh) >= KEEP_EVERY:
                self._memory.keep({salted[key]: found for key, found in fresh.items()})
                scores |= fresh
                fresh = {}
        self._memory.keep({salted[key]: found for key, found in fresh.items()})
        return scores | fresh


def _name(question: Question) -> tuple[int, bytes, str, bytes | None, int]:
    """Equal for questions that say the same; holds while the questions live."""
    retain = None if question.retain is None else question.retain.tobytes()
    return id(question.encoding), question.keep.tobytes(), question.removal, retain, question.seed


def _tokens(question: Question | Reexplain) -> int:
    return sum(len(row.ids) for row in question.encoding.rows)


def _softmax(scores: NDArray[np.float32]) -> Answer:
    shifted = scores.astype(np.float64) - float(scores.max())
    exponents = np.exp(shifted)
    return exponents / exponents.sum()
