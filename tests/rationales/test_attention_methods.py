"""Attention: equal to what the network itself reports, padded or not; refused where there is none to read."""

import numpy as np
import pytest
import torch

from rationale_eval.data.words import split_words
from rationale_eval.models.base import TaskModel
from rationale_eval.rationales.attribution import Probe, Subject, merge_words
from rationale_eval.rationales.methods import METHODS
from rationale_eval.rationales.methods.attention import rollout
from rationale_eval.rationales.record import Found
from tests.helpers.linear import LinearModel
from tests.helpers.tiny import NLI, example, tiny_causal, tiny_classifier, tiny_seq2seq


def subjects_of(model: TaskModel) -> list[Subject]:
    task = model.task  # type: ignore[attr-defined]
    texts = [{}, {task.fields[0]: "Nobody watches the lit stage while people play a guitar."}]
    cases = [example(task, str(i), **changed) for i, changed in enumerate(texts)]
    return [Subject(model.encode(one, split_words(one)), 1) for one in cases]


def run(
    model: TaskModel, subjects: list[Subject], method: str, tokens: int | None = None, **params: object
) -> list[Found]:
    return METHODS[method].explain(Probe(model, tokens), subjects, **METHODS[method].settings(params))


def maps_of(model: TaskModel, row) -> np.ndarray:  # type: ignore[no-untyped-def]
    """The network's own report on a row by itself, averaged over heads, `[layers, tokens, tokens]`."""
    network = model.network
    network.set_attn_implementation("eager")  # type: ignore[operator]
    batch = model.pad([row])
    with torch.no_grad():
        output = network(**model.forward_args(batch), output_attentions=True)  # type: ignore[attr-defined]
    network.set_attn_implementation("sdpa")  # type: ignore[operator]
    return torch.cat([layer.mean(1) for layer in output.attentions]).double().numpy()


def test_encoders_are_read_from_the_first_token() -> None:
    model = tiny_classifier()
    subjects = subjects_of(model)
    last, rolled = run(model, subjects, "attention"), run(model, subjects, "attention_rollout")
    for subject, a, b in zip(subjects, last, rolled, strict=True):
        (row,) = subject.encoding.rows
        maps = maps_of(model, row)
        np.testing.assert_allclose(a.scores, merge_words(subject.encoding, [row], [maps[-1][0]], "sum"), atol=1e-6)
        joint = np.eye(maps.shape[1])
        for layer in maps:
            joint = (0.5 * layer + 0.5 * np.eye(len(layer))) @ joint
        np.testing.assert_allclose(b.scores, merge_words(subject.encoding, [row], [joint[0]], "sum"), atol=1e-6)
        assert 0 < a.scores.sum() < 1


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_causal_models_are_read_where_the_choice_is_predicted(architecture: str) -> None:
    model = tiny_causal(architecture=architecture)
    subjects = subjects_of(model)
    for subject, found in zip(subjects, run(model, subjects, "attention"), strict=True):
        row = subject.encoding.rows[1]
        size, choice = len(row.ids), len(row.target)
        asking = maps_of(model, row)[-1][size - choice - 1 : size - 1].mean(0)
        np.testing.assert_allclose(found.scores, merge_words(subject.encoding, [row], [asking], "sum"), atol=1e-6)


@pytest.mark.parametrize("query", ["auto", "first", "last", "mean"])
def test_padding_and_batches_change_nothing(query: str) -> None:
    for model in (tiny_classifier(), tiny_causal()):
        subjects = subjects_of(model)
        together = run(model, subjects, "attention_rollout", query=query)
        for subject, found in zip(subjects, together, strict=True):
            (by_itself,) = run(model, [subject], "attention_rollout", tokens=1, query=query)
            np.testing.assert_allclose(found.scores, by_itself.scores, atol=1e-6)


def test_the_network_keeps_its_settings() -> None:
    model = tiny_classifier()
    before = model.network.config._attn_implementation
    assert before != "eager"
    run(model, subjects_of(model), "attention")
    assert model.network.config._attn_implementation == before
    assert not model.network.config.output_attentions
    # transformers leaves hooks of its own behind when it first reports attention; ours must not add up.
    hooks = sum(len(module._forward_hooks) for module in model.network.modules())
    run(model, subjects_of(model), "attention")
    assert sum(len(module._forward_hooks) for module in model.network.modules()) == hooks


def test_rollout_keeps_rows_that_add_up_to_one() -> None:
    maps = np.random.default_rng(0).dirichlet(np.ones(5), size=(3, 5))
    np.testing.assert_allclose(rollout(maps).sum(-1), 1.0)
    np.testing.assert_allclose(rollout(np.stack([np.eye(4)] * 3)), np.eye(4))


def test_networks_without_attention_of_their_own_are_refused() -> None:
    for method in ("attention", "attention_rollout"):
        assert "not a transformers network" in (METHODS[method].is_compatible(LinearModel()) or "")
        assert "decoder" in (METHODS[method].is_compatible(tiny_seq2seq()) or "")
        assert METHODS[method].is_compatible(tiny_classifier(NLI)) is None
