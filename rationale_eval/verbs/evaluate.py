"""`evaluate`: data, rationales and a model in, scores for every example out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import blake2b
from inspect import signature
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.data.words import Word
from rationale_eval.engine.case import REMOVALS, Asks, Case
from rationale_eval.engine.memory import DiskMemory, Memory
from rationale_eval.engine.run import Engine, Explainer
from rationale_eval.errors import InputError, UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.record import METRICS, Metric, Score, undefined
from rationale_eval.models.base import Encoding, TaskModel
from rationale_eval.rationales.extract import example_seed, reexplain
from rationale_eval.rationales.methods import METHODS as ALL_METHODS
from rationale_eval.verbs.result import Result, ScoreRow, write_scores

DEFAULT_METRICS: Final = (
    "comprehensiveness_aopc",
    "sufficiency_aopc",
    "csd",
    "tau_loo",
    "decision_flip",
    "token_f1",
    "iou_f1",
    "auprc",
    "average_precision",
    "accuracy",
    "macro_f1",
    "ece",
)

MODEL_ROW: Final = "model"
"""Name under which metrics of the model itself (accuracy ...) stand among the methods."""

HUMAN_ROW: Final = "human"
"""Name under which the human ceiling stands among the methods."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric under one variant."""

    metric: Metric
    variant: str
    options: Mapping[str, Any]


def choose_metrics(names: Sequence[str] | None, options: Mapping[str, Any] | None = None) -> list[Wanted]:
    """Looks metrics up: "auprc" is the default variant, "token_f1:micro" a named one, "token_f1:*" all of them.

    Args:
        names: Metric names; None takes the usual ones.
        options: Parameters to set on every metric that knows them, such as `removal` or `bins`.

    Raises:
        UsageError: If a name is unknown (the sentence lists the closest ones), no metric asked for has such a
            parameter, or its value cannot be used.
    """
    load_all()
    options = checked_options(options or {})
    wanted: list[Wanted] = []
    taken: set[str] = set()
    for name in names or DEFAULT_METRICS:
        name, _, variant = name.partition(":")
        found = METRICS[name]
        known = {each.name for each in signature(found.ask).parameters.values() if each.kind is each.KEYWORD_ONLY}
        extra = {key: value for key, value in options.items() if key in known}
        taken |= set(extra)
        if variant and variant != "*" and variant not in found.variants:
            raise UsageError(f"{name} has no variant '{variant}'; choose one of {', '.join(found.variants)}")
        chosen = list(found.variants) if variant == "*" else [variant or next(iter(found.variants))]
        wanted.extend(Wanted(found, each, {**found.variants[each], **extra}) for each in chosen)
    if set(options) - taken:
        raise UsageError(f"no metric asked for has a parameter '{sorted(set(options) - taken)[0]}'")
    return wanted


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of metrics, with those that have a fixed range of values held to it.

    Raises:
        UsageError: If `removal` is no removal operator or `bins` are not percentages.
    """
    checked = dict(options)
    if "removal" in checked and checked["removal"] not in REMOVALS:
        raise UsageError(f"there is no removal operator '{checked['removal']}'; choose one of {', '.join(REMOVALS)}")
    if "bins" in checked:
        bins = checked["bins"] if isinstance(checked["bins"], Sequence) else [checked["bins"]]
        if not all(isinstance(each, int | float) and 0 < each <= 100 for each in bins) or not bins:
            raise UsageError(f"bins are percentages above 0 and at most 100, such as 1,5,10,20,50; not {bins}")
        checked["bins"] = tuple(float(each) for each in bins)
    return checked


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
        out: Parquet file for the scores; a temporary one by default.
        progress: Called with the number of examples done since the last call.

    Returns:
        The result: scores of every example, summaries with intervals, provenance.

    Raises:
        UsageError: For unknown metrics, or metrics asked for by name that lack what they need.
        InputError: If rationales do not belong to these examples.
    """
    methods = [explanations] if isinstance(explanations, Explanations) else list(explanations)
    _refuse_equal_names(methods)
    wanted = _possible(choose_metrics(metrics, options), metrics is not None, data, model, methods)
    if explainers is None and any("explainer" in each.metric.needs for each in wanted):
        explainers = _explainers(methods, model, seed)
    with ExitStack() as stack:
        if isinstance(memory, Path):
            memory = DiskMemory(memory)
            stack.callback(memory.close)
        engine = None if model is None else Engine(model, memory=memory, explainers=explainers)
        scorer = _Scorer(data, methods, wanted, model, seed, frozenset(explainers or ()))
        rows = scorer.with_model(engine) if engine else scorer.without_model()
        path = write_scores(_counted(rows, progress), out)
    return Result(
        path,
        {
            "data": {"name": data.name, "split": data.split, "fingerprint": data.fingerprint(), "examples": len(data)},
            "model": None if model is None else {"name": model.name, "fingerprint": model.fingerprint},
            "methods": {each.method: each.params for each in methods},
            "metrics": [
                {"metric": w.metric.name, "variant": w.variant, "version": w.metric.version, **w.options}
                for w in wanted
            ],
            "seed": seed,
            "truncated": scorer.truncated,
            "engine": None if engine is None else {k: v for k, v in vars(engine.tally).items() if k != "lengths"},
        },
    )


def _refuse_equal_names(methods: Sequence[Explanations]) -> None:
    names = [each.method for each in methods]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two sets of rationales are called '{twice[0]}'; give one of them another name")


