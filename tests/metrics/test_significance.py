import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from rationale_eval.errors import UsageError
from rationale_eval.metrics.plausibility import f1_of_sums
from rationale_eval.metrics.significance import holm, mcnemar_test, permutation_test
from rationale_eval.metrics.statistics import ratio, unit_sums


def means(values):
    return np.column_stack([values, np.ones(len(values))])


def test_exact_sign_flip_equals_scipy():
    draw = np.random.default_rng(0)
    first, second = draw.normal(0.4, 1, 9), draw.normal(size=9)
    theirs = stats.permutation_test(
        (first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    ours = permutation_test(means(first), means(second), ratio)
    assert ours.p == pytest.approx(theirs.pvalue) and "exact (512 swaps)" in ours.name


def test_monte_carlo_is_near_exact_and_never_zero():
    draw = np.random.default_rng(1)
    first, second = draw.normal(0.3, 1, 40), draw.normal(size=40)
    ours = permutation_test(means(first), means(second), ratio, seed=3)
    # The sign-flip test and the t test agree closely at 40 normal pairs.
    assert ours.p == pytest.approx(stats.ttest_rel(first, second).pvalue, abs=0.02)
    assert ours == permutation_test(means(first), means(second), ratio, seed=3)
    far = permutation_test(means(second + 9), means(second), ratio, draws=999)
    assert far.p == pytest.approx(1 / 1000)


def test_false_alarms_are_as_rare_as_promised():
    draw = np.random.default_rng(5)
    found = [
        permutation_test(means(draw.exponential(size=20)), means(draw.exponential(size=20)), ratio, draws=400, seed=i).p
        for i in range(300)
    ]
    assert np.mean(np.array(found) <= 0.1) < 0.15


def test_clusters_are_swapped_as_a_whole():
    draw = np.random.default_rng(2)
    effect = np.repeat(draw.normal(0.2, 1, 12), 20)
    clusters = np.repeat(np.arange(12), 20).tolist()
    first, second = means(effect), means(np.zeros(240))
    single = permutation_test(first, second, ratio, draws=2000).p
    whole = permutation_test(unit_sums(first, clusters), unit_sums(second, clusters), ratio).p
    by_cluster = permutation_test(means(effect[::20]), means(np.zeros(12)), ratio).p
    assert whole == pytest.approx(by_cluster) and single < whole


def test_pooled_metrics_are_swapped_not_subtracted():
    # Two examples with counts (hits, predicted, hits, gold); swaps enumerated by hand.
    first = np.array([[1.0, 1.0, 1.0, 2.0], [2.0, 2.0, 2.0, 2.0]])
    second = np.array([[0.0, 2.0, 0.0, 2.0], [1.0, 3.0, 1.0, 2.0]])

    def difference(flips):
        a = sum((second if flip else first)[i] for i, flip in enumerate(flips))
        b = sum((first if flip else second)[i] for i, flip in enumerate(flips))
        return float(f1_of_sums(a) - f1_of_sums(b))

    every = [abs(difference(flips)) for flips in [(0, 0), (0, 1), (1, 0), (1, 1)]]
    expected = np.mean(np.array(every) >= every[0] - 1e-9)
    assert permutation_test(first, second, f1_of_sums).p == pytest.approx(expected)


def test_equal_systems_have_p_one_and_nothing_has_none():
    values = means(np.array([0.1, 0.5]))
    assert permutation_test(values, values, ratio).p == 1.0
    assert np.isnan(permutation_test(np.empty((0, 2)), np.empty((0, 2)), ratio).p)


def test_chunks_change_nothing(monkeypatch):
    draw = np.random.default_rng(1)
    for units in (8, 32, 45):
        first, second = means(draw.normal(size=units)), means(draw.normal(size=units))
        whole = permutation_test(first, second, ratio, draws=300, seed=2)
        with monkeypatch.context() as patch:
            patch.setattr("rationale_eval.metrics.statistics._CELLS", 100)
            assert permutation_test(first, second, ratio, draws=300, seed=2) == whole


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_mcnemar_equals_statsmodels(pairs):
    first, second = (np.array(side, dtype=bool) for side in zip(*pairs, strict=True))
    table = [
        [(first & second).sum(), (first & ~second).sum()],
        [(~first & second).sum(), (~first & ~second).sum()],
    ]
    exact = mcnemar_test(first, second).p
    if table[0][1] + table[1][0]:
        assert exact == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert mcnemar_test(first, second, "mid-p").p <= exact <= 1


def test_mid_p_by_hand():
    # 1 against 5: two-sided exact 2 (1 + 6) / 64, mid-p takes off 6 / 64 once.
    first = np.array([True] * 5 + [False])
    assert mcnemar_test(first, ~first).p == pytest.approx(14 / 64)
    assert mcnemar_test(first, ~first, "mid-p").p == pytest.approx(8 / 64)
    even = np.array([True, False])
    assert mcnemar_test(even, ~even, "mid-p").p == pytest.approx(1.0)
    assert mcnemar_test(even, even, "mid-p").p == 1.0


def test_mcnemar_is_the_permutation_test_of_accuracies():
    draw = np.random.default_rng(3)
    first, second = draw.random(11) < 0.8, draw.random(11) < 0.4
    assert permutation_test(means(first * 1.0), means(second * 1.0), ratio).p == pytest.approx(
        mcnemar_test(first, second).p
    )


@pytest.mark.parametrize("size", [1, 2, 5, 30])
def test_holm_equals_statsmodels(size):
    values = np.random.default_rng(size).random(size) ** 4
    values[: size // 3] = values[0]
    np.testing.assert_allclose(holm(values), multipletests(values, method="holm")[1])


def test_holm_leaves_undefined_tests_out():
    np.testing.assert_allclose(holm([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04])


def test_refuses_meaningless_settings():
    with pytest.raises(UsageError):
        permutation_test(means(np.ones(2)), means(np.ones(3)), ratio)
    with pytest.raises(UsageError):
        mcnemar_test(np.array([True]), np.array([True]), "asymptotic")
