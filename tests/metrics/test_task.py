import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from rationale_eval.data.example import Example
from rationale_eval.engine.case import Case
from rationale_eval.errors import UsageError
from rationale_eval.metrics.record import METRICS
from rationale_eval.metrics.task import accuracy, brier, calibration_sums, ece, ece_of_sums, log_loss, macro_f1


class ModelFreeCase(Case):
    """A case whose questions need no encoding, so that the answers can be given by hand."""

    def whole(self):
        return "the unperturbed input"


def ask(metric, probabilities, label, **options):
    case = ModelFreeCase(Example("e", "t", {"text": "a"}, label=label), [])
    questions = metric(case, **options)
    assert next(questions) == ["the unperturbed input"]
    with pytest.raises(StopIteration) as stop:
        questions.send([np.array(probabilities, dtype=np.float64)])
    return stop.value.value


ROWS = st.lists(
    st.tuples(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.integers(0, 2)), min_size=1, max_size=12
)


def normal(rows):
    table = np.array([p for p, _ in rows])
    return table / table.sum(axis=1, keepdims=True), np.array([label for _, label in rows])


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_equals_scikit_learn(rows):
    table, labels = normal(rows)
    answers = table.argmax(axis=1)

    def mean(metric):
        return np.mean([ask(metric, p, int(y)).value for p, y in zip(table, labels, strict=True)])

    sums = np.sum([ask(macro_f1, p, int(y)).parts for p, y in zip(table, labels, strict=True)], axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert mean(accuracy) == pytest.approx(sk.accuracy_score(labels, answers))
        assert float(METRICS["macro_f1"].reduce(sums)) == pytest.approx(
            sk.f1_score(labels, answers, average="macro", zero_division=0)
        )
        assert mean(log_loss) == pytest.approx(sk.log_loss(labels, table, labels=[0, 1, 2]))
    assert mean(brier) == pytest.approx(((table - np.eye(3)[labels]) ** 2).sum(axis=1).mean())


def test_brier_is_twice_the_two_class_form():
    table, labels = np.array([[0.3, 0.7], [0.9, 0.1]]), [1, 1]
    ours = np.mean([ask(brier, p, y).value for p, y in zip(table, labels, strict=True)])
    assert ours == pytest.approx(2 * sk.brier_score_loss(labels, table[:, 1]))


def test_log_loss_of_certain_mistakes_is_finite():
    assert ask(log_loss, [1.0, 0.0], 1).value == pytest.approx(36.04, abs=0.01)


def test_ece_by_hand():
    # Ten bins: (.6, .7] holds .65 right and .65 wrong, (.9, 1] holds 0.95 right.
    rows = [([0.65, 0.35], 0), ([0.65, 0.35], 1), ([0.95, 0.05], 0)]
    scores = [ask(ece, p, y, bins=10) for p, y in rows]
    assert float(ece_of_sums(np.sum([s.parts for s in scores], axis=0))) == pytest.approx((2 * 0.15 + 0.05) / 3)
    assert [s.value for s in scores] == pytest.approx([0.35, 0.65, 0.05])


def test_bins_are_open_below_and_closed_above():
    for confidence, place in ((0.0, 0), (0.1, 0), (0.5, 4), (0.50001, 5), (1.0, 9)):
        assert calibration_sums(confidence, True, 10)[:10].argmax() == place


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_ece_lies_between_zero_and_one_and_is_bounded_below_by_the_overall_gap(rows):
    table, labels = normal(rows)
    sums = np.sum([ask(ece, p, int(y)).parts for p, y in zip(table, labels, strict=True)], axis=0)
    gap = abs((table.argmax(axis=1) == labels).mean() - table.max(axis=1).mean())
    assert gap - 1e-9 <= float(ece_of_sums(sums)) <= 1


def test_a_class_that_never_occurs_is_left_out():
    sums = np.zeros((3, 3))
    sums[0, 0], sums[1, 0] = 2, 1
    # Class 0: 2 * 2 / (2 + 3), class 1: 0; class 2 does not occur.
    assert float(METRICS["macro_f1"].reduce(sums.ravel())) == pytest.approx((0.8 + 0) / 2)
    assert np.isnan(METRICS["macro_f1"].reduce(np.zeros(9)))


def test_reduce_takes_many_resamples_at_once():
    draw = np.random.default_rng(0)
    sums = draw.integers(0, 5, size=(4, 6, 9)).astype(float)
    many = METRICS["macro_f1"].reduce(sums)
    assert many.shape == (4, 6)
    assert many[2, 3] == pytest.approx(float(METRICS["macro_f1"].reduce(sums[2, 3])))
    assert ece_of_sums(draw.random((4, 6, 9))).shape == (4, 6)


@pytest.mark.parametrize("metric", [accuracy, macro_f1, ece, log_loss, brier])
@pytest.mark.parametrize("label", [None, 7])
def test_without_a_usable_label_undefined(metric, label):
    score = ask(metric, [0.5, 0.5], label)
    assert np.isnan(score.value) and score.reason == "no gold label" and score.parts is None


def test_equal_probabilities_predict_the_first_choice():
    assert ask(accuracy, [0.5, 0.5], 0).value == 1


def test_refuses_no_bins():
    with pytest.raises(UsageError):
        next(ece(ModelFreeCase(Example("e", "t", {"text": "a"}, label=0), []), bins=0))
