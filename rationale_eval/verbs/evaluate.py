"""`evaluate`: data, rationales and a model in, scores for every example out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.data.words import Word
from rationale_eval.engine.case import Asks, Case
from rationale_eval.engine.memory import DiskMemory, Memory
from rationale_eval.engine.run import Engine, Explainer
from rationale_eval.errors import UsageError
from rationale_eval.metrics.record import Score, undefined
from rationale_eval.models.base import Encoding, TaskModel
from rationale_eval.rationales.extract import example_seed, reexplain
from rationale_eval.rationales.methods import METHODS as ALL_METHODS
from rationale_eval.verbs.chosen_metrics import Wanted, choose_metrics, possible
from rationale_eval.verbs.matching import ById, in_model_order, refuse_equal_names
from rationale_eval.verbs.predictions import FILE, INPUT, Answered, predictions_file
from rationale_eval.verbs.result import Result, ScoreRow, temporary_scores, write_scores

MODEL_ROW: Final = "model"
"""Name under which metrics of the model itself (accuracy ...) stand among the methods."""

HUMAN_ROW: Final = "human"
"""Name under which the human ceiling stands among the methods."""


def evaluate(  # noqa: PLR0913 - the public verb; all but the first two are keywords with defaults
    data: RationaleDataset,
    explanations: Explanations | Sequence[Explanations] = (),
    *,
    model: TaskModel | None = None,
    metrics: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    explainers: Mapping[str, Explainer] | None = None,
    memory: Memory | Path | None = None,
    seed: int = 0,
    out: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Result:
    """Scores rationales, example by example.

    Args:
        data: The examples.
        explanations: Rationales of one or several methods for these examples, in any order.
        model: The model that the rationales explain; metrics that need one are left out without it.
        metrics: Names as `choose_metrics` reads them; None takes the usual ones that can be computed here.
        options: Parameters for all metrics that know them, for example `{"removal": "mask"}`.
        explainers: Attribution methods that can be asked again, for metrics that shake the input; by default those
            among `explanations` that read embeddings, with their parameters.
        memory: Where answers of the model are remembered: a file, or something that remembers; this process by default.
        seed: Seed of metrics that draw at random; with the example's id it fixes every draw.
        out: Parquet file for the scores; a temporary one by default. With a model, its answers stand beside it
            (`verbs/predictions.py`).
        progress: Called with the number of examples done since the last call.

    Returns:
        The result: scores of every example, summaries with intervals, provenance.

    Raises:
        UsageError: For unknown metrics, or metrics asked for by name that lack what they need.
        InputError: If rationales do not belong to these examples.
    """
    methods = [explanations] if isinstance(explanations, Explanations) else list(explanations)
    refuse_equal_names(methods)
    wanted = possible(
        choose_metrics(metrics, options), metrics is not None, data, model=model is not None, rationales=bool(methods)
    )
    if explainers is None and any("explainer" in each.metric.needs for each in wanted):
        explainers = _explainers(methods, model, seed)
    with ExitStack() as stack:
        if isinstance(memory, Path):
            memory = DiskMemory(memory)
            stack.callback(memory.close)
        engine = None if model is None else Engine(model, memory=memory, explainers=explainers)
        scorer = _Scorer(data, methods, wanted, model, seed, frozenset(explainers or ()))
        scored = scorer.with_model(engine) if engine else scorer.without_model()
        path = out or temporary_scores()
        keep = stack.enter_context(predictions_file(path.with_name(FILE))) if engine else None
        write_scores(_counted(scored, progress, keep), path)
    return Result(path, _provenance(scorer, engine))


def _provenance(scorer: _Scorer, engine: Engine | None) -> dict[str, Any]:
    data, model = scorer.data, scorer.model
    return {
        "data": {"name": data.name, "split": data.split, "fingerprint": data.fingerprint(), "examples": len(data)},
        "model": None if model is None else {"name": model.name, "fingerprint": model.fingerprint},
        "methods": {each.method: each.params for each in scorer.methods},
        "metrics": [
            {"metric": w.metric.name, "variant": w.variant, "version": w.metric.version, **w.options}
            for w in scorer.wanted
        ],
        "seed": scorer.seed,
        "truncated": scorer.truncated,
        "engine": None if engine is None else {k: v for k, v in vars(engine.tally).items() if k != "lengths"},
    }


def _explainers(methods: Sequence[Explanations], model: TaskModel | None, seed: int) -> dict[str, Explainer]:
    """Methods that can explain a noisy input, with the parameters that made their rationales."""
    found: dict[str, Explainer] = {}
    for each in methods:
        if model is None or each.method not in ALL_METHODS:
            continue
        facts = ALL_METHODS[each.method]
        if facts.family in ("gradient", "attention"):
            params = {name: value for name, value in each.params.items() if name in facts.params}
            found[each.method] = reexplain(model, each.method, params, seed=int(each.params.get("seed", seed)))
    return found


@dataclass(frozen=True, slots=True)
class _Scored:
    """All rows of one example, and the model's answer to it."""

    rows: list[ScoreRow]
    answered: Answered | None


def _counted(
    scored: Iterable[_Scored], progress: Callable[[int], None] | None, keep: Callable[[Answered], None] | None
) -> Iterator[ScoreRow]:
    for example in scored:
        yield from example.rows
        if keep is not None and example.answered is not None:
            keep(example.answered)
        if progress is not None:
            progress(1)


