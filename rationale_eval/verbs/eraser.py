"""`evaluate --format eraser`: an ERASER prediction file against the benchmark's annotations, without a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rationale_eval.data.eraser import EraserBenchmark
from rationale_eval.data.eraser_predictions import read_predictions
from rationale_eval.durable import sha256
from rationale_eval.errors import InputError
from rationale_eval.metrics.eraser import score_eraser
from rationale_eval.metrics.plausibility_spans import THRESHOLD
from rationale_eval.verbs.result import Result, ScoreRow, write_scores


def score_predictions(
    data_dir: Path,
    split: str | None,
    predictions: Path,
    *,
    iou_thresholds: Sequence[float] = (THRESHOLD,),
    aopc_thresholds: Sequence[float] | None = None,
    out: Path | None = None,
) -> Result:
    """Scores a prediction file; a unit is an annotation, or one of its documents for highlights.

    Args:
        data_dir: The benchmark folder.
        split: Its split; None takes test, else validation, else train.
        predictions: The prediction file (JSONL). Its stem is the method's name.
        iou_thresholds: Least IOU of a match.
        aopc_thresholds: Thresholds to average over; None takes those of the file.
        out: Parquet file for the scores; a temporary one by default.

    Raises:
        InputError: If a file is missing or wrong; it names file, row and field.
    """
    predictions = Path(predictions)
    if not predictions.is_file():
        raise InputError("there is no such prediction file", file=str(predictions))
    benchmark = EraserBenchmark(data_dir, split)

    @cache
    def length(docid: str) -> int:
        return len(benchmark.tokens(docid))

    def rows() -> Iterator[ScoreRow]:
        for each in score_eraser(
            benchmark.annotations(),
            read_predictions(predictions),
            length,
            iou_thresholds=iou_thresholds,
            aopc_thresholds=aopc_thresholds,
            file=predictions.name,
        ):
            yield ScoreRow(each.unit, each.cluster, predictions.stem, each.metric, each.variant, each.score)

    path = write_scores(rows(), out)
    return Result(
        path,
        {
            "format": "eraser",
            "data": {
                "folder": str(data_dir),
                "split": benchmark.split,
                "sha256": sha256(Path(data_dir) / benchmark.source.name),
            },
            "predictions": {"file": str(predictions), "sha256": sha256(predictions)},
            "iou_thresholds": list(iou_thresholds),
            "aopc_thresholds": "those of the file" if aopc_thresholds is None else list(aopc_thresholds),
        },
    )


def evaluate_eraser(
    data_dir: Path, split: str | None, predictions: Path, **options: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Scores a prediction file and sums it up.

    Args:
        data_dir: The benchmark folder.
        split: Its split.
        predictions: The prediction file.
        options: Further arguments of `score_predictions`.

    Returns:
        Summary records (metric, variant, value, ci_low, ci_high, n, coverage, direction ...) and the provenance.

    Raises:
        InputError: If a file is wrong, or no prediction carries anything that can be scored.
    """
    result = score_predictions(data_dir, split, predictions, **options)
    if not len(result.examples()):
        problem = "holds nothing to score: no rationales, labels or probabilities, or no annotations to score them with"
        raise InputError(problem, file=str(predictions))
    return result.records(), result.provenance
