"""A full workspace: a hundred runs and a million rows of example scores, written by the program's own writers.

The runs of every kind are those of the tests' sample; the others are evaluations of generated texts with scores drawn
at random, and trainings with drawn losses. Their numbers mean nothing; sizes, files and formats are those of real runs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import ROOT
from rationale_eval import durable
from rationale_eval.data.example import Example
from rationale_eval.data.explanations import explanations_file
from rationale_eval.data.generated import generate
from rationale_eval.data.rationale import WordScores
from rationale_eval.data.words import Word, split_words
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.faithfulness import ERASER_BINS
from rationale_eval.metrics.record import METRICS, Score, undefined
from rationale_eval.training.journal import Journal
from rationale_eval.verbs.extract_run import FOLDER as RATIONALES
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.predictions import FILE, INPUT, Answered, predictions_file
from rationale_eval.verbs.result import EVALUATION, Result, ScoreRow, write_scores
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace

PLACE: Final = ROOT / ".bench" / "dashboard"
MADE: Final = "made.json"
VERSION: Final = 3
"""Raised whenever the workspace would hold something else."""

RUNS: Final = 100
ROWS: Final = 1_000_000
LARGEST: Final = 5_000
"""Examples of the largest evaluation, which has about half of all rows."""

TASK: Final = "keyword"
METHODS: Final = ("saliency", "input_x_gradient", "integrated_gradients", "leave_one_out", "attention", "lime")
CONTROLS: Final = ("random", "gold")
NAMES: Final = (
    "comprehensiveness_aopc",
    "sufficiency_aopc",
    "csd",
    "log_odds",
    "decision_flip",
    "deletion_auc",
    "insertion_auc",
    "tau_loo",
    "auprc",
    "average_precision",
    "roc_auc",
    "token_f1",
)
MISSING: Final = 0.02
"""Share of the examples on which a metric is not defined; why it is not lies in the example, so for all methods."""

WHY: Final = "no word of the input is seen and scored"
WITH_CURVES: Final = ("comprehensiveness_aopc", "sufficiency_aopc")


@dataclass(frozen=True, slots=True)
class Made:
    """The workspace.

    Args:
        workspace: Its folder.
        largest: The evaluation with most rows.
        pair: Two evaluations on the same data.
        audit: An audit.
        texts: An evaluation of free text.
        model: A training that began with the embedded MiniLM.
        runs: Number of runs.
        rows: Number of rows of example scores in all of them.
        version: See `VERSION`.
    """

    workspace: str
    largest: str
    pair: tuple[str, str]
    audit: str
    texts: str
    model: str
    runs: int
    rows: int
    version: int = VERSION


def make() -> Made:
    """The workspace, made where there is none yet (a few minutes)."""
    told = PLACE / MADE
    if told.is_file():
        known: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
        if known["version"] == VERSION:
            return Made(**known | {"pair": tuple(known["pair"])})
    from rationale_eval.verbs.train import train
    from tests.helpers.sample_workspace import make_sample

    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    place = Workspace(PLACE / "workspace")
    sample = make_sample(place.path)
    config = {"max_steps": 20, "batch_size": 16, "precision": "no"}
    model = train("fine_tune", "bundled/nli", model="embedded/minilm", config=config, workspace=place.path, seed=0).id
    rows = sum(rows_of(run) for run in place.runs("evaluate"))
    largest = evaluation(place, LARGEST, seed=0)
    rows += rows_of(largest)
    for seed in range((RUNS - len(place.runs())) // 3):
        training(place, seed)
    in_example = len(NAMES) * len((*METHODS, *CONTROLS)) + 1
    for seed in range(left := RUNS - len(place.runs()), 0, -1):
        added = evaluation(place, max(20, -(-(ROWS - rows) // (seed * in_example))), seed=left - seed + 1)
        rows += rows_of(added)
    found = Made(
        str(place.path), largest.id, (sample["evaluate"], sample["other"]), sample["audit"], sample["texts"],
        model, len(place.runs()), rows,
    )  # fmt: skip
    durable.write_json(told, {name: getattr(found, name) for name in Made.__slots__})
    return found


def rows_of(run: Run) -> int:
    """Rows of example scores of an evaluation."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(run.examples).num_rows)