class _Scorer:
    """Turns examples into questioners and their scores into rows, one example after the other."""

    def __init__(
        self,
        data: RationaleDataset,
        methods: Sequence[Explanations],
        wanted: Sequence[Wanted],
        model: TaskModel | None,
        seed: int,
        explainable: frozenset[str],
    ):
        self.data, self.methods, self.model, self.seed, self.explainable = data, methods, model, seed, explainable
        self.wanted = wanted
        self.on_scores = [each for each in wanted if "scores" in each.metric.needs]
        self.on_model = [each for each in wanted if not {"scores", "annotators"} & set(each.metric.needs)]
        self.on_humans = [
            each for each in wanted if "annotators" in each.metric.needs and "scores" not in each.metric.needs
        ]
        self.truncated = 0

    def with_model(self, engine: Engine) -> Iterator[_Scored]:
        assert self.model is not None
        model = self.model

        def questioners() -> Iterator[Asks[_Scored]]:
            for given, words, rationales in self._examples():
                example = in_model_order(given, model)
                encoding = model.encode(example, words)
                self.truncated += encoding.truncated
                yield self._ask(example, words, rationales, encoding, given.choices)

        return engine.run(questioners())

    def without_model(self) -> Iterator[_Scored]:
        for example, words, rationales in self._examples():
            yield _run_alone(self._ask(example, words, rationales, None))

    def _examples(self) -> Iterator[tuple[Example, tuple[Word, ...], list[WordScores]]]:
        readers = [ById(each, self.data) for each in self.methods]
        for example in self.data:
            words = self.data.words(example)
            yield example, words, [reader.of(example, words) for reader in readers]

    def _ask(
        self,
        example: Example,
        words: tuple[Word, ...],
        rationales: list[WordScores],
        encoding: Encoding | None,
        order: tuple[str, ...] = (),
    ) -> Asks[_Scored]:
        """All metrics of one example, advanced together so that their questions share passes.

        Its answer is kept in the order that the data set has of the choices.
        """
        shared, seed = self.data.cluster(example), example_seed(example.id, self.seed)
        cluster = None if shared is None else blake2b(shared.encode(), digest_size=8).hexdigest()
        probabilities, predicted = None, None
        if encoding is not None:
            probabilities = (yield [Case(example, words, encoding=encoding).whole()])[0]
            predicted = int(np.argmax(probabilities))

        def case(rationale: WordScores | None) -> Case:
            return Case(
                example,
                words,
                encoding=encoding,
                target=predicted if rationale is None or rationale.target is None else rationale.target,
                probabilities=probabilities,
                rationale=rationale,
                seed=seed,
            )

        plain = case(None)
        jobs = [(MODEL_ROW, plain, each) for each in self.on_model] + [
            (HUMAN_ROW, plain, each) for each in self.on_humans
        ]
        for rationale, source in zip(rationales, self.methods, strict=True):
            jobs += [(source.method, case(rationale), each) for each in self.on_scores]
        scores = yield from together([self._score(rationale, each) for _, rationale, each in jobs])
        rows = [
            ScoreRow(example.id, cluster, method, each.metric.name, each.variant, score)
            for (method, _, each), score in zip(jobs, scores, strict=True)
        ]
        if probabilities is None or predicted is None:
            return _Scored(rows, None)
        places = [example.choices.index(choice) for choice in order] if order != example.choices else None
        answered = Answered(
            example.id,
            MODEL_ROW,
            INPUT,
            predicted if places is None else places.index(predicted),
            probabilities if places is None else probabilities[places],
        )
        return _Scored(rows, answered)

    def _score(self, case: Case, wanted: Wanted) -> Asks[Score]:
        needs = wanted.metric.needs
        if "gold" in needs and case.gold is None:
            return undefined("the example has no gold highlights")
        if "label" in needs and case.example.label is None:
            return undefined("the example has no gold label")
        if "explainer" in needs and (case.rationale is None or case.rationale.method not in self.explainable):
            return undefined("the method cannot be run again on a changed input")
        if "scores" in needs and np.isnan(case.scores).all():
            return undefined("the method gave no scores for this example")
        found = wanted.metric.ask(case, **wanted.options)
        if isinstance(found, Score):
            return found
        score: Score = yield from found
        return score


Q = TypeVar("Q")
A = TypeVar("A")


def together(
    asks: Sequence[Score | Generator[Sequence[Q], list[A], Score]],
) -> Generator[list[Q], list[A], list[Score]]:
    """Advances several questioners as one: their open questions go out as one list. A score asks nothing."""
    scores: dict[int, Score] = {}
    open_: dict[int, tuple[Generator[Sequence[Q], list[A], Score], Sequence[Q]]] = {}

    def advance(place: int, questioner: Generator[Sequence[Q], list[A], Score], answers: list[A] | None) -> None:
        try:
            open_[place] = (questioner, questioner.send(answers) if answers is not None else next(questioner))
        except StopIteration as stop:
            open_.pop(place, None)
            scores[place] = stop.value

    for place, questioner in enumerate(asks):
        if isinstance(questioner, Score):
            scores[place] = questioner
        else:
            advance(place, questioner, None)
    while open_:
        asked = list(open_.items())
        answers = iter((yield [question for _, (_, questions) in asked for question in questions]))
        for place, (questioner, questions) in asked:
            advance(place, questioner, [next(answers) for _ in questions])
    return [scores[place] for place in range(len(asks))]


def _run_alone(asks: Asks[_Scored]) -> _Scored:
    """Runs a questioner that asks nothing."""
    try:
        while True:
            if next(asks):
                raise UsageError("a metric asks a model, but none was given")
    except StopIteration as stop:
        scored: _Scored = stop.value
        return scored
