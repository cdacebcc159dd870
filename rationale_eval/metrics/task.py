"""Is the model's answer right, and does its confidence mean what it says? Accuracy, macro-F1, ECE, log loss, Brier.

All ask the unperturbed input only. An example without a gold label, or whose label is not among its choices, is
undefined. The predicted choice is the most probable one; of equals, the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import guarded
from rationale_eval.metrics.record import Score, metric, undefined

if TYPE_CHECKING:
    from rationale_eval.engine.case import Asks, Case

Floats = NDArray[np.float64]

NO_LABEL: Final = "no gold label"
LEAST: Final = float(np.finfo(np.float64).eps)
"""Probabilities are raised to this before taking logarithms, as scikit-learn's log_loss does for float64."""


def confusion(label: int, prediction: int, classes: int) -> Floats:
    """One example's confusion matrix (rows: gold), flattened, `[classes * classes]`."""
    matrix = np.zeros((classes, classes))
    matrix[label, prediction] = 1.0
    return matrix.ravel()


def macro_f1_of_sums(sums: Floats) -> Floats:
    """Mean over classes of their F1.

    A class that occurs neither in gold nor among the predictions is left out (scikit-learn's default labels); a class
    that occurs but is never right has F1 0.

    Args:
        sums: Flattened confusion matrices `[..., classes * classes]`.

    Returns:
        `[...]`, 0 to 1; NaN for an empty matrix.
    """
    classes = round(np.sqrt(sums.shape[-1]))
    matrix = sums.reshape(*sums.shape[:-1], classes, classes)
    occurring = matrix.sum(axis=-1) + matrix.sum(axis=-2)
    scores = guarded(2 * np.diagonal(matrix, axis1=-2, axis2=-1), occurring)
    present = (occurring > 0).sum(axis=-1)
    return np.where(present == 0, np.nan, guarded(scores.sum(axis=-1), present))


def calibration_sums(confidence: float, correct: bool, bins: int) -> Floats:
    """One example's share of the reliability diagram: for each bin count, sum of confidence, sum of hits, `[3 * bins]`.

    Bin m of M holds confidences in ((m - 1) / M, m / M]; the first also holds 0.
    """
    sums = np.zeros((3, bins))
    place = min(bins - 1, max(0, int(np.ceil(confidence * bins)) - 1))
    sums[:, place] = 1.0, confidence, float(correct)
    return sums.ravel()


def ece_of_sums(sums: Floats) -> Floats:
    """Sum over bins of |hits - confidence| over the number of examples; `[..., 3 * bins]` to `[...]`."""
    counts, confidence, hits = np.split(sums, 3, axis=-1)
    total = counts.sum(axis=-1)
    return np.where(total == 0, np.nan, guarded(np.abs(hits - confidence).sum(axis=-1), total))


def log_loss_of(probabilities: Floats, label: int) -> float:
    """Minus the natural logarithm of the gold choice's probability, 0 to 36 (the probability is at least 2.2e-16)."""
    return float(-np.log(max(float(probabilities[label]), LEAST)))


def brier_of(probabilities: Floats, label: int) -> float:
    """Squared distance between the probabilities and the truth, summed over choices, 0 to 2 (Brier 1950)."""
    truth = np.zeros(len(probabilities))
    truth[label] = 1.0
    return float(((probabilities - truth) ** 2).sum())


def _answer(case: Case) -> Asks[tuple[Floats, int | None]]:
    """The model's answer to the whole input, and the gold label if there is a usable one."""
    probabilities = (yield [case.whole()])[0]
    label = case.example.label
    return probabilities, label if label is not None and 0 <= label < len(probabilities) else None


TASK: Final[dict[str, Any]] = {"family": "task", "needs": ("model", "label")}
CLASS_TASK: Final[dict[str, Any]] = {"family": "task", "needs": ("model", "label", "classes")}


@metric(
    "accuracy",
    **TASK,
    symbol="Acc",
    title="Accuracy",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    variants={"default": {}},
    cite="Manning, Raghavan and Schütze 2008, section 8.3",
    formula="mean of 1[argmax p(.|x) = y]",
    describe="The share of examples whose most probable choice is the gold one.",
    avoid="Not alone on unbalanced classes: naming the largest one always scores its share.",
)
def accuracy(case: Case) -> Asks[Score]:
    """1 if the most probable choice is the gold one, else 0; higher is better."""
    probabilities, label = yield from _answer(case)
    return undefined(NO_LABEL) if label is None else Score(float(np.argmax(probabilities) == label))


