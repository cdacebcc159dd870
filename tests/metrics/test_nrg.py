import numpy as np
import pandas as pd
import pytest

from rationale_eval.errors import UsageError
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.nrg import DESIDERATA, nrg, relative_gain

load_all()

# Published composites on five data sets, their mean, and mean gains in faithfulness, plausibility and task.
# The min-max form behind the single gains is unconfirmed; the composite's form is what these numbers settle.
PUBLISHED = {
    "AA (IG)": ([0.526, 0.439, 0.578, 0.499, 0.596], 0.528, [0.310, 0.300, 0.973]),
    "L2E": ([0.557, 0.550, 0.544, 0.522, 0.606], 0.556, [0.450, 0.244, 0.973]),
    "SGT": ([0.632, 0.553, 0.618, 0.594, 0.595], 0.598, [0.492, 0.314, 0.989]),
    "FRESH": ([0.330, 0.645, 0.302, 0.675, 0.518], 0.494, [0.669, 0.339, 0.474]),
    "A2R": ([0.479, 0.431, 0.277, 0.217, 0.273], 0.335, [0.638, 0.297, 0.071]),
    "UNIREX AA-F": ([0.639, 0.601, 0.690, 0.711, 0.622], 0.653, [0.697, 0.330, 0.931]),
    "SGT+P": ([0.596, 0.586, 0.601, 0.630, 0.608], 0.604, [0.533, 0.302, 0.977]),
    "FRESH+P": ([0.426, 0.491, 0.374, 0.404, 0.614], 0.462, [0.616, 0.632, 0.137]),
    "A2R+P": ([0.695, 0.585, 0.488, 0.516, 0.800], 0.617, [0.678, 0.978, 0.195]),
    "UNIREX DLM-FP": ([0.897, 0.744, 0.814, 0.751, 0.857], 0.813, [0.498, 0.995, 0.945]),
    "UNIREX SLM-FP": ([0.891, 0.754, 0.807, 0.784, 0.864], 0.820, [0.528, 0.976, 0.956]),
}


@pytest.mark.parametrize("system", PUBLISHED)
def test_the_composite_is_the_mean_of_the_three_desiderata(system):
    by_set, mean, desiderata = PUBLISHED[system]
    assert np.mean(by_set) == pytest.approx(mean, abs=0.0011)
    assert np.mean(desiderata) == pytest.approx(mean, abs=0.0011)


def test_the_published_gain_over_the_best_baseline():
    assert np.mean(PUBLISHED["UNIREX SLM-FP"][0]) / np.mean(PUBLISHED["A2R+P"][0]) - 1 == pytest.approx(0.329, abs=5e-4)


def test_composite_averages_published_gains_to_the_published_mean():
    # Gains that already run from 0 to 1 pass through unchanged, so the roster needs the two ends.
    table = pd.DataFrame({name: row[2] for name, row in PUBLISHED.items()}, index=["f", "p", "t"]).T
    table.loc["worst"], table.loc["best"] = 0.0, 1.0
    names = {"faithfulness": ["f"], "plausibility": ["p"], "task": ["t"]}
    found = nrg(table, names, {"f": "higher", "p": "higher", "t": "higher"})
    for name, (_, mean, _) in PUBLISHED.items():
        assert found.composite[name] == pytest.approx(mean, abs=0.0011)
    assert found.table()["system"].tolist()[:2] == ["best", "UNIREX SLM-FP"]


def test_by_hand_with_directions_from_the_records():
    values = pd.DataFrame(
        {
            "comprehensiveness_aopc": [0.1, 0.3, 0.5],
            "sufficiency_aopc": [0.4, 0.2, 0.0],
            "auprc": [0.5, 0.6, 0.9],
            "token_f1": [0.9, 0.5, 0.7],
            "accuracy": [0.8, 0.9, 0.85],
        },
        index=["a", "b", "c"],
    )
    found = nrg(values)
    assert found.metrics.loc["b"].tolist() == pytest.approx([0.5, 0.5, 0.25, 0.0, 1.0])
    assert found.desiderata.loc["c"].tolist() == pytest.approx([1.0, 0.75, 0.5])
    assert found.composite["a"] == pytest.approx((0 + 0.5 + 0) / 3)
    assert "these 3 systems" in found.note
    fewer = nrg(values.drop(index="c"))
    assert fewer.composite["b"] != pytest.approx(found.composite["b"])


def test_no_gain_where_all_are_equal():
    assert np.isnan(relative_gain([0.5, 0.5], "higher")).all()
    assert relative_gain([0.1, np.nan, 0.3], "lower").tolist() == pytest.approx([1, np.nan, 0], nan_ok=True)
    values = pd.DataFrame({name: [0.1, 0.2] for names in DESIDERATA.values() for name in names}, index=["a", "b"])
    found = nrg(values.assign(auprc=0.4))
    assert found.composite.isna().all() and "No gain in auprc" in found.note
    assert found.desiderata["faithfulness"].notna().all()


def test_refuses_what_cannot_be_compared():
    with pytest.raises(UsageError, match="direction"):
        relative_gain([0.1, 0.2], "none")
    with pytest.raises(UsageError, match="needs a value of 'comprehensiveness_aopc'"):
        nrg(pd.DataFrame({"auprc": [1.0, 2.0]}))
    with pytest.raises(UsageError, match="two systems"):
        nrg(pd.DataFrame({name: [0.1] for names in DESIDERATA.values() for name in names}))
