"""Extraction over a data set: order, windows, targets, controls, seeds, and explaining again with noise."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rationale_eval.data.example import Example
from rationale_eval.data.rationale import WordScores
from rationale_eval.data.words import Word, split_words
from rationale_eval.engine.case import Case, Reexplain
from rationale_eval.engine.run import Engine
from rationale_eval.errors import InputError, UsageError
from rationale_eval.rationales.extract import Extraction, choose, explain_noisy, reexplain, target_of
from rationale_eval.rationales.extractors.shared import Shared
from rationale_eval.rationales.extractors.stored import save_extractor
from rationale_eval.rationales.methods import METHODS
from tests.helpers.linear import LinearModel
from tests.helpers.tiny import COMMONSENSE, NLI, example, tiny_choice_encoder, tiny_classifier

Items = list[tuple[Example, tuple[Word, ...]]]


@cache
def classifier():  # type: ignore[no-untyped-def]
    return tiny_classifier()


def items_of(number: int = 7) -> Items:
    words = ["A", "man", "is", "playing", "a", "guitar", "on", "the", "stage", "while", "people", "watch", "him"]
    cases = [example(NLI, f"e{i}", premise=" ".join(words[: 3 + (5 * i) % 11])) for i in range(number)]
    cases = [replace(one, evidence={"premise": ((2, 5),)}) for one in cases]
    return [(one, split_words(one)) for one in cases]


def run(names: list[str], items: Items, model=None, window: int | None = None, **options) -> list[list[WordScores]]:  # type: ignore[no-untyped-def]
    chosen = [choose(name) for name in names]
    return list(Extraction(chosen, model or classifier(), **options).run(items, window))


def test_all_methods_together_equal_each_alone_in_any_window_and_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier()
    save_extractor(Shared.build(model, {}), tmp_path / "extractor")
    monkeypatch.setattr(model, "extractor", tmp_path / "extractor")  # the model is shared by all tests
    names = [name for name in METHODS if name not in ("integrated_gradients", "lime")]
    items = items_of(4)
    together = run(names, items, model)
    assert [scores[0].example_id for scores in together] == [one.id for one, _ in items]
    assert [[one.method for one in scores] for scores in together] == [names] * len(items)
    backwards = run(names, items[::-1], model, window=2)[::-1]
    for place, name in enumerate(names):
        alone = run([name], items, model, window=3)
        for a, b, c in zip(together, backwards, alone, strict=True):
            np.testing.assert_allclose(a[place].scores, b[place].scores, atol=1e-5)
            np.testing.assert_allclose(a[place].scores, c[0].scores, atol=1e-5)
            assert a[place].target == c[0].target


def test_the_window_bounds_how_far_the_data_is_read() -> None:
    read = []

    def counted():  # type: ignore[no-untyped-def]
        for one, words in items_of(9):
            read.append(one.id)
            yield one, words

    results = Extraction([choose("saliency")], classifier()).run(counted(), 3)
    next(results)
    assert len(read) == 3


def test_the_predicted_choice_is_explained_unless_another_is_named() -> None:
    items, model = items_of(4), classifier()
    engine = Engine(model)
    for (one, words), (found,) in zip(items, run(["saliency"], items), strict=True):
        answer = engine.answer([Case(one, words, encoding=model.encode(one, words)).whole()])[0]
        assert found.target == int(np.argmax(answer))
    assert {found.target for (found,) in run(["saliency"], items, target="gold")} == {0}
    assert {found.target for (found,) in run(["saliency"], items, target="contradiction")} == {2}


def test_gold_follows_the_names_of_the_models_choices() -> None:
    model = LinearModel(("b", "a", "c"))
    assert target_of("gold", Example("1", "t", {"text": "x"}, ("a", "b", "c"), label=0), model, None) == 1
    assert target_of("gold", Example("1", "t", {"text": "x"}, label=2), model, None) == 2
    scorer = LinearModel(None)
    assert target_of("eat food", Example("1", "t", {"text": "x"}, ("sleep", "eat food")), scorer, None) == 1


def test_a_target_that_is_not_there_is_told() -> None:
    items = items_of(1)
    with pytest.raises(InputError, match="example 'e0' has no choice 'maybe'; choose predicted, gold or one of entail"):
        run(["saliency"], items, target="maybe")
    with pytest.raises(InputError, match="example 'e0' has no label to explain"):
        run(["saliency"], [(replace(items[0][0], label=None), items[0][1])], target="gold")


def test_scorers_of_choices_explain_each_choice_by_its_row() -> None:
    model = tiny_choice_encoder()
    one = example(COMMONSENSE)
    items = [(one, split_words(one))]
    found = [run(["input_x_gradient"], items, model, target=choice)[0][0].scores for choice in one.choices]
    assert np.abs(found[0] - found[1]).max() > 1e-3
    assert not np.isnan(found).any()


def test_controls_need_no_model() -> None:
    items = items_of(3)
    chosen = [choose(name) for name in ("random", "gold", "inverse_gold")]
    for (_, words), (chance, gold, inverse) in zip(items, Extraction(chosen, None).run(items), strict=True):
        marked = np.array([word.field == "premise" and word.start == 2 for word in words])
        assert gold.scores.tolist() == marked.astype(float).tolist()
        assert gold.hard is not None and gold.hard.tolist() == marked.tolist()
        assert (gold.scores + inverse.scores == 1).all()
        assert chance.target is None and len(set(chance.scores)) == len(words)
    bare = [(replace(one, evidence=None), words) for one, words in items]
    for _, gold, inverse in Extraction(chosen, None).run(bare):
        assert np.isnan(gold.scores).all() and np.isnan(inverse.scores).all()
        assert gold.notes["not_annotated"] == 1.0 and gold.hard is None


def test_random_scores_follow_seed_and_example() -> None:
    items = items_of(40)
    first, again = run(["random"], items), run(["random"], items[::-1])[::-1]
    assert all((a[0].scores == b[0].scores).all() for a, b in zip(first, again, strict=True))
    other = run(["random"], items, seed=1)
    assert all((a[0].scores != b[0].scores).all() for a, b in zip(first, other, strict=True))
    values = np.concatenate([scores[0].scores for scores in first])
    assert abs(values.mean()) < 0.2 and abs(values.std() - 1) < 0.15


def test_unseen_words_and_deltas_are_counted() -> None:
    one = Example("1", "t", {"text": "one two three four five"})
    extraction = Extraction(
        [choose("integrated_gradients", {"steps": 5}), choose("lime"), choose("leave_one_out")],
        LinearModel(max_length=6),
    )
    ((found, *_),) = extraction.run([(one, split_words(one))])
    assert found.notes["unseen_words"] == 2.0
    tally = extraction.tallies["integrated_gradients"]
    assert (tally.examples, tally.unseen_words, tally.shared) == (1, 2, False)
    assert tally.mean_delta is not None and tally.mean_delta < 1e-5
    assert extraction.tallies["lime"].shared and extraction.tallies["lime"].mean_delta is None


def test_perturbation_methods_share_their_passes() -> None:
    engine = Engine(classifier())
    run(["leave_one_out", "occlusion"], items_of(3), engine=engine)
    assert engine.tally.passes < engine.tally.sequences
    before = engine.tally.passes
    run(["leave_one_out", "occlusion"], items_of(3), engine=engine)
    assert engine.tally.passes == before


def test_what_cannot_run_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="explains a model: give one"):
        Extraction([choose("saliency")], None)
    with pytest.raises(UsageError, match="'saliency' is asked for twice"):
        Extraction([choose("saliency"), choose("saliency")], classifier())
    with pytest.raises(UsageError, match="attention: linear is not a transformers network"):
        Extraction([choose("attention")], LinearModel())


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap", "attention_rollout", "deep_lift"])
def test_explaining_again_without_noise_gives_the_same(method: str) -> None:
    items, model = items_of(3), classifier()
    params = {"steps": 5} if method == "integrated_gradients" else {}
    found = list(Extraction([choose(method, params)], model, seed=4).run(items))
    again = reexplain(model, method, params, seed=4)
    requests = [
        Reexplain(method, model.encode(*item), scores[0].target or 0, 0.0, seed)
        for seed, (item, scores) in enumerate(zip(items, found, strict=True))
    ]
    for scores, same in zip(found, again(requests), strict=True):
        np.testing.assert_allclose(scores[0].scores, same, atol=1e-5)
    noisy = [replace(request, radius=0.05) for request in requests]
    for scores, moved in zip(found, again(noisy), strict=True):
        assert np.abs(scores[0].scores - moved).max() > 1e-5
    one_by_one = [again([request])[0] for request in noisy[::-1]][::-1]
    for a, b in zip(again(noisy), one_by_one, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_noise_may_be_asked_for_directly_but_not_of_methods_that_remove_words() -> None:
    model, ((one, words), *_) = classifier(), items_of(1)
    encoding = model.encode(one, words)
    first, second = explain_noisy(model, [(encoding, 0)] * 2, "saliency", 0.05, [1, 2])
    assert np.abs(first - second).max() > 1e-5
    with pytest.raises(UsageError, match="leave_one_out does not read input embeddings"):
        reexplain(model, "leave_one_out")
