"""A finished evaluation made from numbers that a test chooses: files as `evaluate` leaves them, without a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.explanations import save_explanations
from rationale_eval.data.load import load_dataset
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.data.schema import to_record
from rationale_eval.metrics.record import Score
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.predictions import FILE, Answered, predictions_file
from rationale_eval.verbs.result import EVALUATION, ScoreRow, write_scores
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace

CHOICES = ("no", "yes")


def examples(
    texts: Sequence[str], labels: Sequence[int | None], evidence: Mapping[int, Any] | None = None
) -> list[Example]:
    """Examples of one text each: ids e0, e1 and so on, choices "no" and "yes"."""
    return [
        Example(f"e{place}", "toy", {"text": text}, CHOICES, label, evidence=(evidence or {}).get(place))
        for place, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]


def write_data(file: Path, held: Sequence[Example]) -> RationaleDataset:
    """A file of examples, and the data set it is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(to_record(each), ensure_ascii=False) + "\n" for each in held), encoding="utf-8")
    return load_dataset(file)


def make_evaluation(
    workspace: Workspace,
    data: RationaleDataset,
    scores: Mapping[tuple[str, str, str], Sequence[float | str]],
    *,
    words: Mapping[str, Sequence[Sequence[float]]] | None = None,
    answers: Sequence[Answered] = (),
    title: str = "made",
    texts: bool = False,
) -> Run:
    """A finished evaluation.

    Args:
        workspace: Where.
        data: A data set read from a file.
        scores: Method, metric and variant to one value for each example; a text is why there is none.
        words: Method to the word scores of each example.
        answers: What stands in `predictions.parquet`; no such file without any.
        title: Of the run.
        texts: Whether it is one of free texts.
    """
    methods = tuple((words or {}) if not texts else ())
    config = EvaluateConfig(data=data.origin.files[0], split=data.split, methods=methods, controls=())
    run = workspace.create_run("evaluate", config.record(), command="rationale-eval evaluate", about={"title": title})
    with run.working():
        rows = (
            ScoreRow(example.id, None, *kind, _score(values[place]))
            for place, example in enumerate(data)
            for kind, values in scores.items()
        )
        write_scores(rows, run.examples)
        for place, (method, each) in enumerate((words or {}).items()):
            found = [
                WordScores(example.id, method, data.words(example), np.array(values, dtype=float))
                for example, values in zip(data, each, strict=True)
            ]
            file = run.folder / "explanations" / f"{place}.parquet"  # a method's name may be no file's
            save_explanations(Explanations(method, lambda found=found: found), file, data)
        if answers:
            with predictions_file(run.folder / FILE) as keep:
                for one in answers:
                    keep(one)
        about = {"data": {"name": data.name, "split": data.split, "fingerprint": data.fingerprint()}}
        durable.write_json(run.folder / EVALUATION, about)
    return run


def _score(value: float | str) -> Score:
    return Score(float("nan"), value) if isinstance(value, str) else Score(float(value))
