"""The ERASER scorer: a prediction file against annotations, without a model (DeYoung et al. 2020, released scorer).

Highlights are scored for each key (annotation, document), labels and probabilities for each annotation. Every corpus
value is the one the benchmark's scorer publishes; where our metric of the same name decides an edge case differently,
its own variants do so when a model and a data set are scored, and the rows made here keep the scorer's ways:

- A key counts in token and exact-span macro values if gold or prediction marks anything in it; precision is 0 where
  nothing is predicted, recall 0 where gold marks nothing, F1 0 where either is.
- IOU: a key without predicted spans is absent from macro precision, one without gold from macro recall; a gold span
  can be credited twice.
- AUPRC of a document whose gold marks nothing is 0.5; average precision and ROC-AUC leave such documents out.
- Probabilities are read at the *predicted* label, the same one in all distributions.

Deviations, each where the scorer stops or shows infinity: an empty denominator gives 0 or an undefined value; a KL
divergence that is infinite is undefined; a missing prediction is undefined for labels and probabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.eraser import EraserAnnotation
from rationale_eval.data.eraser_predictions import EraserPrediction, EraserRationale, Probabilities
from rationale_eval.data.example import Span
from rationale_eval.errors import InputError
from rationale_eval.metrics.eraser_answers import EraserScore, Length, score_erasure, score_flip, score_labels
from rationale_eval.metrics.plausibility import EMPTY_GOLD
from rationale_eval.metrics.plausibility_passages import SIDES, value_of
from rationale_eval.metrics.plausibility_ranking import FULL_GOLD, auprc_of, average_precision_of, roc_auc_of
from rationale_eval.metrics.plausibility_spans import THRESHOLD, span_sums
from rationale_eval.metrics.plausibility_tokens import f1_of, precision_of, recall_of
from rationale_eval.metrics.record import Score, undefined


def score_eraser(
    annotations: Iterable[EraserAnnotation],
    predictions: Iterable[EraserPrediction],
    length: Length,
    *,
    iou_thresholds: Sequence[float] = (THRESHOLD,),
    aopc_thresholds: Sequence[float] | None = None,
    file: str = "predictions",
) -> Iterator[EraserScore]:
    """Scores predictions; quantities that no prediction carries give no rows.

    Args:
        annotations: Gold.
        predictions: What a system says, at most one for each annotation.
        length: Number of tokens of a document.
        iou_thresholds: Least IOU of a match; 0.5 is called "macro" and "micro", others "macro@0.3" and so on.
        aopc_thresholds: The erasure thresholds to average over; None takes those of the file, which every prediction
            must then have.
        file: Name of the prediction file, for messages.

    Yields:
        One score for each unit, metric and variant.

    Raises:
        InputError: If a prediction answers no annotation, names a document or token that is not there, has not one
            score for each token, lacks its own label among its probabilities, or lacks a threshold.
    """
    gold = list(annotations)
    answers = {each.id: each for each in predictions}
    unknown = set(answers) - {each.id for each in gold}
    if unknown:
        lost = min((answers[name] for name in unknown), key=lambda each: each.row or 0)
        raise InputError(
            f"'{lost.id[:80]}' is not an annotation of this split", file=file, row=lost.row, field="annotation_id"
        )
    for answer in answers.values():
        _check(answer, length, file)
    rationales = [one for each in answers.values() for one in each.rationales]
    for annotation in gold:
        given = answers.get(annotation.id)
        if any(one.hard is not None for one in rationales):
            yield from _hard(annotation, given, iou_thresholds)
        if any(one.soft is not None for one in rationales):
            yield from _soft(annotation, given)
    yield from score_labels(gold, answers)
    yield from score_erasure(gold, answers, aopc_thresholds, file)
    yield from score_flip(gold, answers, length)


def _check(prediction: EraserPrediction, length: Length, file: str) -> None:
    def wrong(problem: str, field: str) -> InputError:
        return InputError(problem, file=file, row=prediction.row, field=field)

    named = [one.docid for one in prediction.rationales]
    if len(set(named)) < len(named):
        raise wrong("names a document twice", "rationales")
    for one in prediction.rationales:
        try:
            tokens = length(one.docid)
        except InputError as error:
            raise wrong(error.problem, "rationales") from error
        if one.hard and max(end for _, end in one.hard) > tokens:
            raise wrong(f"a span ends beyond the {tokens} tokens of '{one.docid[:80]}'", "hard_rationale_predictions")
        if one.soft is not None and len(one.soft) != tokens:
            raise wrong(
                f"has {len(one.soft)} scores for the {tokens} tokens of '{one.docid[:80]}'; give one for each",
                "soft_rationale_predictions",
            )
        if one.soft is not None and not np.isfinite(one.soft).all():
            raise wrong("holds a score that is not a finite number", "soft_rationale_predictions")
    for field, scores in _distributions(prediction):
        if prediction.classification is None:
            raise wrong("is missing, but the probabilities are read at the predicted label", "classification")
        if prediction.classification not in scores:
            raise wrong(f"has no probability for the predicted label '{prediction.classification[:80]}'", field)
        if not all(np.isfinite(value) and value >= 0 for value in scores.values()) or not sum(scores.values()):
            raise wrong("holds numbers that are not probabilities", field)
        if prediction.scores is not None and set(scores) != set(prediction.scores):
            raise wrong("names other labels than classification_scores", field)


def _distributions(prediction: EraserPrediction) -> Iterator[tuple[str, Probabilities]]:
    plain = {
        "classification_scores": prediction.scores,
        "comprehensiveness_classification_scores": prediction.comprehensiveness,
        "sufficiency_classification_scores": prediction.sufficiency,
    }
    yield from ((field, scores) for field, scores in plain.items() if scores is not None)
    for each in prediction.thresholded:
        yield "thresholded_scores", each.comprehensiveness
        yield "thresholded_scores", each.sufficiency


def _unit(annotation: EraserAnnotation, docid: str) -> str:
    return annotation.id if annotation.docids == (docid,) else f"{annotation.id} {docid}"


def _rationales(prediction: EraserPrediction | None) -> Mapping[str, EraserRationale]:
    return {} if prediction is None else {one.docid: one for one in prediction.rationales}


def _mask(spans: Sequence[Span], size: int) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=bool)
    for start, end in spans:
        mask[start:end] = True
    return mask


def _hard(
    annotation: EraserAnnotation, prediction: EraserPrediction | None, thresholds: Sequence[float]
) -> Iterator[EraserScore]:
    gold = annotation.gold()
    said = {docid: one.hard for docid, one in _rationales(prediction).items() if one.hard}
    for docid in {**gold, **said}:
        unit, cluster = _unit(annotation, docid), annotation.docids[0]
        spans, truth = list(said.get(docid, ())), list(gold.get(docid, ()))
        size = max(end for _, end in spans + truth)
        chosen, marked = _mask(spans, size), _mask(truth, size)
        hits, selected, there = int((chosen & marked).sum()), int(chosen.sum()), int(marked.sum())
        sums = np.array([hits, selected, hits, there], dtype=np.float64)
        exact = span_sums({docid: spans}, {docid: truth}, "micro", 1.0)
        precision, recall = precision_of(marked, chosen), recall_of(marked, chosen)
        macro = {"precision": precision, "recall": recall, "f1": f1_of(marked, chosen)}
        for side, places in SIDES.items():
            yield EraserScore(unit, cluster, f"token_{side}", "macro", Score(macro[side]))
            yield EraserScore(unit, cluster, f"token_{side}", "micro", Score(macro[side], parts=sums[places]))
            span = value_of(exact, side)
            yield EraserScore(unit, cluster, f"span_{side}", "macro", Score(span))
            yield EraserScore(unit, cluster, f"span_{side}", "micro", Score(span, parts=exact[places]))
        for threshold in thresholds:
            ending = "" if threshold == THRESHOLD else f"@{threshold:g}"
            for average in ("macro", "micro"):
                iou = span_sums({docid: spans}, {docid: truth}, average, threshold)
                for side, places in SIDES.items():
                    score = Score(value_of(iou, side), parts=iou[places])
                    yield EraserScore(unit, cluster, f"iou_{side}", average + ending, score)


def _soft(annotation: EraserAnnotation, prediction: EraserPrediction | None) -> Iterator[EraserScore]:
    gold = annotation.gold()
    for docid, one in _rationales(prediction).items():
        if one.soft is None or not len(one.soft):
            continue
        spans, size = gold.get(docid, ()), len(one.soft)
        if spans and max(end for _, end in spans) > size:
            raise InputError(f"the evidence of '{annotation.id[:80]}' ends beyond the {size} tokens of '{docid[:80]}'")
        truth = _mask(spans, size)
        unit, cluster = _unit(annotation, docid), annotation.docids[0]
        yield EraserScore(unit, cluster, "auprc", "eraser", Score(auprc_of(truth, one.soft)))
        single = EMPTY_GOLD if not truth.any() else FULL_GOLD if truth.all() else ""
        for name, measure in (("average_precision", average_precision_of), ("roc_auc", roc_auc_of)):
            score = undefined(single) if single else Score(measure(truth, one.soft))
            yield EraserScore(unit, cluster, name, "eraser", score)
