"""Methods that remove words: exact Shapley values, captum's regressions, and their laws."""

from collections.abc import Callable
from itertools import chain, combinations, pairwise
from math import factorial

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnLinearModel
from captum.attr import FeatureAblation, KernelShap, LimeBase
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_eval.data.example import Example
from rationale_eval.data.words import split_words
from rationale_eval.engine.case import Case
from rationale_eval.engine.run import Engine
from rationale_eval.errors import UsageError
from rationale_eval.rationales.methods import METHODS
from rationale_eval.rationales.methods.kernel_shap import coalitions, solve
from rationale_eval.rationales.methods.lime import closeness, draw_subsets
from rationale_eval.rationales.methods.occlusion import _windows
from rationale_eval.rationales.record import Found
from tests.helpers.linear import LinearModel

MODEL = LinearModel()
TEXT = "the play was not at all bad"


def case_of(text: str = TEXT, target: int = 1, seed: int = 3, model: LinearModel = MODEL, **fields: str) -> Case:
    one = Example("1", "t", {"text": text} | fields)
    words = split_words(one)
    return Case(one, words, encoding=model.encode(one, words), target=target, seed=seed)


def run(method: str, case: Case, model: LinearModel = MODEL, **params: object) -> Found:
    chosen = METHODS[method]
    (found,) = Engine(model).run([chosen.explain(case, **chosen.settings(params))])
    return found


def probability(case: Case) -> Callable[[np.ndarray], float]:
    """p(target) with only the marked words kept."""
    engine = Engine(MODEL)

    def of(keep: np.ndarray) -> float:
        return float(engine.answer([case.without(np.flatnonzero(~keep))])[0][case.target])

    return of


def shapley(words: int, of: Callable[[np.ndarray], float]) -> np.ndarray:
    """Shapley values from their definition, a sum over all subsets."""
    found = np.zeros(words)
    for word in range(words):
        others = [i for i in range(words) if i != word]
        for inside in chain.from_iterable(combinations(others, size) for size in range(words)):
            keep = np.isin(np.arange(words), inside)
            weight = factorial(len(inside)) * factorial(words - len(inside) - 1) / factorial(words)
            found[word] += weight * (of(keep | (np.arange(words) == word)) - of(keep))
    return found


@pytest.mark.parametrize("text", ["good", "not good", "the play was good", "the play was not at all bad"])
def test_kernel_shap_over_all_subsets_is_the_shapley_value(text: str) -> None:
    case = case_of(text)
    found = run("kernel_shap", case, samples=200)
    np.testing.assert_allclose(found.scores, shapley(len(case.words), probability(case)), atol=1e-6)
    assert found.notes["exact"] == 1.0


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 14), st.integers(2, 120), st.integers(0, 10))
def test_kernel_shap_scores_always_add_up(words: int, samples: int, seed: int) -> None:
    case = case_of(" ".join(f"w{i}" for i in range(words)), seed=seed)
    of = probability(case)
    found = run("kernel_shap", case, samples=samples)
    whole, none = of(np.ones(words, dtype=bool)), of(np.zeros(words, dtype=bool))
    assert found.scores.sum() == pytest.approx(whole - none, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 14), st.integers(40, 300), st.integers(0, 10))
def test_coalitions_are_real_and_within_the_budget(words: int, samples: int, seed: int) -> None:
    kept, weights = coalitions(words, samples, np.random.default_rng(seed))
    assert len(kept) == len(weights) <= max(samples, 2)
    assert (weights > 0).all()
    assert ((kept.sum(1) > 0) & (kept.sum(1) < words)).all()
    # An additive game is found exactly by any set of coalitions that tells the words apart.
    truth = np.random.default_rng(seed).normal(size=words)
    if np.linalg.matrix_rank(kept[:, :-1].astype(float) - kept[:, -1:]) == words - 1:
        np.testing.assert_allclose(solve(kept, weights, kept @ truth, truth.sum()), truth, atol=1e-8)


