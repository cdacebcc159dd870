"""Training as users call it: runs that finish, stop, resume, and say how to repeat them."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor
from typer.testing import CliRunner

from rationale_eval import durable
from rationale_eval.cli import make_app
from rationale_eval.errors import UsageError
from rationale_eval.models.load import load_model
from rationale_eval.recipes.fine_tune import LabelLearner
from rationale_eval.training.examples import Prepared
from rationale_eval.training.held_out import hold_out
from rationale_eval.training.outcome import TrainingFailed
from rationale_eval.training.randomness import Moment
from rationale_eval.verbs.train import TrainingData, resume, train
from rationale_eval.workspace.runs import Workspace
from tests.helpers.tiny import SENTIMENT, tiny_folder

KNOBS = {"epochs": 2, "batch_size": 8, "lr": 1e-2, "precision": "no", "checkpoint_every": 2}


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(tiny_folder(tmp_path / "tiny", "bert", "classifier", labels=2))


@pytest.fixture
def data(tmp_path: Path) -> str:
    folder = tmp_path / "set"
    folder.mkdir()
    random = np.random.default_rng(0)
    for split, size in (("train", 40), ("validation", 12), ("test", 4)):
        with open(folder / f"{split}.jsonl", "w") as file:
            for i in range(size):
                label = int(random.integers(2))
                text = f"the film {i} was {('dull', 'wonderful')[label]}"
                record = {"id": f"{i}", "task": "sentiment", "inputs": {"text": text}}
                record |= {"choices": list(SENTIMENT.choices), "label": label, "rationale": None, "rationales": []}
                file.write(json.dumps(record | {"evidence": None, "meta": {}}) + "\n")
    return str(folder)


@pytest.mark.parametrize(
    ("recipe", "knobs", "fix"),
    [("unirex", {}, "objectives=F"), ("sgt", {"plausibility": True}, "plausibility=false")],
)
def test_data_without_highlights_are_refused_before_there_is_a_run(
    tmp_path: Path, model: str, data: str, recipe: str, knobs: dict[str, object], fix: str
) -> None:
    with pytest.raises(UsageError, match=f"{recipe}: .* no gold highlights .*; use {fix}"):
        train(recipe, data, model=model, config=knobs, workspace=tmp_path / "w", device="cpu")
    assert Workspace(tmp_path / "w").runs() == []


def press_ctrl_c_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = LabelLearner.losses

    def losses(self: LabelLearner, batch: Sequence[Prepared], moment: Moment) -> Mapping[str, Tensor]:
        if moment.step == step:
            signal.raise_signal(signal.SIGINT)
        return real(self, batch, moment)

    monkeypatch.setattr(LabelLearner, "losses", losses)


def test_a_run_ends_with_a_model_that_loads(tmp_path: Path, model: str, data: str) -> None:
    run = train("fine_tune", data, model=model, config=KNOBS, workspace=tmp_path / "w", device="cpu")
    assert run.status.state == "finished"
    assert durable.damage(run.model) is None
    assert load_model(str(run.model)).trained
    assert run.summary is not None
    assert (run.summary["train_examples"], run.summary["dev_examples"], run.summary["steps"]) == (40, 12, 10)
    assert run.summary["exact"] and not run.checkpoints.exists()
    assert run.provenance["data"] == data and run.provenance["seed"] == 0
    assert {line["name"] for line in run.metrics()} >= {"loss", "lr", "dev/accuracy"}


def test_the_written_command_repeats_the_run(tmp_path: Path, model: str, data: str) -> None:
    first = train("fine_tune", data, model=model, config=KNOBS, workspace=tmp_path / "w", device="cpu", seed=3)
    words = shlex.split(first.provenance["command"])
    assert words[:2] == ["rationale-eval", "train"]
    done = CliRunner().invoke(make_app(), [*words[1:], "--workspace", str(tmp_path / "w"), "--json"])
    assert done.exit_code == 0, done.output
    second = Workspace(tmp_path / "w").find(json.loads(done.stdout)["run"])
    assert second.config == first.config
    assert second.metrics_file.read_bytes() == first.metrics_file.read_bytes()
    weights = "model.safetensors"
    assert durable.sha256(second.model / weights) == durable.sha256(first.model / weights)


def test_an_interrupted_run_resumes_to_the_same_bits(
    tmp_path: Path, model: str, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"model": model, "config": KNOBS, "workspace": tmp_path / "w", "device": "cpu"}
    whole = train("fine_tune", data, **options)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        press_ctrl_c_at(3, patch)
        cut = train("fine_tune", data, **options)  # type: ignore[arg-type]
    assert (cut.status.state, cut.status.reason) == ("interrupted", "stopped")
    message = cut.status.message or ""
    assert "stopped after step 4 of 10; go on with: rationale-eval train --resume" in message
    done = CliRunner().invoke(make_app(), shlex.split(message.split("go on with: ")[1])[1:])
    assert done.exit_code == 0, done.output
    assert cut.status.state == "finished" and cut.status.attempt == 2
    assert cut.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    weights = "model.safetensors"
    assert durable.sha256(cut.model / weights) == durable.sha256(whole.model / weights)
    with pytest.raises(UsageError, match="is finished; its model is in"):
        resume(cut.id, workspace=tmp_path / "w")


def test_changed_data_are_not_resumed(tmp_path: Path, model: str, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        press_ctrl_c_at(1, patch)
        run = train("fine_tune", data, model=model, config=KNOBS, workspace=tmp_path / "w", device="cpu")
    file = Path(data) / "train.jsonl"
    file.write_text(file.read_text().replace("film 0", "film zero"))
    with pytest.raises(UsageError, match="changed since it began"):
        resume(run.id, workspace=tmp_path / "w")


def test_a_diverging_run_is_failed_with_its_reason(
    tmp_path: Path, model: str, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LabelLearner.losses
    monkeypatch.setattr(LabelLearner, "losses", lambda *a: {"task": real(*a)["task"] * float("nan")})
    with pytest.raises(TrainingFailed):
        train("fine_tune", data, model=model, config=KNOBS, workspace=tmp_path / "w", device="cpu")
    run = Workspace(tmp_path / "w").latest()
    assert run is not None
    assert (run.status.state, run.status.reason) == ("failed", "non-finite")
    assert "step 1" in (run.status.message or "")


def test_bad_requests_make_no_run(tmp_path: Path, model: str, data: str) -> None:
    space = tmp_path / "w"
    with pytest.raises(UsageError, match="no recipe 'finetune'; did you mean fine_tune"):
        train("finetune", data, workspace=space)
    with pytest.raises(UsageError, match="did you mean lr"):
        train("fine_tune", data, config={"lrr": 1}, workspace=space)
    three = tiny_folder(tmp_path / "three", "bert", "classifier", labels=3)
    with pytest.raises(UsageError):
        train("fine_tune", data, model=str(three), workspace=space, device="cpu")
    assert Workspace(space).runs() == []


def test_joined_splits_and_held_out_part(data: str) -> None:
    part, dev = TrainingData(data, "train+validation", dev_fraction=0.25).open()
    ids, held = [example.id for example in part], [example.id for example in dev]
    assert len(ids) + len(held) == 52 and 4 <= len(held) <= 24
    assert not set(ids) & set(held)
    assert {name.split("/")[0] for name in ids + held} == {"train", "validation"}
    # Whatever the limit, an example stays on its side: none trained on before is developed on later.
    fewer, fewer_dev = TrainingData(data, "train+validation", dev_fraction=0.25, limit=30).open()
    assert {example.id for example in fewer} <= set(ids) and {example.id for example in fewer_dev} <= set(held)


def test_examples_of_one_document_stay_together(data: str) -> None:
    part, _ = TrainingData(data, dev_split="validation").open()
    part.cluster_field = "text"
    train_part, dev_part = hold_out(part, 0.3)
    assert not {part.cluster(one) for one in train_part} & {part.cluster(one) for one in dev_part}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dev_split": "test"}, "test split is for the final evaluation"),
        ({"dev_split": "train"}, "cannot be both trained on and developed on"),
        ({"dev_split": "validation", "dev_fraction": 0.1}, "not both"),
        ({"dev_fraction": 1.5}, "between 0 and 1"),
    ],
)
def test_splits_that_would_mislead_are_refused(data: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainingData(data, **options).open()  # type: ignore[arg-type]


def test_the_default_development_split_is_validation_and_never_test(data: str) -> None:
    assert TrainingData(data).open()[1].split == "validation"
    (Path(data) / "validation.jsonl").unlink()
    part, dev = TrainingData(data).open()
    assert (part.split, dev.split) == ("train", "train")
    assert len(part) + len(dev) == 40


def test_command_line_says_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(make_app(), ["train", "fine_tune", "--workspace", str(tmp_path)])
    assert isinstance(result.exception, UsageError) and "--data" in str(result.exception)
    result = CliRunner().invoke(make_app(), ["train", "fine_tune", "--describe"])
    assert result.exit_code == 0 and "batch_size" in result.output
