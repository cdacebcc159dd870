"""Dev metrics are of the weights as they stand: nothing a model keeps of its weights may outlive a step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.example import Example
from rationale_eval.models.load import load_model
from rationale_eval.recipes.fine_tune import LabelLearner
from rationale_eval.training.examples import prepare
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import fit
from rationale_eval.training.settings import LoopSettings
from tests.helpers.tiny import SENTIMENT, tiny_folder

WORDS = ("dull", "wonderful")


def test_every_evaluation_is_of_the_weights_of_its_step(tmp_path: Path) -> None:
    def examples() -> list[Example]:
        return [
            Example(f"{i}", "sentiment", {"text": f"the film {i} was {WORDS[i % 2]}"}, SENTIMENT.choices, label=i % 2)
            for i in range(24)
        ]

    data = RationaleDataset("films", "train", SENTIMENT, examples)
    folder = tiny_folder(tmp_path / "tiny", "bert", "classifier", labels=2)
    model = load_model(str(folder), task=SENTIMENT, device="cpu")

    class Saving(LabelLearner):
        """Keeps the model at every evaluation, to be evaluated again after loading it anew."""

        seen: list[tuple[Path, Mapping[str, float]]] = []  # noqa: RUF012

        def evaluate(self) -> Mapping[str, float]:
            found = super().evaluate()
            place = tmp_path / f"at-{len(self.seen)}"
            self.model.save(str(place))
            self.seen.append((place, found))
            return found

    prepared = prepare(model, data)
    settings = LoopSettings(epochs=4, batch_size=8, lr=0.01, precision="no")
    journal = Journal(tmp_path / "metrics.jsonl")
    fit(Saving(model, prepared), prepared, settings, folder=tmp_path / "checkpoints", journal=journal)
    journal.close()
    assert len(Saving.seen) == 4
    for place, found in Saving.seen:
        again = load_model(str(place), task=SENTIMENT, device="cpu")
        with torch.no_grad():
            fresh = LabelLearner(again, prepare(again, data)).evaluate()
        assert fresh["loss"] == pytest.approx(found["loss"], rel=1e-5)
