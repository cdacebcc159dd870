"""SGT is UNIREX with attributions, sufficiency by KL and nothing else; its +P form reaches the model through them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rationale_eval.errors import UsageError
from rationale_eval.recipes.record import read_config
from rationale_eval.recipes.sgt import Sgt
from rationale_eval.training.randomness import Moment
from tests.helpers.baselines import SMALL, fitted, gradients, round_trip, sentiment
from tests.helpers.tiny import COMMONSENSE, SENTIMENT, tiny_causal, tiny_classifier

NOW = Moment(step=3, micro=0, epoch=0, progress=0.0, seed=1)
FAST = {"attribution": "input_x_gradient", "bins": (20.0, 50.0)}


def test_the_loss_is_kl_between_the_answers_on_the_chosen_tokens_and_on_all() -> None:
    model = tiny_classifier(SENTIMENT)
    (stage,) = Sgt(model, sentiment(5), None, read_config(Sgt, SMALL | FAST)).stages()
    assert stage.name == "sgt"
    assert {term.name: term.weight for term in stage.learner.terms} == {"task": 1.0, "suff": 0.5}
    found = stage.learner.losses(stage.data.items, NOW)
    for place, item in enumerate(stage.data.items):
        (row,) = item.encoding.rows
        batch = model.pad([row])
        embeds = model.embedding()(batch.ids).detach().requires_grad_()
        score = model.scores(replace(batch, embeds=embeds))[0, item.label]
        attribution = (torch.autograd.grad(score, embeds)[0] * embeds).sum(dim=2)[0].detach()
        full = torch.log_softmax(model.scores(batch), dim=1)[0].detach()
        expected = []
        for k in (20, 50):
            order = sorted(range(1, len(row.ids)), key=lambda t: (-float(attribution[t]), t))
            chosen = {0, *order[: max(1, round((len(row.ids) - 1) * k / 100))]}
            mask = torch.tensor([[int(t in chosen) for t in range(len(row.ids))]])
            only = torch.log_softmax(model.scores(replace(batch, attention=mask)), dim=1)[0].detach()
            expected.append(float((only.exp() * (only - full)).sum()) / 2)
        assert float(found["suff"][place].detach()) == pytest.approx(sum(expected) / 2, abs=2e-5)
        assert float(found["task"][place].detach()) == pytest.approx(-float(full[item.label]), abs=2e-5)


def test_plausibility_reaches_the_model_through_its_attributions() -> None:
    recipe = Sgt(
        tiny_classifier(SENTIMENT), sentiment(6), None, read_config(Sgt, SMALL | FAST | {"plausibility": True})
    )
    (stage,) = recipe.stages()
    assert gradients(stage.learner, stage.data.items, "plaus") == {"network": True}


def test_a_run_repeats_to_the_bit_and_its_rationale_is_saved(tmp_path: Path) -> None:
    one, other = (fitted(Sgt, tmp_path / name, FAST | {"plausibility": True}) for name in "ab")
    for name, tensor in one.model.network.state_dict().items():
        assert torch.equal(tensor, other.model.network.state_dict()[name])
    loaded, found = round_trip(one, tmp_path / "model")
    assert loaded.narrowing is None
    assert all((each.hard == (each.scores > 0)).all() for each in found)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"bins": (0.0, 10.0)}, "percentages above 0"),
        ({"plausibility": True, "attribution": "attention_rollout"}, "cannot reach the model"),
        ({"extractor": "dlm"}, "there is no setting 'extractor'"),
        ({"suff_form": "kll"}, "suff_form"),
    ],
)
def test_knobs_that_do_not_fit_are_refused(knobs: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_config(Sgt, knobs)


def test_plausibility_without_highlights_is_refused() -> None:
    recipe = Sgt(tiny_classifier(SENTIMENT), sentiment(4, marked=False), None, read_config(Sgt, {"plausibility": True}))
    with pytest.raises(UsageError, match=r"sgt: .* no gold highlights .* plausibility=false"):
        list(recipe.stages())


def test_a_language_model_is_refused() -> None:
    assert "encoder" in (Sgt.is_compatible(COMMONSENSE, tiny_causal()) or "")
