"""L2E: bins of attributions as the rule says, learned by the explainer alone; the task model stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_eval import durable
from rationale_eval.errors import UsageError
from rationale_eval.models.base import NO_WORD
from rationale_eval.rationales.extractors import read
from rationale_eval.rationales.extractors.attributed import Attributed
from rationale_eval.rationales.extractors.binned import Binned, bins_of, expected
from rationale_eval.recipes.fine_tune import LabelLearner
from rationale_eval.recipes.l2e import L2e, L2eLearner, bin_loss
from rationale_eval.recipes.record import read_config
from rationale_eval.training.randomness import Moment
from tests.helpers.baselines import SMALL, fitted, gradients, interrupted_and_whole, questions, round_trip, sentiment
from tests.helpers.tiny import COMMONSENSE, SENTIMENT, tiny_causal, tiny_choice_encoder, tiny_classifier

NOW = Moment(step=3, micro=0, epoch=0, progress=0.0, seed=1)
FAST = {"attribution": "input_x_gradient"}


def test_bins_part_at_zero_and_at_the_means() -> None:
    # Mean of the negative scores -2.5, of the positive ones 2.
    scores = np.array([-4.0, -2.5, -1.0, 0.0, 1.0, 2.0, 3.0])
    assert bins_of(scores).tolist() == [0, 1, 1, 2, 3, 3, 4]
    assert bins_of(np.zeros(3)).tolist() == [2, 2, 2]
    assert bins_of(np.array([5.0])).tolist() == [3]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=1, max_size=12))
def test_bins_keep_the_order_and_mirror(numbers: list[float]) -> None:
    scores = np.array(numbers)
    found = bins_of(scores)
    order = np.argsort(scores, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    np.testing.assert_array_equal(np.sign(found - 2), np.sign(scores))
    np.testing.assert_array_equal(bins_of(-scores), 4 - found)


def test_the_score_is_the_expected_value_of_the_bin() -> None:
    shares = torch.tensor([[[0.1, 0.2, 0.3, 0.15, 0.25]]])
    assert float(expected(shares.log())) == pytest.approx(-0.2 - 0.2 + 0.15 + 0.5, abs=1e-6)


def second(recipe: L2e) -> Any:
    *_, last = recipe.stages()
    return last


@pytest.mark.parametrize("kind", ["classifier", "choices"])
def test_the_loss_is_the_mean_over_an_examples_tokens(kind: str) -> None:
    model = tiny_classifier(SENTIMENT) if kind == "classifier" else tiny_choice_encoder()
    data = sentiment(6) if kind == "classifier" else questions(6)
    stage = second(L2e(model, data, None, read_config(L2e, SMALL | FAST | {"task_model": "train"})))
    learner, items = stage.learner, stage.data.items
    found = learner.losses(items, NOW)["bins"].detach()
    for place, item in enumerate(items):
        parts = []
        for row in item.encoding.rows:
            with torch.no_grad():
                answer = int(model.scores(model.pad([row])).argmax())
            reading = read(model, [row], [answer])
            target = bins_of(Attributed("input_x_gradient", {}).logits(model, reading)[0].double().numpy())
            log_p = torch.log_softmax(learner.extractor.bins(model, reading)[0], dim=1).detach()
            parts += [-float(log_p[t, b]) for t, b in enumerate(target)]
        assert float(found[place]) == pytest.approx(np.mean(parts), abs=2e-5)


def test_special_tokens_of_integrated_gradients_are_in_the_zero_bin() -> None:
    stage = second(
        L2e(tiny_classifier(SENTIMENT), sentiment(3), None, read_config(L2e, SMALL | {"task_model": "train"}))
    )
    for item in stage.data.items:
        (row,), (bins,) = item.encoding.rows, item.bins
        assert (bins[row.word == NO_WORD] == 2).all()
        assert (bins[row.word != NO_WORD] != 2).any()


def test_padding_does_not_count() -> None:
    stage = second(
        L2e(tiny_classifier(SENTIMENT), sentiment(5), None, read_config(L2e, SMALL | FAST | {"task_model": "train"}))
    )
    items = stage.data.items
    longest = max(len(item.bins[0]) for item in items)
    logits = torch.randn(len(items), longest, 5, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([bin_loss(logits[[i], : len(item.bins[0])], [item]) for i, item in enumerate(items)])
    torch.testing.assert_close(bin_loss(logits, items), alone)


def test_the_explainer_alone_learns() -> None:
    knobs = SMALL | FAST | {"task_model": "train", "plausibility": True}
    recipe = L2e(tiny_classifier(SENTIMENT), sentiment(6), None, read_config(L2e, knobs))
    stage = second(recipe)
    for term in ("bins", "plaus"):
        assert gradients(stage.learner, stage.data.items, term) == {"extractor": True}
        assert all(parameter.grad is None for parameter in recipe.model.network.parameters())
    assert stage.settings.metric == "loss"


@pytest.mark.parametrize(
    ("trained", "task_model", "stages"),
    [
        (True, "auto", ["l2e"]),
        (True, "keep", ["l2e"]),
        (True, "train", ["task", "l2e"]),
        (False, "auto", ["task", "l2e"]),
    ],
)
def test_a_trained_model_is_kept(trained: bool, task_model: str, stages: list[str]) -> None:
    model = tiny_classifier(SENTIMENT)
    model.trained = trained
    recipe = L2e(model, sentiment(4), None, read_config(L2e, SMALL | FAST | {"task_model": task_model}))
    assert [stage.name for stage in recipe.stages()] == stages


def test_a_fresh_head_is_not_explained() -> None:
    model = tiny_classifier(SENTIMENT)
    model.trained = False
    recipe = L2e(model, sentiment(4), None, read_config(L2e, SMALL | {"task_model": "keep"}))
    with pytest.raises(UsageError, match=r"l2e: task_model=keep needs a trained task model"):
        next(recipe.stages())


def test_the_saved_explainer_gives_the_same_scores(tmp_path: Path) -> None:
    recipe = fitted(L2e, tmp_path / "run", FAST | {"task_model": "train", "plausibility": True})
    assert isinstance(recipe, L2e) and isinstance(recipe.extractor, Binned)
    loaded, found = round_trip(recipe, tmp_path / "model")
    assert loaded.narrowing is None
    for example, each in zip(recipe.train, found, strict=True):
        (row,) = recipe.model.encode(example, recipe.train.words(example)).rows
        with torch.no_grad():
            tokens = recipe.extractor.logits(recipe.model, read(recipe.model, [row], [0]))[0].double().numpy()
        means = [tokens[row.word == word].mean() for word in range(len(each.scores))]
        np.testing.assert_allclose(each.scores, means, atol=1e-5)
        assert (np.abs(each.scores) <= 2).all()
        np.testing.assert_array_equal(each.hard, each.scores > 0)


def test_dev_metrics_tell_of_bins_highlights_and_task(tmp_path: Path) -> None:
    recipe = fitted(L2e, tmp_path / "run", FAST | {"task_model": "keep"})
    text = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert all(f'"l2e/dev/{name}"' in text for name in ("loss", "auprc", "accuracy", "macro_f1"))
    assert "task/" not in text
    assert all(not parameter.requires_grad for parameter in recipe.model.network.parameters())


@pytest.mark.parametrize("learner", [LabelLearner, L2eLearner])
def test_a_run_that_was_stopped_in_either_stage_ends_with_the_same_bits(
    learner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs = FAST | {"task_model": "train", "dropout": 0.1, "term_schedules": "bins:0.5"}
    resumed, whole = interrupted_and_whole("l2e", learner, 3, tmp_path, knobs, monkeypatch)
    assert resumed.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    for file in ("model.safetensors", "extractor/weights.safetensors"):
        assert durable.sha256(resumed.model / file) == durable.sha256(whole.model / file)


@pytest.mark.parametrize(
    ("knobs", "said"), [({"task_model": "yes"}, "task_model"), ({"steps": 0}, "steps"), ({"binz": 5}, "'binz'")]
)
def test_knobs_that_do_not_fit_are_refused(knobs: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_config(L2e, knobs)


def test_a_language_model_is_refused() -> None:
    assert "encoder" in (L2e.is_compatible(COMMONSENSE, tiny_causal()) or "")
