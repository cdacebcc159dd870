"""Every faithfulness metric against a loop that asks the model one input at a time."""

from __future__ import annotations

import inspect
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from rationale_eval.data.example import Example
from rationale_eval.data.rationale import WordScores
from rationale_eval.data.words import split_words
from rationale_eval.engine.case import REMOVALS, Case
from rationale_eval.engine.run import Engine
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.curves import kendall_tau_b
from rationale_eval.metrics.faithfulness import ERASER_BINS, average
from rationale_eval.metrics.record import METRICS
from tests.helpers.linear import LinearModel

load_all()
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=2, max_size=14).map(" ".join)


class Rig:
    """One example, a model that is asked one question at a time, and the metric through the engine."""

    def __init__(self, text: str, scores: np.ndarray, *, evidence=None, hard=None, target=None, seed=0):
        self.model = LinearModel()
        self.example = Example("x", "toy", {"text": text}, ("a", "b", "c"), 0, evidence=evidence)
        self.words = split_words(self.example)
        self.encoding = self.model.encode(self.example, self.words)
        bare = Case(self.example, self.words, encoding=self.encoding)
        self.p = Engine(self.model).answer([bare.whole()])[0]
        self.y = int(np.argmax(self.p)) if target is None else target
        self.case = Case(
            self.example, self.words, encoding=self.encoding, target=self.y, probabilities=self.p,
            rationale=WordScores("x", "m", self.words, scores, hard=hard), seed=seed,
        )  # fmt: skip

    def without(self, places, removal="delete") -> np.ndarray:
        return Engine(self.model, batch_tokens=1).answer([self.case.without(list(places), removal)])[0]

    def only(self, places, removal="delete") -> np.ndarray:
        return Engine(self.model, batch_tokens=1).answer([self.case.only(list(places), removal)])[0]

    def score(self, name: str, variant: str | None = None, **options):
        found = METRICS[name]
        options = {**found.variants[variant or next(iter(found.variants))], **options}
        return next(Engine(self.model).run([found.ask(self.case, **options)]))


@st.composite
def rigs(draw):
    text = draw(TEXTS)
    size = len(text.split())
    scores = draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    return Rig(text, np.array(scores, dtype=float))


def order_of(rig: Rig) -> list[int]:
    return sorted(range(len(rig.words)), key=lambda place: (-rig.case.scores[place], place))


def half_even(size: int, percent: float) -> int:
    return max(1, round(size * percent / 100))


