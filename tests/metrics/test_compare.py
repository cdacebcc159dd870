import numpy as np
import pandas as pd
import pytest

from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.compare import COMPARE_COLUMNS, Settings, by_method, compare_frames
from rationale_eval.metrics.frames import COLUMNS
from rationale_eval.metrics.significance import holm, mcnemar_test, permutation_test
from rationale_eval.metrics.statistics import interval, ratio

load_all()


def scores(values, *, metric="auprc", variant="trapezoid", method="m", clusters=None, parts=None, ids=None):
    size = len(values)
    return pd.DataFrame(
        {
            "example_id": ids if ids is not None else [f"e{i}" for i in range(size)],
            "cluster": clusters if clusters is not None else [None] * size,
            "method": method,
            "metric": metric,
            "variant": variant,
            "value": np.array(values, dtype=np.float64),
            "reason": "",
            "parts": parts if parts is not None else [None] * size,
        },
        columns=list(COLUMNS),
    )


DRAW = np.random.default_rng(0)
A, B = DRAW.random(40), DRAW.random(40)


def test_means_on_shared_examples():
    first = scores([*A, np.nan], ids=[f"e{i}" for i in range(41)])
    second = scores([*B[::-1], 0.3], ids=[f"e{i}" for i in range(39, -1, -1)] + ["elsewhere"])
    table = compare_frames({"a": first, "b": second})
    line = table.iloc[0]
    assert list(table.columns) == list(COMPARE_COLUMNS) and line["n_pairs"] == 40
    assert line["difference"] == pytest.approx((A - B).mean())
    alone = interval(A - B)
    assert (line["ci_low"], line["ci_high"]) == pytest.approx((alone.low, alone.high))
    parts = [np.column_stack([x, np.ones(40)]) for x in (A, B)]
    assert line["p"] == line["p_holm"] == permutation_test(*parts, ratio).p
    assert line["direction"] == "higher" and "permutation" in line["test"]


def test_the_better_system_follows_the_direction():
    high, low = scores(A + 1), scores(B * 0.1)
    assert compare_frames({"a": high, "b": low}).iloc[0]["better"] == "a"
    lower = {name: frame.assign(metric="sufficiency_aopc") for name, frame in (("a", high), ("b", low))}
    assert compare_frames(lower).iloc[0]["better"] == "b"
    assert compare_frames({"a": scores(A), "b": scores(A)}).iloc[0]["better"] == ""
    unknown = {name: frame.assign(metric="someone_elses") for name, frame in (("a", high), ("b", low))}
    assert compare_frames(unknown).iloc[0]["better"] == ""


def test_right_or_wrong_gets_mcnemar_unless_clustered():
    one, two = (A > 0.3) * 1.0, (A > 0.5) * 1.0
    line = compare_frames({"a": scores(one, metric="accuracy"), "b": scores(two, metric="accuracy")}).iloc[0]
    assert line["test"] == "McNemar, exact" and line["p"] == mcnemar_test(one > 0, two > 0).p
    keys = [f"c{i // 4}" for i in range(40)]
    clustered = compare_frames(
        {"a": scores(one, metric="accuracy", clusters=keys), "b": scores(two, metric="accuracy", clusters=keys)}
    ).iloc[0]
    assert "permutation" in clustered["test"] and clustered["p"] > line["p"]


def test_pooled_metrics_compare_pooled_values():
    first = [[1.0, 1.0, 1.0, 2.0], [2.0, 2.0, 2.0, 2.0], [0.0, 1.0, 0.0, 1.0]]
    second = [[0.0, 2.0, 0.0, 2.0], [1.0, 3.0, 1.0, 2.0], [1.0, 1.0, 1.0, 1.0]]
    frames = {
        name: scores([0.5] * 3, metric="token_f1", variant="micro", parts=parts)
        for name, parts in (("a", first), ("b", second))
    }
    line = compare_frames(frames).iloc[0]
    # Hits, predicted, gold: 3, 4, 5 against 2, 6, 5.
    assert (line["value_first"], line["value_second"]) == pytest.approx((6 / 9, 4 / 11))
    assert line["difference"] == pytest.approx(6 / 9 - 4 / 11) and line["p"] <= 1


def test_roster_pairs_baseline_and_correction():
    systems = {name: scores(values) for name, values in (("a", A), ("b", B), ("c", A + 0.05), ("random", B * 0.5))}
    table = compare_frames(systems, settings=Settings(draws=500, resamples=200))
    assert len(table) == 6
    np.testing.assert_allclose(table["p_holm"], holm(table["p"]))
    against = compare_frames(systems, baseline="random", settings=Settings(draws=500, resamples=200))
    assert against["second"].unique().tolist() == ["random"] and len(against) == 3
    assert (against["p_holm"] <= 3 * against["p"] + 1e-12).all()


def test_methods_of_one_frame_become_systems():
    frame = pd.concat([scores(A, method="lime"), scores(B, method="random")])
    systems = by_method(frame, "run/")
    assert list(systems) == ["run/lime", "run/random"]
    assert compare_frames(systems, metrics=["auprc"]).iloc[0]["first"] == "run/lime"


def test_refuses_what_cannot_be_compared():
    with pytest.raises(UsageError, match="at least two"):
        compare_frames({"a": scores(A)})
    with pytest.raises(UsageError, match="no system 'z'"):
        compare_frames({"a": scores(A), "b": scores(B)}, baseline="z")
    with pytest.raises(UsageError, match="share no scored example"):
        compare_frames({"a": scores([0.1]), "b": scores([0.2], ids=["other"])})
    with pytest.raises(UsageError, match="several methods"):
        compare_frames({"a": pd.concat([scores(A), scores(B, method="n")]), "b": scores(B)})
