"""A2R: the extractor learns through the soft predictor alone, and the hard predictor reads selected words alone."""

from __future__ import annotations

import math
from dataclasses import replace
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
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extractors import read
from rationale_eval.recipes.a2r import A2r, A2rLearner, Tie, tie, token_weights
from rationale_eval.recipes.record import read_config
from rationale_eval.training.randomness import Moment
from tests.helpers.baselines import SMALL, fitted, gradients, interrupted_and_whole, questions, round_trip, sentiment
from tests.helpers.tiny import COMMONSENSE, SENTIMENT, tiny_causal, tiny_choice_encoder, tiny_classifier

NOW = Moment(step=3, micro=0, epoch=0, progress=0.0, seed=1)
SHARE = {"share": 34.0}


def made(model: TransformerModel, size: int = 6, **knobs: Any) -> tuple[A2rLearner, list[Any]]:
    data = sentiment(size) if model.choices else questions(size)
    (stage,) = A2r(model, data, None, read_config(A2r, SMALL | SHARE | knobs)).stages()
    assert isinstance(stage.learner, A2rLearner)
    return stage.learner, list(stage.data.items)


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-6, 6), min_size=6, max_size=6), st.sampled_from(["js", "released"]))
def test_the_tie_is_that_of_the_formula(numbers: list[float], form: Tie) -> None:
    hard, soft = torch.tensor([numbers[:3]]), torch.tensor([numbers[3:]])
    p, q = (torch.softmax(each.double(), dim=1)[0].tolist() for each in (hard, soft))
    m = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    expected = (kl(p, m) + kl(q, m)) / 2 if form == "js" else (kl(m, p) + kl(m, q)) / 2
    assert float(tie(hard, soft, form)) == pytest.approx(expected, abs=1e-5)
    gap = torch.full((1, 1), -torch.inf)
    wider = tie(torch.cat([hard, gap], 1), torch.cat([soft, gap], 1), form)
    assert float(wider) == pytest.approx(expected, abs=1e-5)
    assert float(tie(hard, hard, form)) == pytest.approx(0, abs=1e-6)


def test_choices_that_are_not_there_give_no_nan_gradient() -> None:
    scores = torch.tensor([[0.3, -0.2, -torch.inf]]), torch.tensor([[1.0, 0.0, -torch.inf]])
    hard, soft = (each.requires_grad_() for each in scores)
    tie(hard, soft, "js").sum().backward()
    assert hard.grad is not None and torch.isfinite(hard.grad).all() and bool(hard.grad.abs().sum() > 0)


def test_losses_are_those_of_a_computation_by_hand() -> None:
    model = tiny_classifier(SENTIMENT)
    learner, items = made(model)
    with torch.no_grad():  # predictors that differ
        for parameter in learner.soft.network.parameters():
            parameter.add_(0.05 * torch.cos(torch.arange(parameter.numel())).view_as(parameter))
    found = learner.losses(items, NOW)
    for place, item in enumerate(items):
        (row,) = item.encoding.rows
        batch = model.pad([row])
        a = learner.extractor.logits(model, read(model, [row], [0]))[0].detach().double()
        inside = torch.from_numpy(row.word != NO_WORD)
        means = [float(a[torch.from_numpy(row.word == word)].mean()) for word in range(item.encoding.words)]
        size = max(1, round(len(means) * 0.34))
        kept = sorted(range(len(means)), key=lambda word: (-means[word], word))[:size]
        ids = torch.from_numpy(row.ids[(row.word == NO_WORD) | np.isin(row.word, kept)])[None]
        hard = model.network(input_ids=ids).logits.detach()
        weights = torch.ones(len(row.ids))
        weights[inside] = (a[inside].exp() / a[inside].exp().sum()).float()
        embeds = learner.soft.embedding()(batch.ids) * weights[None, :, None]
        soft = learner.soft.scores(replace(batch, embeds=embeds)).detach()
        for name, scores in (("task", hard), ("soft", soft)):
            expected = -float(torch.log_softmax(scores, dim=1)[0, item.label])
            assert float(found[name][place].detach()) == pytest.approx(expected, abs=2e-5), name
        assert float(found["tie"][place].detach()) == pytest.approx(float(tie(hard, soft, "js")), abs=2e-5)