def test_kernel_shap_draws_come_near_the_shapley_value() -> None:
    case = case_of("one two three four five six seven eight nine")
    exact = run("kernel_shap", case, samples=510).scores
    few, many = (
        np.mean(
            [
                np.abs(
                    run(
                        "kernel_shap",
                        case_of(" ".join(w for w in case.example.inputs["text"].split()), seed=s),
                        samples=n,
                    ).scores
                    - exact
                ).mean()
                for s in range(4)
            ]
        )
        for n in (20, 300)
    )
    assert many < few
    assert many < 0.05 * np.abs(exact).max()


def test_kernel_shap_agrees_with_captum_on_a_short_text() -> None:
    case = case_of("the play was good")
    of = probability(case)

    def forward(keep: torch.Tensor) -> torch.Tensor:
        return torch.tensor([of(row.bool().numpy()) for row in keep])

    torch.manual_seed(0)
    theirs = KernelShap(forward).attribute(torch.ones(1, 4), baselines=torch.zeros(1, 4), n_samples=3000)
    np.testing.assert_allclose(run("kernel_shap", case).scores, theirs[0].numpy(), atol=0.01)


def test_leave_one_out_equals_captum_and_the_definition() -> None:
    case = case_of()
    of = probability(case)
    words = len(case.words)

    def forward(keep: torch.Tensor) -> torch.Tensor:
        return torch.tensor([of(row.bool().numpy()) for row in keep])

    theirs = FeatureAblation(forward).attribute(torch.ones(1, words), baselines=0)
    found = run("leave_one_out", case)
    np.testing.assert_allclose(found.scores, theirs[0].numpy(), atol=1e-6)
    everything = np.ones(words, dtype=bool)
    expected = [of(everything) - of(np.arange(words) != i) for i in range(words)]
    np.testing.assert_allclose(found.scores, expected, atol=1e-9)


@pytest.mark.parametrize("output", ["log_probability", "log_odds"])
def test_the_explained_number_can_be_chosen(output: str) -> None:
    case = case_of("good play")
    of = probability(case)
    whole, first_gone = of(np.array([True, True])), of(np.array([False, True]))
    transform = np.log if output == "log_probability" else lambda p: np.log(p / (1 - p))
    assert run("leave_one_out", case, output=output).scores[0] == pytest.approx(
        transform(whole) - transform(first_gone)
    )


def test_occlusion_of_one_word_is_leave_one_out() -> None:
    case = case_of()
    np.testing.assert_allclose(run("occlusion", case, window=1).scores, run("leave_one_out", case).scores, atol=1e-12)


def test_occlusion_averages_windows_within_a_field() -> None:
    case = case_of("one two three", other="four five")
    of = probability(case)

    def fall(*gone: int) -> float:
        return of(np.ones(5, dtype=bool)) - of(~np.isin(np.arange(5), gone))

    expected = [fall(0, 1), (fall(0, 1) + fall(1, 2)) / 2, fall(1, 2), fall(3, 4), fall(3, 4)]
    np.testing.assert_allclose(run("occlusion", case, window=2).scores, expected, atol=1e-9)


def test_lime_equals_captum_given_the_same_texts() -> None:
    case = case_of()
    of = probability(case)
    kept = draw_subsets(len(case.words), 60, np.random.default_rng(case.seed))
    rows = iter(torch.from_numpy(kept).float())

    def forward(keep: torch.Tensor) -> torch.Tensor:
        return torch.tensor([of(row.bool().numpy()) for row in keep])

    base = LimeBase(
        forward,
        interpretable_model=SkLearnLinearModel("linear_model.Ridge", alpha=1.0, solver="cholesky"),
        similarity_func=lambda original, changed, interpretable, **_: torch.tensor(
            closeness(interpretable.bool().numpy(), 25.0)
        ),
        perturb_func=lambda original, **_: next(rows)[None],
        perturb_interpretable_space=True,
        from_interp_rep_transform=lambda interpretable, original, **_: interpretable,
        to_interp_rep_transform=None,
    )
    theirs = base.attribute(torch.ones(1, len(case.words)), n_samples=60)
    np.testing.assert_allclose(run("lime", case, samples=60).scores, theirs[0].numpy(), atol=1e-5)


