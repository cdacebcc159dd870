"""Our side of the comparison with ferret: the same texts, tokens, scores and targets, through the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from rationale_eval.data.example import Example
from rationale_eval.data.rationale import WordScores
from rationale_eval.data.words import Word
from rationale_eval.engine.case import Answer, Asks, Case, Question
from rationale_eval.engine.perturb import sequences
from rationale_eval.engine.run import Engine
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.record import METRICS, Score
from rationale_eval.models.base import NO_WORD, Encoding, Row
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.verbs.evaluate import together

MEASURES: Final = {
    "aopc_compr": "comprehensiveness_aopc",
    "aopc_suff": "sufficiency_aopc",
    "taucorr_loo": "tau_loo",
}
"""Ferret's names and ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One input as ferret reads it.

    Args:
        id: Name of the example.
        text: The whole input as one string.
        scores: For each explanation float64 `[tokens]`, special tokens included; positive and distinct.
        target: Index of the class whose probability is watched.
    """

    id: str
    text: str
    scores: Mapping[str, NDArray[np.float64]]
    target: int

    def job(self) -> dict[str, Any]:
        """What `score.py` takes."""
        scores = {name: values.tolist() for name, values in self.scores.items()}
        return {"id": self.id, "text": self.text, "target": self.target, "scores": scores}


def encode(model: TransformerModel, text: str) -> Encoding:
    """The text as one row in which every token but the first and the last is a word of its own."""
    ids = np.array(model.tokenizer(text, truncation=True, max_length=model.max_length)["input_ids"], dtype=np.int64)
    word = np.arange(-1, len(ids) - 1)
    word[-1] = NO_WORD
    row = Row(ids, np.zeros_like(ids), word, np.zeros(0, dtype=np.int64))
    return Encoding((row,), len(ids) - 2, np.ones(len(ids) - 2, dtype=bool), truncated=False)


def ask(pair: Pair, model: TransformerModel, names: Sequence[str], variant: str, bins: Sequence[float]) -> Asks[dict]:
    """All measures of the named explanations of one pair: explanation and ferret's name of the measure to value."""
    encoding = encode(model, pair.text)
    example = Example(id=pair.id, task="ferret", inputs={"text": pair.text})
    words = [Word("text", place, place + 1) for place in range(encoding.words)]
    probabilities = (yield [Case(example, words, encoding=encoding).whole()])[0]
    wanted, questioners = [], []
    for name in names:
        case = Case(
            example,
            words,
            encoding=encoding,
            target=pair.target,
            probabilities=probabilities,
            rationale=WordScores(pair.id, name, tuple(words), pair.scores[name][1:-1], pair.target),
        )
        for measure, ours in MEASURES.items():
            found = METRICS[ours]
            chosen = variant if variant in found.variants else next(iter(found.variants))
            options = {**found.variants[chosen], **({} if ours == "tau_loo" else {"bins": [100 * b for b in bins]})}
            wanted.append((name, measure))
            questioners.append(found.ask(case, **options))
    scores: list[Score] = yield from together(questioners)
    return {key: score.value for key, score in zip(wanted, scores, strict=True)}


def score(
    engine: Engine, pairs: Sequence[Pair], names: Sequence[str], bins: Sequence[float], variant: str = "eraser"
) -> list[dict]:
    """Values of every pair, in order: (explanation, measure) to value."""
    load_all()
    model = engine.model
    assert isinstance(model, TransformerModel)
    return list(engine.run(ask(pair, model, names, variant, bins) for pair in pairs))


def brute_force(
    model: TransformerModel, pairs: Sequence[Pair], names: Sequence[str], bins: Sequence[float], variant: str
) -> list[dict]:
    """The same values with every question answered alone: the library's own forward pass, one text at a time."""
    load_all()
    return [_alone(ask(pair, model, names, variant, bins), model) for pair in pairs]


def _alone(questioner: Asks[dict], model: TransformerModel) -> dict:
    answers: list[Answer] | None = None
    while True:
        try:
            questions = next(questioner) if answers is None else questioner.send(answers)
        except StopIteration as stop:
            return stop.value
        answers = [_answer(question, model) for question in questions if isinstance(question, Question)]


def _answer(question: Question, model: TransformerModel) -> Answer:
    (sequence,) = sequences(question, model)
    ids = torch.from_numpy(np.array(sequence.row.ids))[None].to(model.device)
    with torch.inference_mode():
        logits = model.network(input_ids=ids).logits[0].double()
    return logits.softmax(-1).cpu().numpy()


def brute_predict(model: TransformerModel, encoding: Encoding) -> int:
    """The most probable class of a whole text, read alone."""
    whole = np.ones(encoding.words, dtype=bool)
    return int(np.argmax(_answer(Question(encoding, whole, "delete"), model)))


def differences(first: Sequence[Mapping], second: Sequence[Mapping]) -> Iterator[tuple[str, float]]:
    """Measure and absolute difference of every value that both define; a value only one defines differs by infinity."""
    for here, there in zip(first, second, strict=True):
        for key, value in here.items():
            other = there[key]
            both = np.isnan(value), np.isnan(other)
            if not all(both):
                yield key[1], float("inf") if any(both) else abs(value - other)
