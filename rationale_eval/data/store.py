"""Imported outputs, written in our own form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rationale_eval.data.align import Merge
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.importing import import_predictions, import_scores, import_texts
from rationale_eval.data.outputs import Outputs, Prediction, TextRationale
from rationale_eval.data.rationale import Explanations, WordScores
from rationale_eval.durable import whole_file

Kind = Literal["scores", "predictions", "texts"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written: the name of the method or system, and how many rows."""

    name: str
    rows: int


def import_file(
    file: Path,
    data: RationaleDataset,
    out: Path,
    *,
    kind: Kind = "scores",
    name: str | None = None,
    merge: Merge = "sum",
) -> Imported:
    """Checks a file of another tool and writes what it holds; nothing is written if any row is bad.

    Args:
        file: The other tool's file.
        data: The data set it is about.
        out: The file to write: Parquet for scores, JSONL for predictions and texts.
        kind: What the rows hold.
        name: Name of the method or system; by default the file's name.
        merge: How token scores become word scores.

    Raises:
        InputError: Naming the first row that does not fit.
    """
    if kind == "scores":
        from rationale_eval.data.explanations import save_explanations

        scores = import_scores(file, data, method=name, merge=merge)
        rows = 0

        def counted() -> Iterator[WordScores]:
            nonlocal rows
            for one in scores:
                rows += 1
                yield one

        save_explanations(Explanations(scores.method, counted, scores.params), out, data)
        return Imported(scores.method, rows)
    read = import_predictions if kind == "predictions" else import_texts
    found: Outputs[Prediction] | Outputs[TextRationale] = read(file, data, system=name)
    rows = 0
    with whole_file(out) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as stream:
        for one in found:
            stream.write(json.dumps(_record(one), ensure_ascii=False, allow_nan=False) + "\n")
            rows += 1
    return Imported(found.system, rows)


def _record(one: Prediction | TextRationale) -> dict[str, Any]:
    if isinstance(one, TextRationale):
        return {"id": one.example_id, "rationale": one.text, "target": one.target}
    chances = None if one.probabilities is None else one.probabilities.tolist()
    return {"id": one.example_id, "label": one.label, "probabilities": chances}
