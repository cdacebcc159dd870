"""Precision, recall and F1 class by class, and their macro and weighted averages, as in a classification report.

All values come from the confusion matrix of all examples. As in `task`, an example without a usable gold label is
undefined; for multiple choice, where the place of an option is no class, these numbers mean nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import Floats, f1_of_sums, guarded, ratio_of_sums
from rationale_eval.metrics.record import Reduce, Score, metric, undefined
from rationale_eval.metrics.task import CLASS_TASK, NO_LABEL, confusion

if TYPE_CHECKING:
    from rationale_eval.engine.case import Asks, Case

Quantity = Literal["precision", "recall", "f1"]
Average = Literal["macro", "weighted"]


def class_sums(label: int, prediction: int, choice: int, quantity: Quantity) -> Floats:
    """What one example adds to the precision, recall or F1 of one class.

    Args:
        label: Its gold class.
        prediction: Its predicted class.
        choice: The class looked at.
        quantity: "precision" gives (hits, predicted), "recall" (hits, gold), "f1" both after each other.
    """
    hit, predicted, gold = float(label == prediction == choice), float(prediction == choice), float(label == choice)
    sums = {"precision": [hit, predicted], "recall": [hit, gold], "f1": [hit, predicted, hit, gold]}
    return np.array(sums[quantity])


def average_of(quantity: Quantity, average: Average) -> Reduce:
    """The function from summed confusion matrices `[..., classes * classes]` (rows: gold) to an average `[...]`.

    "macro" is the plain mean over the classes that occur in gold or prediction, "weighted" the mean weighted by the
    gold count. A class never predicted has precision 0, one never in gold recall 0.
    """

    def reduce(sums: Floats) -> Floats:
        classes = round(np.sqrt(sums.shape[-1]))
        matrix = sums.reshape(*sums.shape[:-1], classes, classes)
        hits, gold, predicted = np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(axis=-1), matrix.sum(axis=-2)
        below = {"precision": predicted, "recall": gold, "f1": (gold + predicted) / 2}[quantity]
        weight = gold if average == "weighted" else ((gold + predicted) > 0).astype(np.float64)
        total = weight.sum(axis=-1)
        return np.where(total == 0, np.nan, guarded((guarded(hits, below) * weight).sum(axis=-1), total))

    return reduce


def _ask(case: Case) -> Asks[tuple[int, int, int] | None]:
    """Gold class, predicted class and number of classes; None without a usable label."""
    probabilities = (yield [case.whole()])[0]
    label = case.example.label
    if label is None or not 0 <= label < len(probabilities):
        return None
    return label, int(np.argmax(probabilities)), len(probabilities)


FORMULAS: Final[dict[Quantity, str]] = {
    "precision": "TP_c / (TP_c + FP_c)",
    "recall": "TP_c / (TP_c + FN_c)",
    "f1": "2 TP_c / (2 TP_c + FP_c + FN_c)",
}

REDUCES: Final[dict[Quantity, Reduce]] = {"precision": ratio_of_sums, "recall": ratio_of_sums, "f1": f1_of_sums}

COMMON: Final[dict[str, Any]] = {
    **CLASS_TASK,
    "direction": "higher",
    "range": (0.0, 1.0),
    "best": 1.0,
    "cite": "Manning, Raghavan and Schütze 2008, sections 8.3 and 13.6; scikit-learn classification_report",
}


def _register_class(quantity: Quantity) -> None:
    def ask(case: Case, *, choice: int = 0) -> Asks[Score]:
        """Adds one example to the counts of class number `choice`; its own value is 1 if it is right, else 0."""
        if choice < 0:
            raise UsageError(f"a class is a number from 0, not {choice}")
        found = yield from _ask(case)
        if found is None:
            return undefined(NO_LABEL)
        label, prediction, classes = found
        if choice >= classes:
            return undefined(f"there is no class {choice}")
        return Score(float(label == prediction), parts=class_sums(label, prediction, choice, quantity))

    metric(
        f"class_{quantity}",
        **COMMON,
        symbol=f"{quantity[0].upper()}_c",
        title=f"{quantity.capitalize()} of one class",
        variants={"choice_0": {}, "choice_1": {"choice": 1}, "choice_2": {"choice": 2}},
        formula=FORMULAS[quantity],
        describe=(f"The {quantity} of one class against all others, which shows what a mean over classes hides."),
        avoid=(
            "Not for comparing classes of different size without their intervals, nor for multiple choice, where the "
            "place of an option is no class."
        ),
        reduce=REDUCES[quantity],
    )(ask)


def _register_average(quantity: Quantity, average: Average) -> None:
    def ask(case: Case) -> Asks[Score]:
        """Adds one example to the confusion matrix; its own value is 1 if it is right, else 0."""
        found = yield from _ask(case)
        if found is None:
            return undefined(NO_LABEL)
        label, prediction, classes = found
        return Score(float(label == prediction), parts=confusion(label, prediction, classes))

    metric(
        f"{average}_{quantity}",
        **COMMON,
        symbol=f"{average[0]}{quantity[0].upper()}",
        title=f"{average.capitalize()} {quantity}",
        variants={"default": {}},
        formula=f"{'' if average == 'macro' else 'gold-weighted '}mean over classes c of {FORMULAS[quantity]}",
        describe=(
            f"The {quantity} of all classes in one number"
            + (", every class counting the same." if average == "macro" else ", frequent classes counting more.")
        ),
        avoid="Not for multiple choice, where the place of an option is no class.",
        reduce=average_of(quantity, average),
    )(ask)


for _quantity in FORMULAS:
    _register_class(_quantity)
    _register_average(_quantity, "weighted")
# Macro F1 has its place in `task`.
_register_average("precision", "macro")
_register_average("recall", "macro")
