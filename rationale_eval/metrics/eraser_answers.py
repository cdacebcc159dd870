"""The ERASER scorer's label and faithfulness numbers: what needs no highlights, only labels and probabilities.

`metrics.eraser` says how these numbers are defined and where they deviate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rationale_eval.data.eraser import EraserAnnotation
from rationale_eval.data.eraser_predictions import EraserPrediction, Probabilities
from rationale_eval.errors import InputError
from rationale_eval.metrics.faithfulness_entropy import divergence, entropy_drop
from rationale_eval.metrics.record import Score, undefined
from rationale_eval.metrics.task import confusion
from rationale_eval.metrics.task_classes import FORMULAS, class_sums

Length = Callable[[str], int]
"""Number of tokens of a document, by its id."""


@dataclass(frozen=True, slots=True, eq=False)
class EraserScore:
    """One number of one unit.

    Args:
        unit: Annotation id, or annotation and document id where an annotation has several documents.
        cluster: The annotation's first document: annotations about one document are not independent.
        metric: Metric name.
        variant: Variant name.
        score: The value, or why there is none.
    """

    unit: str
    cluster: str
    metric: str
    variant: str
    score: Score


Answers = Mapping[str, EraserPrediction]
"""Predictions by annotation id."""

REPORTS: Final = (
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
)


def score_labels(gold: Sequence[EraserAnnotation], answers: Answers) -> Iterator[EraserScore]:
    """Accuracy and the classification report; nothing if no prediction names a label."""
    said = {name: each.classification for name, each in answers.items() if each.classification is not None}
    if not said:
        return
    labels = sorted({each.classification for each in gold} | set(said.values()))
    place = {label: i for i, label in enumerate(labels)}
    for each in gold:
        cluster = each.docids[0]
        if each.id not in said:
            yield EraserScore(each.id, cluster, "accuracy", "eraser", undefined("no predicted label"))
            continue
        label, answer = place[each.classification], place[said[each.id]]
        right = float(label == answer)
        yield EraserScore(each.id, cluster, "accuracy", "eraser", Score(right))
        matrix = confusion(label, answer, len(labels))
        for name in REPORTS:
            yield EraserScore(each.id, cluster, name, "eraser", Score(right, parts=matrix))
        for i, name in enumerate(labels):
            for quantity in FORMULAS:
                sums = class_sums(label, answer, i, quantity)
                yield EraserScore(each.id, cluster, f"class_{quantity}", name, Score(right, parts=sums))


def score_erasure(
    gold: Sequence[EraserAnnotation], answers: Answers, thresholds: Sequence[float] | None, file: str
) -> Iterator[EraserScore]:
    """Comprehensiveness and sufficiency (drop, entropy and KL forms) and their AOPC, as far as predictions carry them.

    Args:
        gold: The annotations.
        answers: Predictions by annotation id, checked.
        thresholds: AOPC thresholds, None for those of the file.
        file: Name of the prediction file.

    Raises:
        InputError: If a prediction with thresholds lacks one of them.
    """
    for family in ("comprehensiveness", "sufficiency"):
        if any(_at(each, family) is not None for each in answers.values()):
            for each in gold:
                yield from _drops(each, answers.get(each.id), family)
    several = [each for each in answers.values() if each.thresholded]
    if not several:
        return
    wanted = thresholds if thresholds is not None else sorted({one.threshold for one in several[0].thresholded})
    for prediction in several:
        held = {one.threshold for one in prediction.thresholded}
        lost = set(wanted) - held if thresholds is not None else set(wanted) ^ held
        if lost:
            problem = f"the threshold {min(lost):g} is not in every prediction; all must have the same ones"
            raise InputError(problem, file=file, row=prediction.row, field="thresholded_scores")
    for each in gold:
        yield from _curves(each, answers.get(each.id), wanted)


def _at(prediction: EraserPrediction, family: str) -> Probabilities | None:
    return prediction.comprehensiveness if family == "comprehensiveness" else prediction.sufficiency


def _drops(annotation: EraserAnnotation, prediction: EraserPrediction | None, family: str) -> Iterator[EraserScore]:
    whole = None if prediction is None else prediction.scores
    part = None if prediction is None else _at(prediction, family)
    unit, cluster = annotation.id, annotation.docids[0]
    if prediction is None or prediction.classification is None or whole is None or part is None:
        for ending in ("", "_entropy", "_kl"):
            yield EraserScore(unit, cluster, family + ending, "eraser", undefined("no probabilities to compare"))
        return
    label = prediction.classification
    before, after = (np.array([scores[name] for name in whole], dtype=np.float64) for scores in (whole, part))
    yield EraserScore(unit, cluster, family, "eraser", Score(whole[label] - part[label]))
    yield EraserScore(unit, cluster, f"{family}_entropy", "eraser", entropy_drop(before, after))
    yield EraserScore(unit, cluster, f"{family}_kl", "eraser", divergence(before, after))


def _curves(
    annotation: EraserAnnotation, prediction: EraserPrediction | None, thresholds: Sequence[float]
) -> Iterator[EraserScore]:
    unit, cluster = annotation.id, annotation.docids[0]
    names = ("comprehensiveness_aopc", "sufficiency_aopc")
    whole = None if prediction is None else prediction.scores
    if prediction is None or prediction.classification is None or whole is None or not prediction.thresholded:
        for name in names:
            yield EraserScore(unit, cluster, name, "eraser", undefined("no probabilities to compare"))
        return
    label, held = prediction.classification, {one.threshold: one for one in prediction.thresholded}
    points = [held[threshold] for threshold in thresholds]
    removed = np.array([whole[label] - point.comprehensiveness[label] for point in points])
    alone = np.array([whole[label] - point.sufficiency[label] for point in points])
    for name, curve in zip(names, (removed, alone), strict=True):
        yield EraserScore(unit, cluster, name, "eraser", Score(float(curve.mean()), curve=curve))


def score_flip(gold: Sequence[EraserAnnotation], answers: Answers, length: Length) -> Iterator[EraserScore]:
    """Share of the tokens of the evidence documents that were removed until the label flipped."""
    if all(each.tokens_to_flip is None for each in answers.values()):
        return
    for annotation in gold:
        prediction = answers.get(annotation.id)
        flip = None if prediction is None else prediction.tokens_to_flip
        tokens = sum(length(docid) for docid in annotation.gold())
        if flip is None:
            score = undefined("no tokens_to_flip")
        elif not tokens:
            score = undefined("no evidence document")
        else:
            score = Score(flip / tokens)
        yield EraserScore(annotation.id, annotation.docids[0], "decision_flip", "eraser", score)
