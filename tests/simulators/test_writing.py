"""Simulators that write: what they hold of a choice is the likelihood of its text, they learn, and are kept whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.errors import UsageError
from rationale_eval.models.choice_lm import decoder_start
from rationale_eval.models.load import reads
from rationale_eval.recipes.fine_tune import set_dropout
from rationale_eval.simulators.config import SimulatorConfig
from rationale_eval.simulators.service import Simulators
from rationale_eval.simulators.simulator import new_model
from rationale_eval.simulators.writing import AnswerLearner, likelihoods, prepare_answers
from rationale_eval.verbs.chosen_metrics import choose_text_metrics
from rationale_eval.verbs.simulating import require_views
from tests.helpers.tiny import COMMONSENSE, tiny_classifier, tiny_folder, tiny_seq2seq
from tests.simulators.test_simulators import accuracy, answers, config

QUESTIONS = [
    Example("1", "commonsense", {"question": "What do people eat?"}, ("food", "a book", "a wonderful film"), 1),
    Example("2", "commonsense", {"question": "Is the street empty?"}, ("food", "sleep"), 0),
]


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_folder(tmp_path_factory.mktemp("writer"), "t5", "seq2seq"))


def simulators(tmp_path: Path, model: str, *, count: int = 96, **changes) -> Simulators:
    settings = config(model, **{"lr": 2e-2, "patience": 10, **changes})
    return Simulators(tmp_path / "kept", tmp_path / "work", answers(count, 0), answers(40, 1), settings, device="cpu")


def by_hand(model, source: str, said: str) -> float:
    """log p of a text and its end, one token after the other, from the probabilities of the whole vocabulary."""
    shown = model.tokenizer(source, return_tensors="pt").input_ids
    ids = [*model.tokenizer(said, add_special_tokens=False).input_ids, model.tokenizer.eos_token_id]
    total, written = 0.0, [decoder_start(model.network.config)]
    for each in ids:
        logits = model.network(input_ids=shown, decoder_input_ids=torch.tensor([written])).logits
        total += float(logits[0, -1].double().log_softmax(0)[each])
        written.append(each)
    return total


@pytest.mark.parametrize("architecture", ["t5", "bart"])
def test_a_score_is_the_likelihood_of_the_whole_text_with_its_end(architecture: str) -> None:
    model = tiny_seq2seq(COMMONSENSE, architecture, prompt="inputs_options_answer")
    data = RationaleDataset.from_examples(QUESTIONS, COMMONSENSE)
    held = prepare_answers(model, data)
    with torch.no_grad():
        scores = likelihoods(model, held.items)
        for one, row in zip(QUESTIONS, scores, strict=True):
            options = " ".join(f"({'abc'[place]}) {choice}" for place, choice in enumerate(one.choices))
            source = f"Question: {one.inputs['question']}\nOptions: {options}\nAnswer:"
            expected = [by_hand(model, source, choice) for choice in one.choices]
            np.testing.assert_allclose(row[: len(expected)].numpy(), expected, atol=1e-4)
        assert scores[1, 2] == -torch.inf
        found = AnswerLearner(model, held).evaluate()
    probabilities = scores.double().softmax(1)
    assert found["loss"] == pytest.approx(-float(probabilities[[0, 1], [1, 0]].log().mean()), abs=1e-6)
    assert found["accuracy"] == np.mean([int(scores[0].argmax()) == 1, int(scores[1].argmax()) == 0])


def test_what_it_learns_is_to_write_the_answer() -> None:
    model = tiny_seq2seq(COMMONSENSE, prompt="inputs_options_answer")
    held = prepare_answers(model, RationaleDataset.from_examples(QUESTIONS, COMMONSENSE))
    learner = AnswerLearner(model, held)
    with torch.no_grad():
        losses, scores = learner.losses_of(held.items), likelihoods(model, held.items)
    for item, loss, row in zip(held.items, losses, scores, strict=True):
        assert loss * len(item.target) == pytest.approx(-float(row[item.label]), abs=1e-4)
    changed = prepare_answers(
        model, RationaleDataset.from_examples([replace(one, label=None) for one in QUESTIONS[:1]], COMMONSENSE)
    )
    assert not changed.items


def test_it_learns_the_rule_and_is_read_back_as_it_was(tmp_path: Path, writer: str) -> None:
    made = simulators(tmp_path, writer)
    test = answers(80, 2)
    first = made.guesses(test, "both")
    assert accuracy(made, "both", test) > 0.9 and made.learned("both").learned
    assert all(each.sum() == pytest.approx(1) for each in first.values())
    again = simulators(tmp_path, writer)
    second = again.guesses(test, "both")
    assert again._get("both", 0)[0].model is not made._get("both", 0)[0].model
    assert again._get("both", 0)[0].model.kind == "seq2seq"
    for key, probabilities in first.items():
        np.testing.assert_allclose(second[key], probabilities, atol=1e-6)
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_a_new_t5_is_drawn_by_seed_and_is_no_pretrained_model(tmp_path: Path) -> None:
    settings = config("new/t5", weights="np")
    shown = answers(20, 0).seen("both")
    first, same, other = (new_model(settings, shown, device="cpu", seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert first.prompt.name == "inputs_options_answer" and first.task.fields == ("text", "rationale")
    made = simulators(tmp_path, "new/t5", weights="np", np_epochs=1, count=20)
    test = answers(4, 2)
    kept = made.guesses(test, "both")
    for key, probabilities in (
        simulators(tmp_path, "new/t5", weights="np", np_epochs=1, count=20).guesses(test, "both").items()
    ):
        np.testing.assert_allclose(probabilities, kept[key], atol=1e-6)
    with pytest.raises(UsageError, match="new/t5 has random weights"):
        require_views({"model": "new/t5"}, choose_text_metrics(["rq:pt"]))
    require_views({"model": "new/t5"}, choose_text_metrics(["rq:np"]))
    require_views({"model": "new/t5", "np_architecture": "small"}, choose_text_metrics(["rora:np"]))


def test_one_that_writes_serves_several_views_and_not_rora(tmp_path: Path, writer: str) -> None:
    made = simulators(tmp_path, writer, shared=True, epochs=1, count=32)
    test = answers(6, 2)
    found = [made.guesses(test, seen) for seen in ("input", "rationale", "both")]
    assert all(set(each) == set(test.targets) for each in found)
    assert len(list((tmp_path / "kept").iterdir())) == 1
    with pytest.raises(UsageError, match=r"the view 'robust' \(RORA\) needs an encoder"):
        require_views({"model": writer}, choose_text_metrics(["rora"]))
    with pytest.raises(UsageError, match="needs an encoder"):
        simulators(tmp_path, writer).guesses(test, "robust_rationale")


def test_only_the_keys_of_those_that_write_say_so(writer: str) -> None:
    assert SimulatorConfig(model=writer).record()["writing"] == 1
    assert "writing" not in SimulatorConfig().record()
    assert [reads(name) for name in (writer, "new/t5", "embedded/minilm", "embedded/smollm2")] == [
        "seq2seq", "seq2seq", "encoder", "causal",
    ]  # fmt: skip


@pytest.mark.parametrize("make", [tiny_seq2seq, lambda task: tiny_seq2seq(task, "bart"), lambda _: tiny_classifier()])
def test_without_dropout_training_is_as_sure_as_reading(make) -> None:
    model = make(COMMONSENSE)
    one = QUESTIONS[0] if model.kind == "seq2seq" else Example("n", "nli", {"premise": "a", "hypothesis": "b"}, "xyz")
    batch = model.pad(list(model.encode(one, RationaleDataset.from_examples([one], model.task).words(one)).rows))
    set_dropout(model.network, 0.0)
    with torch.no_grad():
        still = model.scores(batch)
        model.network.train()
        assert torch.allclose(model.scores(batch), still, atol=1e-6)
        set_dropout(model.network, 0.5)
        assert not torch.allclose(model.scores(batch), still, atol=1e-3)
