import numpy as np
import pytest

from rationale_eval.errors import UsageError
from rationale_eval.metrics.human_ceiling import human_ceiling
from tests.helpers.gold_cases import gold_case

PEOPLE = [[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0]]


def test_against_the_others():
    case = gold_case([1, 1, 0, 0], annotators=PEOPLE)
    # F1 of pairs: (a, b) 2/3, (a, c) 4/5, (b, c) 1/2; F1 is symmetric, so each counts twice.
    assert human_ceiling(case).value == pytest.approx((2 / 3 + 4 / 5 + 1 / 2) / 3)
    assert human_ceiling(case, measure="token_iou").value == pytest.approx((1 / 2 + 2 / 3 + 1 / 3) / 3)


def test_share_of_the_others_as_scores():
    case = gold_case(None, annotators=[[1, 0, 0], [1, 0, 0], [0, 1, 0]])
    # First two: scores (.5, .5, 0), AP 0.5; third: its word has score 0 with one other, so AP 1/3.
    assert human_ceiling(case, measure="average_precision").value == pytest.approx((0.5 + 0.5 + 1 / 3) / 3)
    assert human_ceiling(case, measure="auprc").value > human_ceiling(case, measure="average_precision").value


def test_against_the_aggregate():
    case = gold_case([1, 1, 0, 0], annotators=PEOPLE)
    assert human_ceiling(case, against="aggregate").value == pytest.approx((1 + 2 / 3 + 4 / 5) / 3)
    assert human_ceiling(gold_case(None, annotators=PEOPLE), against="aggregate").reason == "no gold highlights"


def test_full_agreement_is_one_in_every_measure():
    case = gold_case([1, 0], annotators=[[1, 0], [1, 0]])
    for measure in ("token_f1", "token_iou", "auprc", "average_precision"):
        assert human_ceiling(case, measure=measure).value == 1


def test_undefined_with_a_reason():
    assert human_ceiling(gold_case([1, 0], annotators=[[1, 0]])).reason == "fewer than two annotators"
    nothing = human_ceiling(gold_case([1, 0], annotators=[[0, 0], [0, 0]]))
    assert np.isnan(nothing.value) and nothing.reason
    # An annotator who marked nothing is no truth, but is a poor answer to the others.
    assert human_ceiling(gold_case([1, 0], annotators=[[0, 0], [1, 0]])).value == 0


def test_refuses_unknown_choices():
    case = gold_case([1, 0], annotators=[[1, 0], [1, 0]])
    with pytest.raises(UsageError, match="no human ceiling for 'roc_auc'"):
        human_ceiling(case, measure="roc_auc")
    with pytest.raises(UsageError, match="graded"):
        human_ceiling(case, measure="auprc", against="aggregate")
