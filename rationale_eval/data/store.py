"""Imported outputs, written in our own form."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from rationale_eval.data.align import Merge
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.importing import import_predictions, import_scores, import_texts
from rationale_eval.data.outputs import Outputs, Prediction, TextRationale
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.data.rejections import Rejections
from rationale_eval.durable import whole_file

Kind = Literal["scores", "predictions", "texts"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written.

    Args:
        name: The name of the method or system.
        rows: Rows that fit.
        facts: Counts worth knowing at once, by name.
    """

    name: str
    rows: int
    facts: Mapping[str, int]


class _DoNotFit(Exception):
    """Some rows do not fit, so nothing is written."""


def import_file(
    file: Path,
    data: RationaleDataset,
    out: Path,
    *,
    kind: Kind = "scores",
    name: str | None = None,
    merge: Merge = "sum",
    rejections: Rejections | None = None,
) -> Imported:
    """Checks a file of another tool and writes what it holds; nothing is written if any row is bad.

    Args:
        file: The other tool's file.
        data: The data set it is about.
        out: The file to write: Parquet for scores, JSONL for predictions and texts.
        kind: What the rows hold.
        name: Name of the method or system; by default the file's name.
        merge: How token scores become word scores.
        rejections: Gets all rows that do not fit; without it the first one raises.

    Raises:
        InputError: Naming the first row that does not fit.
    """
    facts: Counter[str] = Counter()
    if kind == "scores":
        from rationale_eval.data.explanations import save_explanations

        scores = import_scores(file, data, method=name, merge=merge, rejections=rejections)
        counted = _counted(scores, rejections, facts, _score_facts)
        with suppress(_DoNotFit):
            save_explanations(Explanations(scores.method, lambda: counted, scores.params), out, data)
        return Imported(scores.method, facts["rows"], {name: count for name, count in facts.items() if name != "rows"})
    read = import_predictions if kind == "predictions" else import_texts
    found: Outputs[Prediction] | Outputs[TextRationale] = read(file, data, system=name, rejections=rejections)
    answers = {example.id: example.label for example in data} if kind == "predictions" else {}
    rows: Iterable[Prediction | TextRationale] = found
    with (
        suppress(_DoNotFit),
        whole_file(out) as temporary,
        open(temporary, "w", encoding="utf-8", newline="\n") as stream,
    ):
        for one in _counted(rows, rejections, facts, partial(_facts, answers)):
            stream.write(json.dumps(_record(one), ensure_ascii=False, allow_nan=False) + "\n")
    return Imported(found.system, facts["rows"], {name: count for name, count in facts.items() if name != "rows"})


def _counted(
    rows: Iterable[T], rejections: Rejections | None, facts: Counter[str], tell: Callable[[T], Mapping[str, int]]
) -> Iterator[T]:
    for one in rows:
        facts["rows"] += 1
        facts.update(tell(one))
        yield one
    if rejections is not None and len(rejections):
        raise _DoNotFit


def _score_facts(one: WordScores) -> dict[str, int]:
    return {"words": len(one.words), "words without a score": int(np.isnan(one.scores).sum())}


def _facts(answers: Mapping[str, int | None], one: Prediction | TextRationale) -> dict[str, int]:
    if isinstance(one, TextRationale):
        return {"words": len(one.text.split()), "empty texts": int(not one.text.strip())}
    truth = answers[one.example_id]
    return {"labelled": int(truth is not None), "right": int(truth is not None and one.label == truth)}


def _record(one: Prediction | TextRationale) -> dict[str, Any]:
    if isinstance(one, TextRationale):
        return {"id": one.example_id, "rationale": one.text, "target": one.target}
    chances = None if one.probabilities is None else one.probabilities.tolist()
    return {"id": one.example_id, "label": one.label, "probabilities": chances}