def test_gradients_flow_where_they_should() -> None:
    learner, items = made(tiny_classifier(SENTIMENT), plausibility=True)
    assert gradients(learner, items, "task") == {"network": True, "soft": False, "extractor": False}
    assert gradients(learner, items, "soft") == {"network": False, "soft": True, "extractor": True}
    assert gradients(learner, items, "plaus") == {"network": False, "soft": False, "extractor": True}
    assert gradients(learner, items, "tie") == {"network": True, "soft": True, "extractor": True}


def test_weights_of_words_sum_to_one_or_to_their_number() -> None:
    model = tiny_classifier(SENTIMENT)
    _, items = made(model, 4)
    rows = [row for item in items for row in item.encoding.rows]
    reading = read(model, rows, [0] * len(rows))
    words = reading.word != NO_WORD
    a = torch.linspace(-3, 3, reading.word.numel()).view(reading.word.shape)
    for form, total in (("softmax", torch.ones(len(rows))), ("rescaled", words.sum(dim=1).float())):
        weights = token_weights(a, reading, form)  # type: ignore[arg-type]
        torch.testing.assert_close((weights * words).sum(dim=1), total)
        assert bool((weights[~words] == 1).all())
    none = replace(reading, word=torch.full_like(reading.word, NO_WORD))
    assert bool((token_weights(a, none, "softmax") == 1).all())


def test_choice_scorers_have_a_rationale_for_each_choice() -> None:
    learner, items = made(tiny_choice_encoder(), 6)
    together = learner.losses(items, NOW)
    alone = [learner.losses([item], NOW) for item in items]
    for name in ("task", "soft", "tie"):
        parts = torch.cat([one[name] for one in alone])
        torch.testing.assert_close(together[name], parts, atol=2e-5, rtol=1e-4)
        assert torch.isfinite(together[name]).all()


def test_what_is_saved_selects_and_then_predicts(tmp_path: Path) -> None:
    recipe = fitted(A2r, tmp_path / "run", SHARE | {"plausibility": True})
    (stage,) = recipe.stages()  # dev metrics are those of the hard predictor on its words
    assert isinstance(recipe, A2r)
    loaded, found = round_trip(recipe, tmp_path / "model")
    assert loaded.fingerprint == recipe.encoder().fingerprint
    for example, each in zip(recipe.train, found, strict=True):
        encoding = loaded.encode(example, recipe.train.words(example))
        assert encoding.whole is not None and each.hard is not None
        assert each.hard.sum() == max(1, round(encoding.words * 0.34))
        assert set(np.flatnonzero(each.hard)) == set(encoding.rows[0].word) - {NO_WORD}
        assert each.scores[each.hard].min() >= each.scores[~each.hard].max()
    assert stage.data.items[0].encoding.whole is None


def test_dev_metrics_are_of_the_hard_predictor(tmp_path: Path) -> None:
    recipe = fitted(A2r, tmp_path / "run", SHARE)
    assert isinstance(recipe, A2r)
    learner = A2rLearner(recipe.encoder(), recipe.extractor, recipe.annotated()[1], recipe.config, recipe.rule)  # type: ignore[arg-type]
    with torch.no_grad():
        stated = learner.evaluate()
    loaded, _ = round_trip(recipe, tmp_path / "model")
    assert recipe.dev is not None
    right = []
    for example in recipe.dev:
        encoding = loaded.encode(example, recipe.dev.words(example))
        with torch.no_grad():
            right.append(int(loaded.scores(loaded.pad(encoding.rows)).argmax()) == example.label)
    assert stated["accuracy"] == pytest.approx(np.mean(right))
    assert 0 <= stated["auprc"] <= 1


def test_a_run_that_was_stopped_ends_with_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed, whole = interrupted_and_whole("a2r", A2rLearner, 3, tmp_path, SHARE, monkeypatch)
    assert resumed.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    for file in ("model.safetensors", "extractor/weights.safetensors"):
        assert durable.sha256(resumed.model / file) == durable.sha256(whole.model / file)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [({"tie": "jsd"}, "tie"), ({"share": 101}, "share"), ({"weighting": "none"}, "weighting"), ({"k": 1}, "'k'")],
)
def test_knobs_that_do_not_fit_are_refused(knobs: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_config(A2r, knobs)


def test_a_language_model_is_refused() -> None:
    assert "encoder" in (A2r.is_compatible(COMMONSENSE, tiny_causal()) or "")
