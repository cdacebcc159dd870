"""Fine-tuning learns, for every kind of model; its knobs are checked with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example, Task
from rationale_eval.errors import UsageError
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.recipes import RECIPES
from rationale_eval.recipes.fine_tune import FineTune, FineTuneConfig, _report
from rationale_eval.recipes.record import read_config
from rationale_eval.training.examples import choice_scores, prepare
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import fit
from rationale_eval.training.outcome import Outcome
from tests.helpers.tiny import COMMONSENSE, SENTIMENT, tiny_causal, tiny_choice_encoder, tiny_classifier

GOOD, BAD = ("wonderful", "surprise"), ("dull", "empty")


def sentiment(size: int) -> RationaleDataset:
    """The label is the one telling word among four."""
    random = np.random.default_rng(size)
    examples = []
    for i in range(size):
        label = int(random.integers(2))
        words = [str(word) for word in random.choice(["the", "film", "was", "a", "its", "and"], 3)]
        words.insert(int(random.integers(4)), str(random.choice((BAD, GOOD)[label])))
        examples.append(Example(f"s{i}", "sentiment", {"text": " ".join(words)}, SENTIMENT.choices, label))
    return RationaleDataset.from_examples(examples, SENTIMENT)


def questions(size: int) -> RationaleDataset:
    """The right option is the one that stands in the question; from two to four options."""
    random = np.random.default_rng(size)
    options = ["eat food", "sleep", "run", "read a book"]
    examples = []
    for i in range(size):
        chosen = [options[j] for j in random.permutation(4)[: random.integers(2, 5)]]
        label = int(random.integers(len(chosen)))
        question = f"people {chosen[label]} when"
        examples.append(Example(f"q{i}", "commonsense", {"question": question}, tuple(chosen), label))
    return RationaleDataset.from_examples(examples, COMMONSENSE)


def learn(model: TransformerModel, data: RationaleDataset, folder: Path, **knobs: object) -> Outcome:
    config = read_config(FineTune, {"precision": "no", "batch_size": 16, "warmup": 0.0} | knobs)
    (stage,) = FineTune(model, data, data, config).stages()
    journal = Journal(folder / "m")
    try:
        return fit(stage.learner, stage.data, stage.settings, folder=folder / "c", journal=journal)
    finally:
        journal.close()


@pytest.mark.parametrize(
    ("make", "data", "reach"),
    [
        (lambda: tiny_classifier(SENTIMENT), sentiment, 0.8),
        (tiny_choice_encoder, questions, 0.7),
        (tiny_causal, questions, 0.7),
    ],
)
def test_it_learns_with_every_kind_of_model(
    tmp_path: Path, make: Callable[[], TransformerModel], data: Callable[[int], RationaleDataset], reach: float
) -> None:
    model = make()
    before = model.fingerprint
    outcome = learn(model, data(96), tmp_path, lr=1e-2, epochs=8)
    assert outcome.metrics["accuracy"] >= reach
    assert model.fingerprint != before


def test_frozen_embeddings_stay_as_they_are(tmp_path: Path) -> None:
    model = tiny_classifier(SENTIMENT)
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    table = next(name for name, tensor in model.network.named_parameters() if tensor is model.embedding().weight)
    learn(model, sentiment(32), tmp_path, lr=1e-2, epochs=1, freeze_embeddings=True)
    moved = {name for name, tensor in model.network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert table not in moved and len(moved) > 5


@pytest.mark.parametrize(("asked", "found"), [(None, {0.1}), (0.0, {0.0}), (0.3, {0.3})])
def test_dropout_is_the_models_own_or_the_one_asked_for(tmp_path: Path, asked: float | None, found: set[float]) -> None:
    model = tiny_classifier(SENTIMENT)
    learn(model, sentiment(8), tmp_path, epochs=1, dropout=asked)
    assert {module.p for module in model.network.modules() if isinstance(module, torch.nn.Dropout)} == found


def test_scores_of_ragged_choices_are_those_of_one_example_at_a_time() -> None:
    model = tiny_choice_encoder()
    items = prepare(model, questions(7)).items
    with torch.no_grad():
        together = choice_scores(model, [item.encoding for item in items])
        for row, item in zip(together, items, strict=True):
            alone = choice_scores(model, [item.encoding])[0]
            assert torch.allclose(row[: len(alone)], alone, atol=1e-5)
            assert torch.isneginf(row[len(alone) :]).all()


def test_examples_without_a_label_are_left_out() -> None:
    examples = [
        Example("a", "sentiment", {"text": "dull"}, SENTIMENT.choices, None),
        Example("b", "sentiment", {"text": "dull"}, SENTIMENT.choices, 0),
    ]
    prepared = prepare(tiny_classifier(SENTIMENT), RationaleDataset.from_examples(examples, SENTIMENT))
    assert list(prepared.ids) == ["b"]


def test_dev_metrics_by_hand() -> None:
    gold, chosen = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    report = _report(np.array([1.0, 2.0, 3.0, 4.0]), gold, chosen)
    # F1 of class 0: 2*2/(3+2) = 0.8; of class 1: 2*1/(1+2) = 2/3.
    assert report == pytest.approx({"accuracy": 0.75, "macro_f1": (0.8 + 2 / 3) / 2, "loss": 2.5})


def test_an_unknown_knob_names_the_closest() -> None:
    with pytest.raises(UsageError, match=r"no setting 'batchsize'; did you mean batch_size\?"):
        read_config(FineTune, {"batchsize": 3})


def test_all_bad_knobs_are_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        read_config(FineTune, {"lr": "-1", "epochs": "two", "metric": "bleu"})
    message = str(caught.value)
    assert all(part in message for part in ("lr: ", "epochs: ", "metric: ")) and "\n" not in message


def test_texts_become_values() -> None:
    config = read_config(FineTune, {"lr": "5e-5", "clip": "none", "freeze_embeddings": "true", "epochs": "2"})
    assert isinstance(config, FineTuneConfig)
    assert (config.lr, config.clip, config.freeze_embeddings, config.epochs) == (5e-5, None, True, 2)


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_knob_of_every_recipe_is_described(name: str) -> None:
    for knob, field in RECIPES[name].Config.model_fields.items():
        assert field.description and field.description.endswith("."), knob
    assert RECIPES[name].title and RECIPES[name].cite
    read_config(RECIPES[name], {})


def test_what_it_cannot_do_is_one_clause() -> None:
    assert FineTune.is_compatible(SENTIMENT) is None
    assert "open answers" in (FineTune.is_compatible(Task("math", "open", ("question",))) or "")
    other = tiny_classifier(Task("t", "classification", ("text",), ("no", "yes")))
    assert "chooses among no, yes" in (FineTune.is_compatible(SENTIMENT, other) or "")
