"""What the tests of the baselines share: data with a telling word, training without a run folder, reading back."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.data.rationale import WordScores
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extract import Extraction, choose
from rationale_eval.recipes.record import Recipe, read_config
from rationale_eval.training.journal import Journal
from rationale_eval.training.learner import Learner
from rationale_eval.training.loop import fit
from rationale_eval.training.randomness import Moment
from rationale_eval.verbs.train import resume, train
from rationale_eval.workspace.runs import Run
from tests.helpers.tiny import COMMONSENSE, SENTIMENT, tiny_classifier, tiny_folder

SMALL: dict[str, Any] = {"precision": "no", "epochs": 1, "batch_size": 8, "lr": 5e-3, "warmup": 0.0}
_TELLING = (("dull", "empty"), ("wonderful", "surprise"))
_FILLING = ("the", "film", "was", "a", "its", "and")


def sentiment(size: int, *, marked: bool = True) -> RationaleDataset:
    """The label is the one telling word among six to nine; it is highlighted."""
    random = np.random.default_rng(size)
    examples = []
    for i in range(size):
        label = int(random.integers(2))
        words = [str(word) for word in random.choice(_FILLING, 5 + i % 4)]
        place = int(random.integers(len(words)))
        words.insert(place, str(random.choice(_TELLING[label])))
        start = len(" ".join(words[:place])) + (place > 0)
        evidence = {"text": ((start, start + len(words[place])),)} if marked else None
        text = {"text": " ".join(words)}
        examples.append(Example(f"s{i}", "sentiment", text, SENTIMENT.choices, label, evidence=evidence))
    return RationaleDataset.from_examples(examples, SENTIMENT)


def questions(size: int) -> RationaleDataset:
    """The right option stands in the question, where it is highlighted; two to four options."""
    random = np.random.default_rng(size)
    options = ["eat food", "sleep", "run", "read a book"]
    examples = []
    for i in range(size):
        chosen = tuple(options[j] for j in random.permutation(4)[: random.integers(2, 5)])
        label = int(random.integers(len(chosen)))
        text = {"question": f"people {chosen[label]} when they are hungry"}
        evidence = {"question": ((7, 7 + len(chosen[label])),)}
        examples.append(Example(f"q{i}", "commonsense", text, chosen, label, evidence=evidence))
    return RationaleDataset.from_examples(examples, COMMONSENSE)


def fitted(
    kind: type[Recipe],
    folder: Path,
    knobs: dict[str, Any],
    *,
    model: TransformerModel | None = None,
    data: RationaleDataset | None = None,
) -> Recipe:
    """A recipe whose stages have all been trained on a tiny model."""
    made = tiny_classifier(SENTIMENT) if model is None else model
    recipe = kind(made, data or sentiment(16), data or sentiment(7), read_config(kind, SMALL | knobs))
    folder.mkdir(parents=True)
    journal = Journal(folder / "metrics.jsonl")
    for stage in recipe.stages():
        part = journal.under(f"{stage.name}/")
        fit(stage.learner, stage.data, stage.settings, folder=folder / stage.name, journal=part)
    journal.close()
    made.network.eval()
    made.trained = True
    return recipe


def round_trip(recipe: Recipe, folder: Path) -> tuple[TransformerModel, list[WordScores]]:
    """The saved model, loaded, and the `learned` rationales of its training data."""
    recipe.save(folder)
    loaded = load_model(str(folder), device="cpu")
    extraction = Extraction([choose("learned")], loaded)
    data = recipe.train
    return loaded, [found for (found,) in extraction.run((each, data.words(each)) for each in data)]


def gradients(learner: Learner[Any], items: Sequence[Any], term: str) -> dict[str, bool]:
    """Which modules a term's gradient reaches."""
    for module in learner.modules().values():
        module.zero_grad()
    learner.losses(items, Moment(step=0, micro=0, epoch=0, progress=0.0, seed=0))[term].sum().backward()
    return {
        name: any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in module.parameters())
        for name, module in learner.modules().items()
    }


def interrupted_and_whole(
    recipe: str, learner: type[Learner[Any]], call: int, folder: Path, knobs: dict[str, Any], patch: pytest.MonkeyPatch
) -> tuple[Run, Run]:
    """A run that was stopped when a kind of learner is asked for losses for the n-th time and then resumed; and one
    that was not stopped.
    """
    data, dev = sentiment(16), sentiment(7)
    model = str(tiny_folder(folder / "tiny", "bert", "classifier", labels=2))
    given: dict[str, Any] = {"model": model, "config": SMALL | {"epochs": 2} | knobs, "device": "cpu", "dev": dev}
    whole = train(recipe, data, **given, workspace=folder / "w")
    real, calls = learner.losses, 0

    def losses(self: Any, batch: Any, moment: Moment) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            signal.raise_signal(signal.SIGINT)
        return real(self, batch, moment)

    with patch.context() as patched:
        patched.setattr(learner, "losses", losses)
        cut = train(recipe, data, **given, workspace=folder / "w")
    assert cut.status.state == "interrupted"
    return resume(cut.id, data=data, dev=dev, workspace=folder / "w"), whole
