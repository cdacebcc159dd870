import numpy as np
import pandas as pd
import pytest

from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.frames import COLUMNS
from rationale_eval.metrics.statistics import interval
from rationale_eval.metrics.summary import SUMMARY_COLUMNS, summarize

load_all()


def frame(values, *, metric="token_f1", variant="macro", method="lime", parts=None, clusters=None, reasons=None):
    size = len(values)
    return pd.DataFrame(
        {
            "example_id": [f"e{i}" for i in range(size)],
            "cluster": clusters if clusters is not None else [None] * size,
            "method": method,
            "metric": metric,
            "variant": variant,
            "value": np.array(values, dtype=np.float64),
            "reason": reasons if reasons is not None else [""] * size,
            "parts": parts if parts is not None else [None] * size,
        },
        columns=list(COLUMNS),
    )


def test_mean_with_interval_coverage_and_reasons():
    values = [0.2, np.nan, 0.6, 1.0, np.nan]
    table = summarize(frame(values, reasons=["", "no gold", "", "", "no gold"]))
    line = table.iloc[0]
    assert list(table.columns) == list(SUMMARY_COLUMNS)
    assert line["value"] == pytest.approx(0.6) and line["n"] == 3 and line["coverage"] == pytest.approx(0.6)
    assert line["direction"] == "higher" and line["reasons"] == "no gold: 2"
    alone = interval(np.array([0.2, 0.6, 1.0]))
    assert (line["ci_low"], line["ci_high"]) == pytest.approx((alone.low, alone.high))


def test_infinities_are_left_out_and_said():
    line = summarize(frame([0.5, -np.inf, 0.7])).iloc[0]
    assert line["value"] == pytest.approx(0.6) and line["n"] == 2 and line["reasons"] == "not finite: 1"


def test_sums_are_reduced_not_averaged():
    # True positives, predicted, true positives, gold: pooled P = 3/5, R = 3/4.
    parts = [[1.0, 1.0, 1.0, 2.0], np.array([2.0, 4.0, 2.0, 2.0]), None]
    table = summarize(frame([2 / 3, 2 / 3, np.nan], variant="micro", parts=parts))
    line = table.iloc[0]
    assert line["value"] == pytest.approx(2 * 0.6 * 0.75 / 1.35)
    assert line["n"] == 2 and line["coverage"] == pytest.approx(2 / 3) and line["reasons"] == "undefined: 1"


def test_an_example_with_sums_counts_even_when_its_own_value_is_undefined():
    parts = [[0.0, 2.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]
    line = summarize(frame([np.nan, 1.0], variant="micro", parts=parts)).iloc[0]
    assert line["value"] == pytest.approx(0.5) and line["n"] == 2


def test_groups_keep_their_order_and_clusters():
    table = summarize(
        pd.concat(
            [
                frame([0.1, 0.2, 0.9], method="lime", clusters=["a", "a", "b"]),
                frame([0.3, 0.4, 0.5], method="gold"),
            ]
        )
    )
    assert table["method"].tolist() == ["lime", "gold"]
    clustered = interval(np.array([0.1, 0.2, 0.9]), clusters=["a", "a", "b"])
    assert table["ci_low"].iloc[0] == pytest.approx(clustered.low)


def test_all_undefined_is_nan_with_the_reason():
    line = summarize(frame([np.nan, np.nan], reasons=["no gold"] * 2)).iloc[0]
    assert np.isnan(line["value"]) and line["n"] == 0 and line["coverage"] == 0.0
    assert line["reasons"] == "no gold: 2"


def test_unregistered_metric_is_summarised_without_direction():
    assert summarize(frame([0.5, 0.6], metric="someone_elses")).iloc[0]["direction"] == "none"


def test_classes_that_differ_between_examples_have_no_joint_value():
    line = summarize(frame([1.0, 1.0], metric="macro_f1", parts=[[1.0] * 4, [1.0] * 9])).iloc[0]
    assert np.isnan(line["value"]) and "numbers of classes" in line["interval"]


def test_empty_frame_gives_an_empty_table():
    assert list(summarize(frame([]).iloc[:0]).columns) == list(SUMMARY_COLUMNS)


def test_refuses_doubled_examples_and_missing_columns():
    with pytest.raises(UsageError, match="example 'e0' has two scores of 'token_f1'"):
        summarize(pd.concat([frame([0.1]), frame([0.1])]))
    with pytest.raises(UsageError, match="missing: parts"):
        summarize(frame([0.1]).drop(columns="parts"))
