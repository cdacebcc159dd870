"""ERASER prediction files: one JSON object for each annotation, every part but the id optional."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.eraser import read_string, read_token_span
from rationale_eval.data.example import Span
from rationale_eval.data.reading import read_rows
from rationale_eval.data.rejections import Rejection
from rationale_eval.data.source import FileSource
from rationale_eval.errors import InputError

Probabilities = Mapping[str, float]
"""Label name to probability."""


@dataclass(frozen=True, slots=True, eq=False)
class EraserRationale:
    """What was predicted for one document.

    Args:
        docid: The document.
        hard: Predicted passages as token spans, in order, without overlap; None where not given.
        soft: One score for each token of the document, float64 `[tokens]`; None where not given.
        soft_sentences: One score for each sentence, float64 `[sentences]`; None where not given.
    """

    docid: str
    hard: tuple[Span, ...] | None
    soft: NDArray[np.float64] | None
    soft_sentences: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class EraserThreshold:
    """Probabilities with the rationale at one threshold removed (`comprehensiveness`) and alone (`sufficiency`)."""

    threshold: float
    comprehensiveness: Probabilities
    sufficiency: Probabilities


@dataclass(frozen=True, slots=True, eq=False)
class EraserPrediction:
    """One line of a prediction file.

    Args:
        id: The annotation it answers.
        rationales: One for each document.
        classification: The predicted label, as a name, or None.
        scores: Probabilities of the labels on the whole input, or None.
        comprehensiveness: Probabilities with the rationale removed, or None.
        sufficiency: Probabilities on the rationale alone, or None.
        thresholded: The same at several thresholds; empty where not given.
        tokens_to_flip: Tokens removed until the label flipped, or None.
        row: Its row in the file, for messages.
    """

    id: str
    rationales: tuple[EraserRationale, ...] = ()
    classification: str | None = None
    scores: Probabilities | None = None
    comprehensiveness: Probabilities | None = None
    sufficiency: Probabilities | None = None
    thresholded: tuple[EraserThreshold, ...] = ()
    tokens_to_flip: float | None = None
    row: int | None = None


def read_predictions(path: Path | str) -> Iterator[EraserPrediction]:
    """Yields the predictions of a file, checked, one at a time.

    Raises:
        InputError: Naming file, row and field, at the first line that is no prediction or answers an annotation twice.
    """
    source = FileSource(Path(path))
    seen: set[str] = set()
    for row in read_rows(source, "jsonl"):
        if isinstance(row, Rejection):
            raise row.error()
        try:
            prediction = _prediction(row.values, row.number)
            if prediction.id in seen:
                raise InputError(f"'{prediction.id[:80]}' is answered twice", field="annotation_id")
        except InputError as error:
            raise InputError(error.problem, file=source.name, row=row.number, field=error.field) from error
        seen.add(prediction.id)
        yield prediction


def _prediction(values: Mapping[str, Any], row: int) -> EraserPrediction:
    return EraserPrediction(
        id=read_string(values, "annotation_id"),
        rationales=tuple(_rationale(one) for one in _list(values, "rationales")),
        classification=read_string(values, "classification") if values.get("classification") is not None else None,
        scores=_probabilities(values, "classification_scores"),
        comprehensiveness=_probabilities(values, "comprehensiveness_classification_scores"),
        sufficiency=_probabilities(values, "sufficiency_classification_scores"),
        thresholded=tuple(_threshold(one) for one in _list(values, "thresholded_scores")),
        tokens_to_flip=_number(values["tokens_to_flip"], "tokens_to_flip")
        if values.get("tokens_to_flip") is not None
        else None,
        row=row,
    )


def _rationale(value: Any) -> EraserRationale:
    if not isinstance(value, dict):
        raise InputError("holds something that is not an object", field="rationales")
    hard = value.get("hard_rationale_predictions")
    spans = None if hard is None else _hard(_list(value, "hard_rationale_predictions"))
    return EraserRationale(
        read_string(value, "docid"),
        spans,
        _scores(value, "soft_rationale_predictions"),
        _scores(value, "soft_sentence_predictions"),
    )


def _hard(values: list[Any]) -> tuple[Span, ...]:
    field = "hard_rationale_predictions"
    spans = sorted({read_token_span(one, field) for one in values})
    for before, after in pairwise(spans):
        if after[0] < before[1]:
            raise InputError(f"the passages {list(before)} and {list(after)} overlap; join them", field=field)
    return tuple(spans)


def _threshold(value: Any) -> EraserThreshold:
    field = "thresholded_scores"
    if not isinstance(value, dict):
        raise InputError("holds something that is not an object", field=field)
    removed = _probabilities(value, "comprehensiveness_classification_scores")
    alone = _probabilities(value, "sufficiency_classification_scores")
    if removed is None or alone is None:
        raise InputError(
            "needs comprehensiveness_classification_scores and sufficiency_classification_scores", field=field
        )
    return EraserThreshold(_number(value.get("threshold"), f"{field}.threshold"), removed, alone)


def _list(values: Mapping[str, Any], key: str) -> list[Any]:
    value = values.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError("is not a list", field=key)
    return value


def _number(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("is not a number", field=field)
    return float(value)


def _scores(values: Mapping[str, Any], key: str) -> NDArray[np.float64] | None:
    if values.get(key) is None:
        return None
    return np.array([_number(value, key) for value in _list(values, key)], dtype=np.float64)


def _probabilities(values: Mapping[str, Any], key: str) -> Probabilities | None:
    value = values.get(key)
    if value is None:
        return None
    if not isinstance(value, dict) or not value:
        raise InputError("is not an object of label names and probabilities", field=key)
    return {label: _number(one, key) for label, one in value.items()}
