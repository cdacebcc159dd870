import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import f1_of_sums, select_words
from rationale_eval.metrics.plausibility_tokens import (
    f1_of,
    iou_of,
    precision_of,
    recall_of,
    token_f1,
    token_iou,
    token_precision,
    token_recall,
    two_class_f1_of,
)
from rationale_eval.metrics.record import METRICS
from rationale_eval.rationales.selection import top_n
from tests.helpers.gold_cases import gold_case

TRUTH, SCORES = [0, 1, 0, 1, 1], [0.1, 0.9, 0.8, 0.3, 0.2]
NAN = float("nan")


def masks(least=1):
    pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=least, max_size=12)
    return pairs.map(lambda pairs: tuple(np.array(side, dtype=bool) for side in zip(*pairs, strict=True)))


def test_published_fixture():
    chosen = top_n(np.array(SCORES), 2)
    assert f1_of(np.array(TRUTH), chosen) == pytest.approx(0.4)
    assert iou_of(np.array(TRUTH), chosen) == pytest.approx(0.25)
    assert two_class_f1_of(np.array(TRUTH), np.ones(5)) == pytest.approx(0.375)


@given(masks())
def test_equals_scikit_learn(pair):
    truth, chosen = pair
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, f1, _ = sk.precision_recall_fscore_support(
            truth, chosen, average="binary", pos_label=True, zero_division=0, labels=[True]
        )
        two = sk.f1_score(truth, chosen, average="macro", zero_division=0)
        iou = sk.jaccard_score(truth, chosen, zero_division=0)
    assert (precision_of(truth, chosen), recall_of(truth, chosen)) == pytest.approx((precision, recall))
    assert (f1_of(truth, chosen), two_class_f1_of(truth, chosen)) == pytest.approx((f1, two))
    assert iou_of(truth, chosen) == pytest.approx(iou)


@settings(max_examples=50, deadline=None)
@given(st.lists(masks(), min_size=1, max_size=5))
def test_micro_equals_scikit_learn_on_pooled_words(pairs):
    parts = [token_f1(gold_case(g, c.astype(float), hard=c), average="micro").parts for g, c in pairs]
    truth, chosen = (np.concatenate(side) for side in zip(*pairs, strict=True))
    pooled = float(f1_of_sums(np.sum(parts, axis=0)))
    if truth.any() or chosen.any():
        assert pooled == pytest.approx(sk.f1_score(truth, chosen, zero_division=0))
    else:
        assert np.isnan(pooled)


@given(masks())
def test_gold_selection_is_best_and_words_may_be_permuted(pair):
    truth, chosen = pair
    order = np.random.default_rng(0).permutation(len(truth))
    assert f1_of(truth, chosen) == f1_of(truth[order], chosen[order]) <= 1
    if truth.any():
        assert f1_of(truth, truth) == iou_of(truth, truth) == two_class_f1_of(truth, truth) == 1


@pytest.mark.parametrize("ask", [token_precision, token_recall, token_f1, token_iou])
def test_edge_cases_of_gold(ask):
    assert ask(gold_case(None, [1.0, 2.0])).reason == "no gold highlights"
    empty = ask(gold_case([0, 0, 0], [1.0, 2.0, 3.0], hard=[0, 1, 0]))
    assert np.isnan(empty.value) and empty.reason == "gold marks no word"
    assert np.isnan(ask(gold_case([0, 0], [1.0, 2.0])).value)
    assert ask(gold_case([0, 0], [1.0, 2.0], hard=[0, 1]), empty="zero").value == 0
    assert ask(gold_case([0, 0], [1.0, 2.0], hard=[0, 0]), empty="zero").value == 0
    assert ask(gold_case([1, 0], [1.0, 2.0], hard=[0, 0])).value == 0
    assert ask(gold_case([1, 1], [1.0, 1.0])).value == 1


@pytest.mark.parametrize("ask", [token_precision, token_recall, token_f1, token_iou])
def test_micro_counts_surplus_words_where_gold_marks_none(ask):
    score = ask(gold_case([0, 0, 0], [1.0, 2.0, 3.0], hard=[0, 1, 1]), average="micro")
    reduce = METRICS[ask.__name__].reduce
    other = ask(gold_case([1, 1, 0], [3.0, 2.0, 1.0], hard=[1, 1, 0]), average="micro")
    both = float(reduce(score.parts + other.parts))
    expected = {"token_precision": 2 / 4, "token_recall": 1.0, "token_f1": 2 / 3, "token_iou": 2 / 4}
    assert np.isnan(score.value) and both == pytest.approx(expected[ask.__name__])


def test_selection_prefers_the_rationales_own():
    case = gold_case(TRUTH, SCORES, hard=[1, 0, 0, 0, 0])
    assert token_f1(case).value == 0
    assert token_f1(case, select="gold_length").value == pytest.approx(2 / 3)
    assert token_f1(gold_case(TRUTH, SCORES)).value == pytest.approx(2 / 3)
    assert token_f1(gold_case(TRUTH, SCORES), select="hard").reason == "the rationale came without selected words"


def test_selection_by_share_and_sign():
    case = gold_case(TRUTH, SCORES)
    assert token_f1(case, select="percent", percent=40).value == pytest.approx(0.4)
    assert token_f1(case, select="mean_length", percent=40).value == pytest.approx(0.4)
    assert token_f1(case, average="two_class", select="positive").value == pytest.approx(0.375)
    signed = gold_case(TRUTH, [-1.0, 0.5, 0.0, NAN, 2.0])
    assert token_precision(signed, select="positive").value == 1
    assert token_recall(signed, select="positive").value == pytest.approx(2 / 3)


def test_ties_go_to_the_earlier_word_and_unseen_words_are_never_selected():
    assert top_n(np.array([0.5, 0.7, 0.5, 0.5]), 2).tolist() == [True, True, False, False]
    assert top_n(np.array([NAN, -1.0, NAN]), 3).tolist() == [False, True, False]
    cut = gold_case([1, 1, 1], [1.0, NAN, NAN])
    assert token_recall(cut).value == pytest.approx(1 / 3) and token_precision(cut).value == 1


def test_no_scored_word_is_undefined_but_a_selection_of_its_own_still_counts():
    assert token_f1(gold_case([1, 0], [NAN, NAN])).reason == "no word has a score"
    assert token_f1(gold_case([1, 0], [NAN, NAN], hard=[1, 0])).value == 1


@pytest.mark.parametrize(
    "options",
    [
        {"select": "best"},
        {"select": "percent"},
        {"average": "mean"},
        {"empty": "one"},
        {"select": "percent", "percent": 200},
    ],
)
def test_refuses_unknown_choices(options):
    with pytest.raises(UsageError):
        token_f1(gold_case(TRUTH, SCORES), **options)


def test_gold_length_without_gold_is_a_usage_error():
    with pytest.raises(UsageError, match="needs gold"):
        select_words(np.array([1.0]), "gold_length")
