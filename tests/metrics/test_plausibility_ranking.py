import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility_ranking import (
    auprc,
    auprc_of,
    average_precision,
    average_precision_of,
    roc_auc,
    roc_auc_of,
)
from tests.helpers.gold_cases import gold_case

NAN = float("nan")


def test_published_fixtures():
    truth, scores = np.array([0, 1, 0, 1, 1], bool), np.array([0.1, 0.9, 0.8, 0.3, 0.2])
    assert auprc_of(truth, scores) == pytest.approx(0.763889, abs=1e-6)
    assert average_precision_of(truth, scores) == pytest.approx(0.805556, abs=1e-6)
    assert auprc_of(np.zeros(5, bool), scores) == 0.5
    assert auprc_of(np.ones(5, bool), scores) == 1.0
    rare, equal = np.array([1, 0, 0, 0], bool), np.full(4, 0.3)
    assert auprc_of(rare, equal) == pytest.approx(0.625)
    assert average_precision_of(rare, equal) == pytest.approx(0.25)


# Few distinct scores, so that ties are common.
PAIRS = st.lists(st.tuples(st.booleans(), st.integers(-3, 3).map(lambda i: i / 2)), min_size=1, max_size=15)


@given(PAIRS)
def test_equals_scikit_learn(pairs):
    truth = np.array([t for t, _ in pairs], dtype=bool)
    scores = np.array([s for _, s in pairs], dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, _ = sk.precision_recall_curve(truth, scores)
        assert auprc_of(truth, scores) == pytest.approx(sk.auc(recall, precision))
        if truth.any():
            assert average_precision_of(truth, scores) == pytest.approx(sk.average_precision_score(truth, scores))
        if truth.any() and not truth.all():
            assert roc_auc_of(truth, scores) == pytest.approx(sk.roc_auc_score(truth, scores))


@given(PAIRS, st.randoms(use_true_random=False))
def test_order_of_words_and_monotone_rescaling_change_nothing(pairs, draw):
    shuffled = list(pairs)
    draw.shuffle(shuffled)
    for measure in (auprc_of, average_precision_of, roc_auc_of):
        first = measure(np.array([t for t, _ in pairs]), np.array([s for _, s in pairs]))
        second = measure(np.array([t for t, _ in shuffled]), np.array([np.exp(s) for _, s in shuffled]))
        assert first == pytest.approx(second, nan_ok=True)


@given(PAIRS.filter(lambda pairs: any(t for t, _ in pairs)))
def test_gold_as_scores_is_best(pairs):
    truth = np.array([t for t, _ in pairs])
    assert auprc_of(truth, truth.astype(float)) == average_precision_of(truth, truth.astype(float)) == 1


@pytest.mark.parametrize("ask", [auprc, average_precision, roc_auc])
def test_undefined_with_a_reason(ask):
    assert ask(gold_case(None, [1.0, 2.0])).reason == "no gold highlights"
    assert ask(gold_case([0, 0], [1.0, 2.0])).reason == "gold marks no word"
    assert ask(gold_case([1, 0], [NAN, NAN])).reason == "no word has a score"


def test_all_positive_and_all_negative():
    full = gold_case([1, 1, 1], [0.1, 0.2, 0.3])
    assert auprc(full).value == average_precision(full).value == 1
    assert roc_auc(full).reason == "gold marks every word"
    assert auprc(gold_case([0, 0], [1.0, 2.0]), empty="half").value == 0.5
    assert np.isnan(auprc(gold_case(None, [1.0, 2.0]), empty="half").value)


def test_constant_scores():
    case = gold_case([1, 0, 0, 0], [2.0] * 4)
    assert auprc(case).value == pytest.approx((1 + 0.25) / 2)
    assert average_precision(case).value == pytest.approx(0.25)
    assert roc_auc(case).value == pytest.approx(0.5)


def test_unseen_words_are_tied_last():
    unseen = gold_case([1, 0, 1, 0], [0.5, -9.0, NAN, NAN])
    ranked = gold_case([1, 0, 1, 0], [3.0, 2.0, 1.0, 1.0])
    for ask in (auprc, average_precision, roc_auc):
        assert ask(unseen).value == ask(ranked).value


def test_negative_scores_set_to_zero_tie():
    case = gold_case([1, 0, 0], [-1.0, -2.0, 0.0])
    assert auprc(case).value == auprc_of(np.array([1, 0, 0], bool), np.array([2.0, 1.0, 3.0]))
    assert roc_auc(case, negative="zero").value == 0.5
    assert np.isnan(auprc(gold_case([1, 0], [NAN, NAN]), negative="zero").value)
    with pytest.raises(UsageError):
        auprc(case, negative="drop")
