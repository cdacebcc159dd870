from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import f1_of_sums
from rationale_eval.metrics.plausibility_spans import (
    field_spans,
    iou_f1,
    matches,
    paired_matches,
    runs,
    span_iou,
    span_sums,
)
from tests.helpers.gold_cases import gold_case


def test_published_fixture():
    gold, predicted = [(0, 4), (6, 8)], [(0, 3), (5, 9)]
    assert [span_iou(p, g) for p, g in zip(predicted, gold, strict=True)] == [0.75, 0.5]
    assert matches(predicted, gold) == 2


def test_one_gold_span_credited_twice_is_kept_and_can_be_capped():
    gold, predicted = {"f": [(0, 4)]}, {"f": [(0, 2), (2, 4)]}
    for average in ("macro", "micro"):
        sums = span_sums(predicted, gold, average)
        assert sums[2] / sums[3] == 2.0
        assert float(f1_of_sums(sums)) == pytest.approx(4 / 3)
    assert span_sums(predicted, gold, "one_to_one").tolist() == [1, 2, 1, 1]


def test_pairs_are_as_many_as_possible():
    # Greedy from the left would give the first gold span to the first prediction and leave the second without.
    gold, predicted = [(0, 4), (2, 6)], [(1, 5), (0, 3)]
    assert span_iou(predicted[0], gold[0]) >= 0.5 and span_iou(predicted[0], gold[1]) >= 0.5
    assert span_iou(predicted[1], gold[1]) < 0.5
    assert paired_matches(predicted, gold) == 2
    assert paired_matches([], gold) == paired_matches(predicted, []) == 0


def test_macro_leaves_out_fields_without_spans():
    predicted, gold = {"a": [(0, 2)], "b": [(0, 1)]}, {"a": [(0, 2), (4, 6)]}
    assert span_sums(predicted, gold, "macro").tolist() == [1.0, 2.0, 0.5, 1.0]
    assert span_sums(predicted, gold, "micro").tolist() == [1.0, 2.0, 1.0, 2.0]


@given(st.lists(st.booleans(), max_size=20))
def test_runs_cover_the_mask_and_do_not_touch(mask):
    spans = runs(np.array(mask, dtype=bool))
    rebuilt = np.zeros(len(mask), dtype=bool)
    for start, end in spans:
        rebuilt[start:end] = True
    assert rebuilt.tolist() == mask
    assert all(first[1] < second[0] for first, second in pairwise(spans))


def test_a_run_ends_with_its_field():
    case = gold_case([0, 1, 1, 1], fields=[2, 2])
    assert field_spans(case.words, case.gold) == {"f0": [(1, 2)], "f1": [(2, 4)]}


def test_values_of_one_example():
    case = gold_case([1, 1, 0, 0, 1, 1], [0] * 6, hard=[1, 1, 0, 0, 0, 0])
    for average in ("macro", "micro", "one_to_one"):
        assert iou_f1(case, average=average).value == pytest.approx(2 * 1 * 0.5 / 1.5)
    assert iou_f1(gold_case([1, 0, 1], [3.0, 1.0, 2.0])).value == 1
    assert iou_f1(gold_case([1, 1, 1], [0] * 3, hard=[1, 0, 0])).value == 0
    assert iou_f1(gold_case([1, 1, 1], [0] * 3, hard=[1, 0, 0]), threshold=0.3).value == 1


def test_edge_cases():
    assert iou_f1(gold_case(None, [1.0])).reason == "no gold highlights"
    assert iou_f1(gold_case([1, 0], [1.0, 0.0], hard=[0, 0])).value == 0
    surplus = iou_f1(gold_case([0, 0], [1.0, 0.0], hard=[0, 1]), average="micro")
    assert np.isnan(surplus.value) and surplus.reason and surplus.parts.tolist() == [0, 1, 0, 0]
    both = iou_f1(gold_case([0, 0], [1.0, 0.0], hard=[0, 0]))
    assert np.isnan(both.value) and both.parts.tolist() == [0, 0, 0, 0]
    assert np.isnan(iou_f1(gold_case([1, 0], [float("nan")] * 2)).value)


@pytest.mark.parametrize("options", [{"average": "mean"}, {"threshold": 0.0}, {"threshold": 1.5}])
def test_refuses_unknown_choices(options):
    with pytest.raises(UsageError):
        iou_f1(gold_case([1, 0], [1.0, 0.0]), **options)