def evaluation(place: Workspace, size: int, seed: int) -> Run:
    """A finished evaluation of generated texts, its scores and answers drawn."""
    load_all()
    data = generate(TASK, "test", size, 0)
    config = EvaluateConfig(
        data=data.origin.path, split="test", limit=size, methods=METHODS, controls=CONTROLS, metrics=NAMES, seed=seed
    )
    run = place.create_run(
        "evaluate",
        config.model_dump(mode="json"),
        data=data.origin.path,
        fingerprint=data.fingerprint(),
        seed=seed,
        command="python -m benchmarks.dashboard",
        about={"title": f"{len(METHODS)} methods on {size:,} texts, seed {seed}"},
    )
    examples = [(example, split_words(example)) for example in data]
    draw = np.random.default_rng(seed)
    with run.working():
        for method in (*METHODS, *CONTROLS):
            path = run.folder / RATIONALES / f"{method}.parquet"
            path.parent.mkdir(exist_ok=True)
            with explanations_file(path, method, {"target": "predicted"}, data) as add:
                for example, words in examples:
                    add(WordScores(example.id, method, words, draw.normal(size=len(words)), target=0))
        write_scores(_scores(examples, draw), run.examples)
        with predictions_file(run.folder / FILE) as answer:
            for example, _ in examples:
                shares = draw.dirichlet([1.0] * len(example.choices))
                answer(Answered(example.id, "model", INPUT, int(shares.argmax()), shares))
        about = {"name": data.name, "split": data.split, "fingerprint": data.fingerprint(), "examples": size}
        metrics = [{"metric": name, "variant": next(iter(METRICS[name].variants)), "version": 1} for name in NAMES]
        durable.write_json(
            run.folder / EVALUATION, {"data": about, "model": None, "methods": {}, "metrics": metrics, "seed": seed}
        )
        run.write_summary({"results": Result.load(run.folder).records(resamples=500)})
    return run


def _scores(examples: Sequence[tuple[Example, tuple[Word, ...]]], draw: np.random.Generator) -> Iterator[ScoreRow]:
    kinds = [(name, next(iter(METRICS[name].variants))) for name in NAMES]
    better = {method: 0.04 * place for place, method in enumerate((*CONTROLS, *METHODS))}
    for example, _ in examples:
        yield ScoreRow(example.id, None, "model", "accuracy", "default", Score(float(draw.random() < 0.8)))
        missing = {metric for metric, _ in kinds if draw.random() < MISSING}
        for method in (*METHODS, *CONTROLS):
            for metric, variant in kinds:
                score = undefined(WHY) if metric in missing else _score(metric, better[method], draw)
                yield ScoreRow(example.id, None, method, metric, variant, score)


def _score(metric: str, better: float, draw: np.random.Generator) -> Score:
    curve: NDArray[np.float64] | None = None
    if metric in WITH_CURVES:
        curve = np.sort(draw.normal(better, 0.2, len(ERASER_BINS)))
    value = float(draw.normal(better, 0.2)) if curve is None else float(curve.mean())
    return Score(value, curve=curve)


def training(place: Workspace, seed: int) -> Run:
    """A finished training of 600 steps, its losses drawn."""
    config = {"data": "bundled/nli", "split": "train", "model": "embedded/minilm", "recipe": "fine_tune", "seed": seed}
    run = place.create_run(
        "train", config | {"config": {"epochs": 3}, "device": "cpu"}, data="bundled/nli", seed=seed,
        command="python -m benchmarks.dashboard", about={"title": f"fine_tune, seed {seed}"},
    )  # fmt: skip
    draw = np.random.default_rng(seed)
    with run.working():
        journal = Journal(run.metrics_file)
        for step in range(1, 601):
            loss = float(np.exp(-step / 200) + abs(draw.normal(0, 0.05)))
            journal.record(step, {"loss": loss, "loss/task": loss, "lr": 1e-4 * (1 - step / 600)})
            if step % 100 == 0:
                journal.record(step, {"dev/accuracy": 0.9 - loss / 2, "dev/loss": loss})
        journal.close()
        run.write_summary({"recipe": "fine_tune", "metrics": {"accuracy": 0.8}, "steps": 600, "seconds": 60.0})
    return run