@metric(
    "macro_f1",
    **CLASS_TASK,
    symbol="mF1",
    title="Macro F1",
    direction="higher",
    range=(0.0, 1.0),
    best=1.0,
    variants={"default": {}},
    cite="Opitz and Burst 2019, equation 2 (mean of the class F1 scores)",
    formula="mean over classes c of 2 TP_c / (2 TP_c + FP_c + FN_c)",
    describe="Every class counts the same, however rare.",
    avoid=(
        "Not for multiple choice, where the place of an option is no class, nor for a handful of examples, where "
        "one of them moves a whole class."
    ),
    reduce=macro_f1_of_sums,
)
def macro_f1(case: Case) -> Asks[Score]:
    """Adds one example to the confusion matrix; its own value is 1 if it is right, else 0."""
    probabilities, label = yield from _answer(case)
    if label is None:
        return undefined(NO_LABEL)
    prediction = int(np.argmax(probabilities))
    return Score(float(prediction == label), parts=confusion(label, prediction, len(probabilities)))


@metric(
    "ece",
    **TASK,
    symbol="ECE",
    title="Expected calibration error",
    direction="lower",
    range=(0.0, 1.0),
    best=0.0,
    variants={"width_15": {"bins": 15}, "width_10": {"bins": 10}},
    cite="Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017, equation 3",
    formula="sum over bins m of n_m / n |acc(m) - conf(m)|; bins of equal width, ((m - 1) / M, m / M]",
    describe="By how much confidence and accuracy differ, on average over bins of equal width.",
    avoid=(
        "Not on few examples, where it is biased upwards, nor for comparing different bins or sizes. It does not "
        "say who is more accurate."
    ),
    reduce=ece_of_sums,
)
def ece(case: Case, *, bins: int = 15) -> Asks[Score]:
    """Adds one example to the reliability diagram; its own value is |1[right] - confidence|.

    Args:
        case: Needs a model and a gold label.
        bins: Number of bins of equal width, at least 1.
    """
    if bins < 1:
        raise UsageError(f"ece needs at least one bin, not {bins}")
    probabilities, label = yield from _answer(case)
    if label is None:
        return undefined(NO_LABEL)
    confidence, correct = float(probabilities.max()), int(np.argmax(probabilities)) == label
    return Score(abs(float(correct) - confidence), parts=calibration_sums(confidence, correct, bins))


@metric(
    "log_loss",
    **TASK,
    symbol="NLL",
    title="Log loss",
    direction="lower",
    range=(0.0, float("inf")),
    best=0.0,
    variants={"default": {}},
    cite="Good 1952; Gneiting and Raftery 2007, section 4.1",
    formula="mean of -ln p(y|x)",
    describe="How surprised the model is by the truth; proper, so honest probabilities score best.",
    avoid=("Not robust: one confident mistake can outweigh a hundred good answers (p is at least 2.2e-16)."),
)
def log_loss(case: Case) -> Asks[Score]:
    """Natural-log loss of the gold choice, at least 0, lower is better."""
    probabilities, label = yield from _answer(case)
    return undefined(NO_LABEL) if label is None else Score(log_loss_of(probabilities, label))


@metric(
    "brier",
    **TASK,
    symbol="Brier",
    title="Brier score",
    direction="lower",
    range=(0.0, 2.0),
    best=0.0,
    variants={"default": {}},
    cite="Brier 1950, equation 2",
    formula="mean over examples of sum_c (p(c|x) - 1[c = y])^2",
    describe="Squared error of the probabilities over all choices; proper and bounded.",
    avoid=(
        "Not the two-class half form found in libraries, which is 0 to 1: with two choices this one is twice as large."
    ),
)
def brier(case: Case) -> Asks[Score]:
    """Brier score of one example, 0 to 2, lower is better."""
    probabilities, label = yield from _answer(case)
    return undefined(NO_LABEL) if label is None else Score(brier_of(probabilities, label))
