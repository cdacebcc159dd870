"""The quick reading of BERT gives the network's own logits, or is not used."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    BertConfig,
    BertForMultipleChoice,
    BertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from rationale_eval.data.words import split_words
from rationale_eval.models.quick_bert import quick_bert, state_of
from tests.helpers.tiny import example, tiny_classifier

SMALL = {
    "vocab_size": 60,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 32,
}


def bert(kind=BertForSequenceClassification, **changes):
    torch.manual_seed(1)
    return kind(BertConfig(**{**SMALL, "num_labels": 3, **changes})).eval()


NETWORK = bert()


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 5), tokens=st.integers(1, 32), masked=st.booleans(), own=st.booleans(), seed=st.integers(0, 99)
)
def test_same_logits_for_any_shape_mask_and_embeddings(rows, tokens, masked, own, seed):
    reader = quick_bert(NETWORK, 0)
    assert reader is not None
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 60, (rows, tokens), generator=draw)
    types = torch.randint(0, 2, (rows, tokens), generator=draw)
    attention = torch.randint(0, 2, (rows, tokens), generator=draw) if masked else None
    if attention is not None:
        attention[:, 0] = 1
    embeds = torch.randn(rows, tokens, 24, generator=draw) if own else None
    with torch.inference_mode():
        found = reader.logits(ids, types, attention, embeds)
        given_input = {"inputs_embeds": embeds} if own else {"input_ids": ids}
        expected = NETWORK(**given_input, token_type_ids=types, attention_mask=attention).logits
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)


def test_a_multiple_choice_head_is_read_too():
    network = bert(BertForMultipleChoice)
    reader = quick_bert(network, 0)
    assert reader is not None
    ids = torch.arange(20).view(2, 10)
    with torch.inference_mode():
        expected = network(input_ids=ids.unsqueeze(1), token_type_ids=torch.zeros_like(ids).unsqueeze(1)).logits
        torch.testing.assert_close(reader.logits(ids, torch.zeros_like(ids), None, None), expected.view(2, 1))


@pytest.mark.parametrize(
    "network",
    [
        bert(hidden_act="gelu_new"),
        bert(hidden_act="relu"),
        RobertaForSequenceClassification(RobertaConfig(**SMALL)).eval(),
        torch.nn.Linear(3, 3),
        torch.nn.ReLU(),
    ],
    ids=["other gelu", "relu", "roberta", "a linear layer", "nothing to read"],
)
def test_other_networks_have_no_quick_reading(network):
    assert quick_bert(network, 0) is None


def test_a_reading_that_disagrees_is_refused():
    network = bert()
    # A hook changes what the network computes; its weights alone do not tell.
    network.bert.encoder.layer[0].intermediate.register_forward_hook(lambda module, args, output: output * 2)
    assert quick_bert(network, 0) is None


def test_autocast_takes_the_networks_own_way():
    model = tiny_classifier()
    rows = model.encode(example(), split_words(example())).rows
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        scores = model.scores(model.pad(rows))
    with torch.inference_mode():
        torch.testing.assert_close(scores, model.scores(model.pad(rows)), atol=0.05, rtol=0.05)


def test_training_in_place_changes_the_state():
    network = bert()
    before = state_of(network)
    assert state_of(network) == before
    with torch.no_grad():
        network.classifier.bias.add_(1.0)
    assert state_of(network) != before
