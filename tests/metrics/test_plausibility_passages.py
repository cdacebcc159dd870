import numpy as np
import pytest

from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from tests.helpers.gold_cases import gold_case

METRICS = load_all()


def ask(name, case, **options):
    return METRICS[name].ask(case, **options)


def corpus(name, scores):
    return float(METRICS[name].reduce(np.sum([score.parts for score in scores], axis=0)))


def test_overlap_and_exact_passages():
    # Gold (0, 4), (6, 8); said (0, 3), (6, 8): IOUs .75 and 1.
    case = gold_case([1, 1, 1, 1, 0, 0, 1, 1], [0.0] * 8, hard=[1, 1, 1, 0, 0, 0, 1, 1])
    assert ask("iou_precision", case).value == ask("iou_recall", case).value == 1
    assert ask("iou_recall", case, threshold=0.8).value == 0.5
    for side in ("precision", "recall", "f1"):
        assert ask(f"span_{side}", case).value == 0.5
        assert ask(f"span_{side}", case).parts is None


def test_two_halves_of_one_passage_count_twice_in_recall_only():
    case = gold_case([0, 1, 1, 1, 0], [0.0] * 5, hard=[0, 1, 0, 1, 0])
    assert ask("iou_recall", case).value == 0
    halves = gold_case([1, 1, 1, 1, 1], [0.0] * 5, hard=[1, 1, 0, 1, 1])
    assert (
        ask("iou_recall", halves, threshold=0.4).value == 2 and ask("iou_precision", halves, threshold=0.4).value == 1
    )


def test_pooled_and_mean_values_differ():
    right = gold_case([1, 0, 0, 0], [0.0] * 4, hard=[1, 0, 0, 0])
    wrong = gold_case([1, 1, 0, 1], [0.0] * 4, hard=[1, 0, 1, 1])
    micro = [ask("span_precision", case, average="micro") for case in (right, wrong)]
    assert corpus("span_precision", micro) == pytest.approx(1 / 3)
    macro = [ask("iou_precision", case) for case in (right, wrong)]
    # The second says (0, 1), (2, 4): both overlap by half with (0, 2), (3, 4).
    assert corpus("iou_precision", macro) == pytest.approx((1 + 1) / 2)


def test_edge_cases():
    for name in ("iou_precision", "iou_recall", "span_precision", "span_recall", "span_f1"):
        assert ask(name, gold_case(None, [1.0])).reason == "no gold highlights"
        assert ask(name, gold_case([1, 0], [1.0, 0.0], hard=[0, 0])).value == 0
        surplus = ask(name, gold_case([0, 0], [1.0, 0.0], hard=[1, 0]), average="micro")
        assert np.isnan(surplus.value) and surplus.reason == "gold marks no word"
        with pytest.raises(UsageError):
            ask(name, gold_case([1, 0], [1.0, 0.0]), average="mean")
    assert ask("span_precision", gold_case([0, 0], [1.0, 0.0], hard=[1, 0]), average="micro").parts.tolist() == [0, 1]
