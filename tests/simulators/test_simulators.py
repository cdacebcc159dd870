"""Simulators learn what their view holds and nothing else, are trained once, and say when they have learned nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.errors import UsageError
from rationale_eval.simulators import service
from rationale_eval.simulators.config import SimulatorConfig
from rationale_eval.simulators.service import Answers, Simulators
from rationale_eval.simulators.simulator import draw_again
from rationale_eval.simulators.view import view
from tests.helpers.tiny import tiny_classifier, tiny_folder

TASK = Task("answers", "classification", ("text",), ("negative", "positive"))
WORDS = ("people", "film", "stage", "street", "read", "book")


def answers(count: int, seed: int, *, text_tells: bool = False) -> Answers:
    """Rationales name the answer; the input does so too, or is chance."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, count)

    def said(label: int) -> str:
        return " ".join([*draw.choice(WORDS, 2), "wonderful" if label else "dull"])

    texts = [said(label) if text_tells else " ".join(draw.choice(WORDS, 3)) for label in labels]
    examples = [Example(f"{seed}-{i}", "answers", {"text": texts[i]}, TASK.choices, None) for i in range(count)]
    data = RationaleDataset.from_examples(examples, TASK)
    ids = [example.id for example in examples]
    return Answers(
        data, dict(zip(ids, labels.tolist(), strict=True)), {i: said(n) for i, n in zip(ids, labels, strict=True)}
    )


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_folder(tmp_path_factory.mktemp("encoder"), "bert", "classifier", labels=2))


def config(encoder: str, **changes) -> SimulatorConfig:
    values = {
        "model": encoder,
        "epochs": 6,
        "np_epochs": 6,
        "lr": 1e-2,
        "np_lr": 1e-2,
        "dropout": 0.0,
        "batch_size": 16,
    }
    return SimulatorConfig(**{**values, **changes})


def simulators(tmp_path: Path, encoder: str, **changes) -> Simulators:
    settings = config(encoder, **changes)
    return Simulators(tmp_path / "kept", tmp_path / "work", answers(96, 0), answers(40, 1), settings, device="cpu")


def accuracy(made: Simulators, seen, shown: Answers, seed: int = 0) -> float:
    found = made.guesses(shown, seen, seed)
    return float(np.mean([found[key].argmax() == target for key, target in shown.targets.items()]))


def test_a_view_shows_what_it_says_and_asks_for_the_answer():
    shown = answers(3, 0)
    both, alone, without = (list(shown.seen(seen)) for seen in ("both", "rationale", "input"))
    assert list(both[0].inputs) == ["text", "rationale"] and list(alone[0].inputs) == ["rationale"]
    assert list(without[0].inputs) == ["text"]
    for views in (both, alone, without):
        assert [one.label for one in views] == list(shown.targets.values())
        assert all(one.evidence is None and not one.rationales for one in views)
    empty = view(shown.data, "rationale", shown.targets, dict.fromkeys(shown.texts, "  "))
    assert next(iter(empty)).inputs["rationale"] == "__"
    few = view(shown.data, "both", shown.targets, {next(iter(shown.texts)): "x"})
    assert len(list(few)) == 1
    taken = RationaleDataset.from_examples([], Task("t", "classification", ("rationale",), ("a", "b")))
    with pytest.raises(UsageError, match="an input field 'rationale'"):
        view(taken, "both", {}, {})


@pytest.mark.parametrize("weights", ["pt", "np"])
def test_a_simulator_learns_from_the_rationale_and_not_from_chance(tmp_path: Path, encoder: str, weights) -> None:
    made = simulators(tmp_path, encoder, weights=weights)
    test = answers(80, 2)
    assert accuracy(made, "both", test) > 0.9 and accuracy(made, "input", test) < 0.7
    assert made.learned("both").learned and not made.learned("input").learned
    assert made.learned("input").majority >= 0.5 and made.learned("both").examples == 96


def test_what_was_read_is_not_shown_again_and_is_answered_alike(tmp_path: Path, encoder: str) -> None:
    made, fresh = (simulators(tmp_path, encoder, epochs=1) for _ in range(2))
    test = answers(12, 2)
    first, shown = made.guesses(test, "both"), []
    inner = made._get("both", 0)[0]

    class Counting:
        def guesses(self, data):
            shown.extend(example.id for example in data)
            return inner.guesses(data)

    made._loaded["both", 0] = (Counting(), made._get("both", 0)[1])
    assert all(np.array_equal(first[key], each) for key, each in made.guesses(test, "both").items()) and shown == []
    # One text is another, one answer too: only a text is read, for a view of text and rationale shows no answer.
    keys = list(test.targets)
    changed = Answers(
        test.data, test.targets | {keys[1]: 1 - test.targets[keys[1]]}, dict(test.texts) | {keys[0]: "another text"}
    )
    found = made.guesses(changed, "both")
    assert shown == [keys[0]] and list(found) == keys
    expected = fresh.guesses(changed, "both")
    assert all(np.allclose(found[key], expected[key], atol=1e-6) for key in keys)


def test_it_is_trained_once_and_kept_by_content(tmp_path: Path, encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []
    inner = service.train_simulator

    def train(settings, data, *rest, **more):
        trained.append(data.task.name)
        return inner(settings, data, *rest, **more)

    monkeypatch.setattr(service, "train_simulator", train)
    test = answers(20, 2)
    first = simulators(tmp_path, encoder, epochs=1).guesses(test, "both")
    again = simulators(tmp_path, encoder, epochs=1).guesses(test, "both")
    assert trained == ["answers_from_both"]
    assert all(np.array_equal(first[key], again[key]) for key in test.targets)
    other = simulators(tmp_path, encoder, epochs=1).guesses(test, "both", 1)
    assert len(trained) == 2 and any(not np.array_equal(first[key], other[key]) for key in test.targets)
    simulators(tmp_path, encoder, epochs=2).guesses(test, "both")
    assert len(trained) == 3
    assert not list((tmp_path / "work").iterdir())


def test_a_damaged_simulator_is_made_again(tmp_path: Path, encoder: str) -> None:
    test = answers(10, 2)
    first = simulators(tmp_path, encoder, epochs=1).guesses(test, "both")
    (weights,) = (tmp_path / "kept").glob("*/model/model.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    again = simulators(tmp_path, encoder, epochs=1).guesses(test, "both")
    assert all(np.array_equal(first[key], again[key]) for key in test.targets)


def test_drawn_weights_depend_on_the_seed_and_keep_nothing() -> None:
    model, other, third = (tiny_classifier(TASK) for _ in range(3))
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    state = torch.random.get_rng_state()
    draw_again(model.network, 1)
    draw_again(other.network, 1)
    draw_again(third.network, 2)
    assert torch.equal(torch.random.get_rng_state(), state)
    name = "bert.encoder.layer.0.attention.self.query.weight"
    weights = [one.network.state_dict()[name] for one in (model, other, third)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], before[name])


def test_nothing_to_learn_from_is_a_sentence(tmp_path: Path, encoder: str) -> None:
    none = Answers(answers(5, 0).data, {}, {})
    made = Simulators(tmp_path / "kept", tmp_path / "work", none, none, config(encoder), device="cpu")
    with pytest.raises(UsageError, match="needs answers to learn from"):
        made.guesses(answers(5, 2), "both")