def test_lime_finds_an_additive_output_as_the_penalty_fades() -> None:
    model = LinearModel(("a", "b"), slope=0.0, curve=0.0)
    case = case_of("one two three four", model=model)
    found = run("lime", case, model, samples=400, alpha=1e-9, width=100.0, output="log_odds")
    table = model.embedding().weight.detach().double().numpy()
    vectors = table[case.encoding.rows[0].ids[1:-1]]
    np.testing.assert_allclose(found.scores, vectors[:, 1] - vectors[:, 0], atol=1e-4)
    assert found.notes["r_squared"] == pytest.approx(1.0, abs=1e-6)


def test_lime_subsets_keep_all_first_and_draw_every_size_alike() -> None:
    kept = draw_subsets(4, 4001, np.random.default_rng(0))
    assert kept[0].all()
    sizes = np.bincount(kept[1:].sum(1), minlength=5)
    assert sizes[4] == 0
    assert np.abs(sizes[:4] / 4000 - 0.25).max() < 0.03
    weights = closeness(np.array([[True] * 4, [True, False, False, False], [False] * 4]), 25.0)
    np.testing.assert_allclose(weights, [1.0, np.exp(-(0.5**2) / (2 * 0.25**2)), np.exp(-1 / (2 * 0.25**2))])


def test_draws_depend_on_the_example_alone() -> None:
    for method in ("lime", "kernel_shap"):
        long = "one two three four five six seven eight nine"
        first, again = run(method, case_of(long, seed=5)), run(method, case_of(long, seed=5))
        np.testing.assert_array_equal(first.scores, again.scores)
        assert np.abs(first.scores - run(method, case_of(long, seed=6)).scores).max() > 1e-6


@pytest.mark.parametrize("method", ["leave_one_out", "occlusion", "lime", "kernel_shap"])
def test_words_the_model_does_not_see_take_no_part(method: str) -> None:
    short = LinearModel(max_length=6)
    found = run(method, case_of("one two three four five", model=short), short)
    assert np.isnan(found.scores).tolist() == [False, False, False, True, True]
    seen = run(method, case_of("one two three"))
    np.testing.assert_allclose(found.scores[:3], seen.scores, atol=1e-6)


@pytest.mark.parametrize("removal", ["delete", "mask", "pad", "attention", "zero"])
def test_every_removal_operator_serves(removal: str) -> None:
    case = case_of("not good")
    engine = Engine(MODEL)
    whole, without = engine.answer([case.whole(), case.without([0], removal)])  # type: ignore[arg-type]
    assert run("leave_one_out", case, removal=removal).scores[0] == pytest.approx(whole[1] - without[1], abs=1e-9)


@pytest.mark.parametrize(
    ("method", "params"),
    [("occlusion", {"window": 0}), ("lime", {"samples": 1}), ("lime", {"width": 0.0}), ("kernel_shap", {"samples": 1})],
)
def test_impossible_numbers_are_refused(method: str, params: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=method):
        run(method, case_of(), **params)


@pytest.mark.parametrize(("size", "window", "stride"), [(7, 3, 1), (7, 3, 3), (10, 4, 2), (2, 5, 5), (9, 3, 3)])
def test_occlusion_windows_cover_every_word_and_step_by_the_stride(size, window, stride):
    model = LinearModel()
    one = Example("x", "toy", {"first": " ".join(["people"] * size), "second": "a man"}, ("a", "b", "c"))
    words = split_words(one)
    given = Case(one, words, encoding=model.encode(one, words), target=0)
    places = np.flatnonzero(given.seen)
    found = [part.tolist() for part in _windows(given, places, window, stride)]
    inside = [part for part in found if part[0] < size]
    assert sorted({place for part in inside for place in part}) == list(range(size))
    starts = [part[0] for part in inside]
    assert all(after - before <= stride for before, after in pairwise(starts))
    assert starts[-1] == max(0, size - window)
