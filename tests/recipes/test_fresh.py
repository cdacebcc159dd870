"""FRESH: the rationale is fixed before the second model learns, and no other word ever reaches that model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rationale_eval import durable
from rationale_eval.engine.case import Case
from rationale_eval.engine.run import Engine
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.models.base import NO_WORD
from rationale_eval.models.load import load_model
from rationale_eval.rationales import select_first
from rationale_eval.rationales.extractors import read
from rationale_eval.rationales.extractors.attributed import Attributed
from rationale_eval.rationales.select_first import Rule
from rationale_eval.recipes.fine_tune import FineTune, LabelLearner
from rationale_eval.recipes.fresh import Fresh, MarkLearner
from rationale_eval.recipes.record import read_config
from tests.helpers.baselines import (
    SMALL,
    fitted,
    gradients,
    interrupted_and_whole,
    questions,
    round_trip,
    sentiment,
)
from tests.helpers.tiny import COMMONSENSE, SENTIMENT, tiny_causal, tiny_choice_encoder, tiny_classifier

FAST = {"attribution": "input_x_gradient", "share": 34.0}
NAN = float("nan")


@pytest.mark.parametrize(
    ("rule", "scores", "kept"),
    [
        (Rule(50.0), [0.1, 0.4, 0.3, 0.2, 0.0], [1, 2]),
        (Rule(50.0, counting="ceil"), [0.1, 0.4, 0.3, 0.2, 0.0], [1, 2, 3]),
        (Rule(20.0), [0.1, 0.4], [1]),
        (Rule(50.0, "span"), [0.5, -0.9, 0.3, 0.2, 0.0], [2, 3]),
        (Rule(50.0, "span"), [0.5, NAN, 0.3, 0.2, 0.0], [0, 2]),
        (Rule(50.0), [NAN, NAN, 0.3, 0.2, NAN], [2]),
        (Rule(100.0), [1.0, NAN, 1.0], [0, 2]),
    ],
)
def test_a_rule_keeps_what_it_says(rule: Rule, scores: list[float], kept: list[int]) -> None:
    assert np.flatnonzero(rule.select(np.array(scores))).tolist() == kept


def test_the_second_model_learns_from_the_support_models_words_alone(tmp_path: Path) -> None:
    model = tiny_classifier(SENTIMENT)
    untrained = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    data = sentiment(12)
    plain = {example.id: model.encode(example, data.words(example)) for example in data}
    recipe = Fresh(model, data, None, read_config(Fresh, SMALL | FAST))
    stages = recipe.stages()
    assert next(stages).name == "support"
    with torch.no_grad():  # in place of training
        for parameter in model.network.parameters():
            parameter.add_(0.1 * torch.sin(torch.arange(parameter.numel())).view_as(parameter))
    trained = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    second = next(stages)
    assert all(torch.equal(tensor, untrained[name]) for name, tensor in model.network.state_dict().items())
    assert isinstance(second.learner, LabelLearner)
    support = tiny_classifier(SENTIMENT)
    support.network.load_state_dict(trained)
    for item in second.data.items:
        (whole,), (row,) = plain[item.example.id].rows, item.encoding.rows
        with torch.no_grad():
            answer = int(support.scores(support.pad([whole])).argmax())
        tokens = Attributed("input_x_gradient", {}).logits(support, read(support, [whole], [answer]))[0].numpy()
        scores = [tokens[whole.word == word].mean() for word in range(item.encoding.words)]
        size = max(1, int(len(scores) * 0.34))
        kept = sorted(sorted(range(len(scores)), key=lambda word: (-scores[word], word))[:size])
        stays = (whole.word == NO_WORD) | np.isin(whole.word, kept)
        assert row.ids.tolist() == whole.ids[stays].tolist()
        assert item.encoding.whole == (whole,) or item.encoding.whole[0].ids.tolist() == whole.ids.tolist()
        assert item.tokens == stays.sum()
    assert gradients(second.learner, second.data.items, "task") == {"network": True}
    assert all(parameter.grad is None for parameter in recipe.extractor.parameters())


def test_a_label_does_not_shape_the_rationale() -> None:
    rows = []
    for flip in (False, True):
        data = sentiment(10)
        for example in data if flip else ():
            object.__setattr__(example, "label", 1 - (example.label or 0))
        stages = Fresh(tiny_classifier(SENTIMENT), data, None, read_config(Fresh, SMALL | FAST)).stages()
        next(stages)
        rows.append([item.encoding.rows[0].ids.tolist() for item in next(stages).data.items])
    assert rows[0] == rows[1]


@pytest.mark.parametrize("plausibility", [False, True])
def test_what_is_saved_selects_and_then_predicts(plausibility: bool, tmp_path: Path) -> None:
    recipe = fitted(Fresh, tmp_path / "run", FAST | {"plausibility": plausibility})
    assert isinstance(recipe, Fresh)
    kept = {item.example.id: item for item in recipe._kept(recipe.annotated()[0]).items}  # type: ignore[union-attr]
    loaded, found = round_trip(recipe, tmp_path / "model")
    assert loaded.narrowing is not None and loaded.fingerprint == recipe.encoder().fingerprint
    engine, data = Engine(loaded), recipe.train
    for example, each in zip(data, found, strict=True):
        words = data.words(example)
        encoding = loaded.encode(example, words)
        (row,) = kept[example.id].encoding.rows
        assert encoding.rows[0].ids.tolist() == row.ids.tolist()
        assert each.hard is not None and not np.isnan(each.scores).any()
        assert each.hard.sum() == max(1, int(len(words) * 0.34))
        assert each.scores[each.hard].min() >= each.scores[~each.hard].max()
        case = Case(example, words, encoding=encoding, target=0, rationale=each)
        alone = np.flatnonzero(each.hard)
        answers = engine.answer([case.whole(), case.only(alone), case.without(np.flatnonzero(~each.hard))])
        for answer in answers[1:]:
            np.testing.assert_array_equal(answer, answers[0])
        (nothing,) = engine.answer([case.without(alone)])
        special = loaded.pad([encoding.rows[0]]).ids[:, [0, -1]]
        with torch.no_grad():
            bare = loaded.network(input_ids=special).logits.softmax(dim=1)[0].double().numpy()
        np.testing.assert_allclose(nothing, bare, atol=1e-5)


def test_choices_are_read_with_their_own_rationale(tmp_path: Path) -> None:
    model = tiny_choice_encoder()
    recipe = fitted(Fresh, tmp_path / "run", FAST, model=model, data=questions(8))
    loaded, found = round_trip(recipe, tmp_path / "model")
    for example, each in zip(recipe.train, found, strict=True):
        encoding = loaded.encode(example, recipe.train.words(example))
        assert len(encoding.rows) == len(example.choices) and encoding.seen.all()
        sizes = {len(np.unique(row.word[row.word != NO_WORD])) for row in encoding.rows}
        assert sizes == {max(1, int(encoding.words * 0.34))}
        assert each.hard is not None and each.target is not None
        assert set(np.flatnonzero(each.hard)) == set(encoding.rows[each.target].word) - {NO_WORD}


def test_a_run_repeats_to_the_bit(tmp_path: Path) -> None:
    one, other = (fitted(Fresh, tmp_path / name, FAST | {"dropout": 0.1}) for name in "ab")
    for name, tensor in one.model.network.state_dict().items():
        assert torch.equal(tensor, other.model.network.state_dict()[name])


@pytest.mark.parametrize(("call", "plausibility"), [(2, False), (6, False), (2, True)])
def test_a_run_that_was_stopped_in_either_stage_ends_with_the_same_bits(
    call: int, plausibility: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs = FAST | {"plausibility": plausibility, "term_schedules": "task:0.5"}
    learner: Any = MarkLearner if plausibility else LabelLearner
    resumed, whole = interrupted_and_whole("fresh", learner, call, tmp_path, knobs, monkeypatch)
    assert resumed.status.state == "finished" and resumed.status.attempt == 2
    assert resumed.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    for file in ("model.safetensors", "extractor/weights.safetensors"):
        assert durable.sha256(resumed.model / file) == durable.sha256(whole.model / file)
    first = "extractor" if plausibility else "support"
    assert {f"{first}/loss", "loss", "dev/accuracy"} <= {line["name"] for line in resumed.metrics()}


def test_the_marker_learns_highlights_alone() -> None:
    recipe = Fresh(tiny_classifier(SENTIMENT), sentiment(6), None, read_config(Fresh, SMALL | {"plausibility": True}))
    stage = next(recipe.stages())
    assert (stage.name, stage.settings.metric) == ("extractor", "auprc")
    assert gradients(stage.learner, stage.data.items, "plaus") == {"extractor": True}
    assert all(parameter.grad is None for parameter in recipe.model.network.parameters())


def test_a_model_that_selects_is_no_start_for_another_recipe(tmp_path: Path) -> None:
    recipe = fitted(Fresh, tmp_path / "run", FAST)
    recipe.save(tmp_path / "model")
    loaded = load_model(str(tmp_path / "model"), device="cpu")
    assert "selection of words" in (FineTune.is_compatible(SENTIMENT, loaded) or "")


def test_a_rationale_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = fitted(Fresh, tmp_path / "run", FAST)
    recipe.save(tmp_path / "model")
    loaded, data = load_model(str(tmp_path / "model"), device="cpu"), recipe.train
    once = [loaded.encode(example, data.words(example)).rows[0].ids.tolist() for example in data]
    monkeypatch.setattr(select_first, "token_scores", lambda model, extractor, rows: [0 / 0 for _ in rows])
    assert [loaded.encode(example, data.words(example)).rows[0].ids.tolist() for example in data] == once


@pytest.mark.parametrize(
    ("narrowing", "said"),
    [
        ({"kind": "select_first", "share": 20}, "does not say how it selects"),
        ({"kind": "select_first", "share": 0, "form": "top", "counting": "floor"}, "above 0"),
        ({"kind": "select_firts"}, "did you mean select_first"),
        ("top", "cannot be read"),
    ],
)
def test_a_damaged_card_is_refused(narrowing: Any, said: str, tmp_path: Path) -> None:
    fitted(Fresh, tmp_path / "run", FAST).save(tmp_path / "model")
    file = tmp_path / "model" / "rationale_eval.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"narrowing": narrowing}))
    with pytest.raises(RationaleEvalError, match=said):
        load_model(str(tmp_path / "model"), device="cpu")


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"share": 0}, "share"),
        ({"rationale": "spans"}, "rationale"),
        ({"counting": "round"}, "counting"),
        ({"shares": 10}, "did you mean share"),
    ],
)
def test_knobs_that_do_not_fit_are_refused(knobs: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_config(Fresh, knobs)


def test_an_attribution_that_cannot_be_used_is_refused_before_training() -> None:
    recipe = Fresh(tiny_classifier(SENTIMENT), sentiment(4), None, read_config(Fresh, {"attribution": "lime"}))
    with pytest.raises(UsageError, match="choose one of gradients or attention"):
        next(recipe.stages())


def test_a_language_model_is_refused() -> None:
    assert "encoder" in (Fresh.is_compatible(COMMONSENSE, tiny_causal()) or "")