def _possible(
    wanted: list[Wanted],
    asked: bool,
    data: RationaleDataset,
    model: TaskModel | None,
    methods: Sequence[Explanations],
) -> list[Wanted]:
    """Metrics whose needs are met; one asked for by name whose needs are not met is an error."""
    kept = []
    for each in wanted:
        lacks = None
        if "model" in each.metric.needs and model is None:
            lacks = "a model (--model)"
        elif "scores" in each.metric.needs and not methods:
            lacks = "rationales (--methods, or scores from a file)"
        elif "classes" in each.metric.needs and data.task.kind == "multiple_choice":
            lacks = "the same choices for every example, which a multiple-choice task does not have"
        if lacks is None:
            kept.append(each)
        elif asked:
            raise UsageError(f"{each.metric.name} needs {lacks}")
    if not kept:
        raise UsageError("nothing can be scored: give rationales, a model, or both")
    return kept


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


def _counted(rows: Iterable[list[ScoreRow]], progress: Callable[[int], None] | None) -> Iterator[ScoreRow]:
    for example in rows:
        yield from example
        if progress is not None:
            progress(1)


class _Scorer:
    """Turns examples into questioners and their scores into rows; each yielded list is one example's rows."""

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
        self.on_scores = [each for each in wanted if "scores" in each.metric.needs]
        self.on_model = [each for each in wanted if not {"scores", "annotators"} & set(each.metric.needs)]
        self.on_humans = [
            each for each in wanted if "annotators" in each.metric.needs and "scores" not in each.metric.needs
        ]
        self.truncated = 0

    def with_model(self, engine: Engine) -> Iterator[list[ScoreRow]]:
        assert self.model is not None
        model = self.model

        def questioners() -> Iterator[Asks[list[ScoreRow]]]:
            for example, words, rationales in self._examples():
                encoding = model.encode(example, words)
                self.truncated += encoding.truncated
                yield self._ask(example, words, rationales, encoding)

        return engine.run(questioners())

    def without_model(self) -> Iterator[list[ScoreRow]]:
        for example, words, rationales in self._examples():
            yield _run_alone(self._ask(example, words, rationales, None))

    def _examples(self) -> Iterator[tuple[Example, tuple[Word, ...], list[WordScores]]]:
        readers = [_ById(each, self.data) for each in self.methods]
        for example in self.data:
            words = self.data.words(example)
            example = example if self.model is None else in_model_order(example, self.model)
            yield example, words, [reader.of(example, words) for reader in readers]

    def _ask(
        self,
        example: Example,
        words: tuple[Word, ...],
        rationales: list[WordScores],
        encoding: Encoding | None,
    ) -> Asks[list[ScoreRow]]:
        """All metrics of one example, advanced together so that their questions share passes."""
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
        return [
            ScoreRow(example.id, cluster, method, each.metric.name, each.variant, score)
            for (method, _, each), score in zip(jobs, scores, strict=True)
        ]

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


def together(asks: Sequence[Asks[Score]]) -> Asks[list[Score]]:
    """Advances several questioners as one: their open questions go out as one list."""
    scores: dict[int, Score] = {}
    open_: dict[int, tuple[Asks[Score], Sequence[Any]]] = {}

    def advance(place: int, questioner: Asks[Score], answers: list[NDArray[np.float64]] | None) -> None:
        try:
            open_[place] = (questioner, questioner.send(answers) if answers is not None else next(questioner))
        except StopIteration as stop:
            open_.pop(place, None)
            scores[place] = stop.value

    for place, questioner in enumerate(asks):
        advance(place, questioner, None)
    while open_:
        asked = list(open_.items())
        answers = iter((yield [question for _, (_, questions) in asked for question in questions]))
        for place, (questioner, questions) in asked:
            advance(place, questioner, [next(answers) for _ in questions])
    return [scores[place] for place in range(len(asks))]


def _run_alone(asks: Asks[list[ScoreRow]]) -> list[ScoreRow]:
    """Runs a questioner that asks nothing."""
    try:
        while True:
            if next(asks):
                raise UsageError("a metric asks a model, but none was given")
    except StopIteration as stop:
        rows: list[ScoreRow] = stop.value
        return rows


def in_model_order(example: Example, model: TaskModel) -> Example:
    """The example with its choices in the model's order, so that one index means one choice everywhere.

    Raises:
        UsageError: If the model chooses among other labels than the example offers.
    """
    if model.choices is None or example.choices == model.choices:
        return example
    if sorted(example.choices) != sorted(model.choices):
        raise UsageError(
            f"{model.name} chooses among {', '.join(model.choices)}, but example '{example.id}' offers "
            f"{', '.join(example.choices) or 'no choices'}; use a model trained for this task"
        )
    label = None if example.label is None else model.choices.index(example.choices[example.label])
    return replace(example, choices=model.choices, label=label)


class _ById:
    """Hands out one method's rationales example by example; reads along as long as the orders agree."""

    def __init__(self, explanations: Explanations, data: RationaleDataset):
        self.name, self.data = explanations.method, data
        self._next = iter(explanations)
        self._early: dict[str, WordScores] = {}

    def of(self, example: Example, words: tuple[Word, ...]) -> WordScores:
        found = self._early.pop(example.id, None)
        while found is None:
            read = next(self._next, None)
            if read is None:
                raise InputError(
                    f"the rationales of '{self.name}' have none for example '{example.id}' of {self.data.name} "
                    f"({self.data.split}); extract or import them for the same split and limit"
                )
            if read.example_id == example.id:
                found = read
            else:
                self._early[read.example_id] = read
        if found.words != words:
            raise InputError(
                f"the rationale of '{self.name}' for example '{example.id}' has other words than the data set; "
                "use the same data and the same word rule for both"
            )
        return found