@settings(max_examples=40, deadline=None)
@given(rig=rigs(), removal=st.sampled_from(REMOVALS))
def test_aopc_equals_the_loop(rig, removal):
    order, n = order_of(rig), len(rig.words)
    comp = [rig.p[rig.y] - rig.without(order[: half_even(n, k)], removal)[rig.y] for k in ERASER_BINS]
    suff = [rig.p[rig.y] - rig.only(order[: half_even(n, k)], removal)[rig.y] for k in ERASER_BINS]
    assert rig.score("comprehensiveness_aopc", removal=removal).value == pytest.approx(np.mean(comp), abs=1e-6)
    assert rig.score("sufficiency_aopc", removal=removal).value == pytest.approx(np.mean(suff), abs=1e-6)
    assert rig.score("comprehensiveness_aopc", "unirex", removal=removal).value == pytest.approx(
        sum(comp) / 6, abs=1e-6
    )
    assert rig.score("sufficiency_aopc", "unirex", removal=removal).value == pytest.approx(sum(suff) / 6, abs=1e-6)
    assert rig.score("csd", removal=removal).value == pytest.approx(np.mean(comp) - np.mean(suff), abs=1e-6)
    np.testing.assert_allclose(rig.score("comprehensiveness_aopc", removal=removal).curve, comp, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(rig=rigs())
def test_ferret_variant_equals_the_loop(rig):
    order, n = order_of(rig), len(rig.words)
    comp, suff, before = [], [], -1
    for k in ERASER_BINS:
        chosen = [place for place in order[: int(np.floor(n * k / 100 + 1e-12))] if rig.case.scores[place] > 0]
        if not chosen or len(chosen) == before:
            continue
        before = len(chosen)
        comp.append(rig.p[rig.y] - rig.without(chosen)[rig.y])
        suff.append(rig.p[rig.y] - rig.only(chosen)[rig.y])
    assert rig.score("comprehensiveness_aopc", "ferret").value == pytest.approx(np.mean(comp) if comp else 0, abs=1e-6)
    assert rig.score("sufficiency_aopc", "ferret").value == pytest.approx(np.mean(suff) if suff else 1, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(rig=rigs(), removal=st.sampled_from(REMOVALS))
def test_one_selection_log_odds_and_curves_equal_the_loop(rig, removal):
    order, n, y = order_of(rig), len(rig.words), rig.y
    best = order[: half_even(n, 20)]
    assert rig.score("comprehensiveness", removal=removal).value == pytest.approx(
        rig.p[y] - rig.without(best, removal)[y], abs=1e-6
    )
    assert rig.score("sufficiency", removal=removal).value == pytest.approx(
        rig.p[y] - rig.only(best, removal)[y], abs=1e-6
    )
    logs = [np.log(rig.without(order[: half_even(n, k)], removal)[y]) - np.log(rig.p[y]) for k in ERASER_BINS]
    assert rig.score("log_odds", removal=removal).value == pytest.approx(np.mean(logs), abs=1e-5)
    counts = [0, *(half_even(n, q) for q in range(10, 101, 10))]
    gone = [rig.without(order[:count], removal)[y] for count in counts]
    back = [rig.only(order[:count], removal)[y] for count in counts]
    trapezoid = [(left + right) / 20 for left, right in pairwise(gone)]
    assert rig.score("deletion_auc", removal=removal).value == pytest.approx(sum(trapezoid), abs=1e-6)
    trapezoid = [(left + right) / 20 for left, right in pairwise(back)]
    assert rig.score("insertion_auc", removal=removal).value == pytest.approx(sum(trapezoid), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(rig=rigs(), removal=st.sampled_from(REMOVALS))
def test_decision_flip_and_tau_equal_the_loop(rig, removal):
    order, n = order_of(rig), len(rig.words)
    flips = [j for j in range(1, n + 1) if np.argmax(rig.without(order[:j], removal)) != np.argmax(rig.p)]
    assert rig.score("decision_flip", removal=removal).value == (flips[0] / n if flips else 1.0)
    only = rig.score("decision_flip", "flipped_only", removal=removal)
    assert np.isnan(only.value) == (not flips)
    assert bool(only.reason) == (not flips)
    effects = [rig.p[rig.y] - rig.without([place], removal)[rig.y] for place in range(n)]
    tau = rig.score("tau_loo", removal=removal)
    if np.ptp(rig.case.scores) == 0 or np.ptp(effects) == 0:
        assert np.isnan(tau.value) and tau.reason
    else:
        assert tau.value == pytest.approx(kendalltau(rig.case.scores, effects).statistic, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(rig=rigs())
def test_soft_erasure_equals_the_formula(rig):
    scores, y = rig.case.scores, rig.y
    if np.ptp(scores) == 0:
        assert "equal" in rig.score("soft_sufficiency").reason
        return
    unit = (scores - scores.min()) / np.ptp(scores)
    engine = Engine(rig.model)
    empty = engine.answer([rig.case.only([], "zero")])[0]
    floor = 1 - max(0, rig.p[y] - empty[y])
    for name, retain, sign in (("soft_sufficiency", unit, 1), ("soft_comprehensiveness", 1 - unit, -1)):
        found = rig.score(name)
        if floor == 1:
            assert np.isnan(found.value)
            continue
        drops = [max(0, rig.p[y] - engine.answer([rig.case.soft(retain, draw)])[0][y]) for draw in range(10)]
        gains = [((1 - d) - floor) / (1 - floor) if sign > 0 else d / (1 - floor) for d in drops]
        assert found.value == pytest.approx(np.mean(np.clip(gains, 0, 1)), abs=1e-5)


def test_infidelity_is_zero_for_the_true_effects_of_an_additive_model():
    rig = Rig("alpha beta gamma delta", np.zeros(4))
    rng = np.random.default_rng(rig.case.seed)
    subsets = [np.flatnonzero(rng.random(4) < 0.5) for _ in range(10)]
    drops = np.array([rig.p[rig.y] - rig.without(subset, "pad")[rig.y] for subset in subsets])
    design = np.array([[place in subset for place in range(4)] for subset in subsets], dtype=float)
    best = np.linalg.lstsq(design, drops, rcond=None)[0]
    fitted = Rig("alpha beta gamma delta", best).score("infidelity", "raw").value
    assert fitted == pytest.approx(np.mean((design @ best - drops) ** 2), abs=1e-7)
    assert fitted <= Rig("alpha beta gamma delta", best + 0.05).score("infidelity", "raw").value
    scaled = Rig("alpha beta gamma delta", best * 1000).score("infidelity").value
    assert scaled == pytest.approx(Rig("alpha beta gamma delta", best).score("infidelity").value, abs=1e-7)
    assert rig.score("infidelity").value == pytest.approx(np.mean(drops**2), abs=1e-7)


def test_max_sensitivity_is_the_largest_relative_change():
    scores = np.array([3.0, 4.0, 0.0])
    rig = Rig("alpha beta gamma", scores)

    def shaken(asks):
        return [scores + np.array([0.0, 0.0, ask.seed * ask.radius]) for ask in asks]

    found = METRICS["max_sensitivity"]
    engine = Engine(rig.model, explainers={"m": shaken})
    score = next(engine.run([found.ask(rig.case)]))
    assert score.value == pytest.approx(9 * 0.02 / 5)
    assert "zero" in next(engine.run([found.ask(Rig("alpha beta", np.zeros(2)).case)])).reason


def test_empty_and_full_rationales():
    text = "alpha beta gamma delta"
    nothing = Rig(text, np.zeros(4), hard=np.zeros(4, bool))
    everything = Rig(text, np.zeros(4), hard=np.ones(4, bool))
    special = nothing.only([])
    assert nothing.score("comprehensiveness", "hard").value == 0.0
    assert nothing.score("sufficiency", "hard").value == pytest.approx(nothing.p[nothing.y] - special[nothing.y])
    assert everything.score("sufficiency", "hard").value == 0.0
    assert everything.score("comprehensiveness", "hard").value == pytest.approx(
        nothing.p[nothing.y] - special[nothing.y]
    )


def test_a_selection_that_is_missing_is_a_reason_not_a_zero():
    rig = Rig("alpha beta", np.array([1.0, 0.0]))
    assert "no selection" in rig.score("comprehensiveness", "hard").reason
    assert "no gold" in rig.score("sufficiency", "gold_length").reason
    gold = Rig("alpha beta", np.array([1.0, 0.0]), evidence={"text": ((6, 10),)})
    assert gold.score("comprehensiveness", "gold_length").value == pytest.approx(
        gold.p[gold.y] - gold.without([0])[gold.y]
    )


def test_no_scored_word_is_undefined_everywhere():
    rig = Rig("alpha beta", np.full(2, np.nan))
    for name, found in METRICS.items():
        if found.family == "faithfulness" and "explainer" not in found.needs:
            score = rig.score(name)
            assert np.isnan(score.value) and score.reason, name


def test_a_word_without_score_is_never_ranked():
    rig = Rig("alpha beta gamma", np.array([1.0, np.nan, 2.0]))
    assert rig.case.ranking.tolist() == [2, 0]
    comp = [rig.p[rig.y] - rig.without([2, 0][: half_even(2, k)])[rig.y] for k in ERASER_BINS]
    assert rig.score("comprehensiveness_aopc").value == pytest.approx(np.mean(comp), abs=1e-6)


def test_the_explained_choice_is_fixed_and_may_differ_from_the_prediction():
    text, scores = "alpha beta gamma", np.array([3.0, 2.0, 1.0])
    predicted = Rig(text, scores)
    other = (predicted.y + 1) % 3
    rig = Rig(text, scores, target=other)
    drops = [rig.p[other] - rig.without([0, 1, 2][: half_even(3, k)])[other] for k in ERASER_BINS]
    assert rig.score("comprehensiveness_aopc").value == pytest.approx(np.mean(drops), abs=1e-6)


def test_published_normalisers():
    """p(x) = .9 and p(x without r_k) = .9 .8 .6 .5 .3: mean 0.28; divided by bins plus one 0.233333."""
    drops = 0.9 - np.array([0.9, 0.8, 0.6, 0.5, 0.3])
    assert average(list(drops), "bins").value == pytest.approx(0.28)
    assert average(list(drops), "bins_plus_one").value == pytest.approx(0.233333, abs=1e-6)


def test_every_faithfulness_record_is_complete_and_its_variants_are_accepted():
    rig = Rig("alpha beta gamma delta", np.array([4.0, 1.0, 3.0, 2.0]), hard=np.array([1, 0, 1, 0], bool),
              evidence={"text": ((0, 5),)})  # fmt: skip
    for name, found in METRICS.items():
        if found.family != "faithfulness":
            continue
        assert found.cite and found.formula and found.describe and found.title and found.symbol, name
        assert inspect.getdoc(found.ask), name
        for variant in found.variants if "explainer" not in found.needs else ():
            value = rig.score(name, variant).value
            assert np.isnan(value) or found.range[0] <= value <= found.range[1], (name, variant)


@pytest.mark.parametrize("size", [2, 3, 30, 1200])
def test_tau_b_equals_scipy_with_and_without_ties(size):
    draw = np.random.default_rng(size)
    for ties in (2, 5, 10_000):
        x, y = draw.integers(0, ties, size).astype(float), draw.integers(0, ties, size).astype(float)
        x[:2], y[:2] = (0, 1), (1, 0)
        assert kendall_tau_b(x, y) == pytest.approx(kendalltau(x, y).statistic, abs=1e-12)
    assert kendall_tau_b(np.array([0.3, 0.1, 0.0, 0.05]), np.array([0.9, 0.2, 0.4, 0.1])) == pytest.approx(1 / 3)
