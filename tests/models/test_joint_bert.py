"""Reading rows jointly, and attention by length, give the network's own numbers and gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import BertConfig, BertForMultipleChoice, BertForSequenceClassification, RobertaConfig
from transformers import RobertaForSequenceClassification as Roberta

from rationale_eval.data.words import split_words
from rationale_eval.models import attention
from rationale_eval.models.attention import BY_LENGTH, attend
from rationale_eval.models.base import Batch
from rationale_eval.models.joint_bert import can_read_jointly, joint_logits, joint_states
from tests.helpers.tiny import example, tiny_choice_encoder, tiny_classifier

SMALL = {
    "vocab_size": 60,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 80,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "num_labels": 3,
}


def network(kind=BertForSequenceClassification, **changes):
    torch.manual_seed(1)
    return kind(BertConfig(**{**SMALL, **changes}))


def batch(rows, tokens, seed, *, masked=False, shuffled=False):
    draw = torch.Generator().manual_seed(seed)
    attention = torch.randint(0, 2, (rows, tokens), generator=draw) if masked else None
    if attention is not None:
        attention[:, 0] = 1
    places = torch.stack([torch.randperm(80, generator=draw)[:tokens].sort().values for _ in range(rows)])
    return Batch(
        ids=torch.randint(0, 60, (rows, tokens), generator=draw),
        attention=attention,
        types=torch.randint(0, 2, (rows, tokens), generator=draw),
        targets=None,
        lengths=torch.full((rows,), tokens),
        places=places if shuffled else None,
    )


BATCHES = [batch(3, 7, 0), batch(2, 60, 1, masked=True), batch(1, 1, 2), batch(4, 5, 3, masked=True, shuffled=True)]


def own(module, one: Batch):
    return module(input_ids=one.ids, token_type_ids=one.types, attention_mask=one.attention, position_ids=one.places)


def gradients(module, value):
    module.zero_grad()
    value.square().sum().backward()
    return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}


def test_logits_and_every_gradient_are_the_networks():
    module = network().train()
    found = joint_logits(module, BATCHES)
    expected = torch.cat([own(module, one).logits for one in BATCHES])
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)
    mine, theirs = gradients(module, found), gradients(module, expected)
    # The network's last layer has no gradient of what no head reads, and neither has ours.
    assert mine.keys() == theirs.keys()
    for name in mine:
        torch.testing.assert_close(mine[name], theirs[name], atol=2e-5, rtol=1e-4, msg=name)


def test_states_of_all_tokens_are_the_networks():
    module = network().train()
    found = joint_states(module.bert, BATCHES).split([one.ids.numel() for one in BATCHES])
    for one, states in zip(BATCHES, found, strict=True):
        expected = own(module.bert, one).last_hidden_state
        seen = torch.ones_like(one.ids) if one.attention is None else one.attention
        torch.testing.assert_close(states.view_as(expected)[seen == 1], expected[seen == 1], atol=2e-6, rtol=1e-5)


def test_given_embeddings_stand_in_for_ids_and_get_the_gradient():
    module = network().train()
    table = module.get_input_embeddings()
    embeds = [table(one.ids).detach().requires_grad_() for one in BATCHES]
    found = joint_logits(module, [replace(one, embeds=given) for one, given in zip(BATCHES, embeds, strict=True)])
    torch.testing.assert_close(found, joint_logits(module, BATCHES), atol=2e-6, rtol=1e-5)
    found.sum().backward()
    assert all(bool(given.grad.abs().sum(-1)[:, 0].gt(0).all()) for given in embeds)


def test_dropout_is_drawn_from_torch_and_off_in_eval_mode():
    module = network(hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.3).train()

    def drawn(seed):
        torch.manual_seed(seed)
        return joint_logits(module, BATCHES)

    assert torch.equal(drawn(0), drawn(0))
    assert not torch.allclose(drawn(0), drawn(1))
    module.eval()
    assert torch.equal(drawn(0), drawn(1))


def test_other_networks_are_left_alone():
    assert can_read_jointly(network()) and can_read_jointly(network(BertForMultipleChoice))
    assert not can_read_jointly(Roberta(RobertaConfig(**SMALL)))
    assert not can_read_jointly(network().bert)


@pytest.mark.parametrize("make", [tiny_classifier, tiny_choice_encoder])
def test_models_answer_alike_in_training_and_evaluation(make):
    model = make()
    field = model.task.fields[0]
    texts = ("People watch.", "A man plays a guitar.", "The stage is lit and people run.")
    shown = [example(model.task, text, **{field: text}) for text in texts]
    given = [model.pad(model.encode(one, split_words(one)).rows) for one in shown]
    model.network.eval()
    with torch.no_grad():
        expected = torch.cat([model.scores(one) for one in given])
    model.network.train()
    for module in model.network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    found = model.joint_scores(given)
    assert found.requires_grad
    torch.testing.assert_close(found.detach(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tokens", [1, 5, attention.LONGEST_PLAIN, attention.LONGEST_PLAIN + 1, 90])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_softmax_of_the_products(tokens, masked):
    draw = torch.Generator().manual_seed(tokens)
    query, key, value = (torch.randn(2, 3, tokens, 4, generator=draw).requires_grad_() for _ in range(3))
    mask = torch.rand(2, 1, 1, tokens, generator=draw) > 0.5 if masked else None
    if mask is not None:
        mask[..., 0] = True
    found = attend(query, key, value, mask, scale=0.7)
    weights = torch.einsum("bhqd,bhkd->bhqk", query, key) * 0.7
    if mask is not None:
        weights = weights.masked_fill(~mask, -torch.inf)
    expected = torch.einsum("bhqk,bhkd->bhqd", weights.softmax(-1), value)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    mine = torch.autograd.grad(found.square().sum(), (query, key, value))
    theirs = torch.autograd.grad(expected.square().sum(), (query, key, value))
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("tokens", [6, 60])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_transformers_asks_it_by_name_and_finds_the_same(kind, tokens, monkeypatch):
    asked = []
    inner = attention.attend
    monkeypatch.setattr(attention, "attend", lambda *given, **more: asked.append(1) or inner(*given, **more))
    module = network() if kind == "bert" else Roberta(RobertaConfig(**SMALL))
    module.train()
    one = batch(2, tokens, 5, masked=True)
    given = {"input_ids": one.ids.clamp(min=2), "attention_mask": one.attention}
    module.set_attn_implementation("eager")
    expected = module(**given).logits
    module.set_attn_implementation(BY_LENGTH)
    found = module(**given).logits
    assert len(asked) == SMALL["num_hidden_layers"]
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)
    mine, theirs = gradients(module, found), gradients(module, expected)
    for name in theirs:
        torch.testing.assert_close(mine[name], theirs[name], atol=2e-5, rtol=1e-4, msg=name)
    with torch.no_grad():
        torch.testing.assert_close(module(**given).logits, expected.detach(), atol=2e-6, rtol=1e-5)
    assert len(asked) == SMALL["num_hidden_layers"]  # without a gradient the fused kernel is asked
