"""Seeds and grids as one command: all members, each once, going on where it was left."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from rationale_eval.errors import UsageError
from rationale_eval.recipes.fine_tune import FineTune, LabelLearner
from rationale_eval.recipes.record import Stage
from rationale_eval.training.examples import Prepared
from rationale_eval.training.randomness import Moment
from rationale_eval.verbs.job import TrainJob
from rationale_eval.verbs.sweep import group_name, members, train_many
from rationale_eval.verbs.train import train, train_job
from rationale_eval.workspace.runs import Run, Workspace
from tests.helpers.tiny import SENTIMENT, tiny_folder

KNOBS = {"epochs": 1, "batch_size": 8, "precision": "no", "checkpoint_every": 2}


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> TrainJob:
    """A training of a fraction of a second."""
    root = tmp_path_factory.mktemp("sweep")
    model = tiny_folder(root / "tiny", "bert", "classifier", labels=2)
    (root / "set").mkdir()
    random = np.random.default_rng(0)
    for split, size in (("train", 24), ("validation", 12)):
        with open(root / "set" / f"{split}.jsonl", "w") as file:
            for i in range(size):
                label = int(random.integers(2))
                text = f"the film {i} was {('dull', 'wonderful')[label]}"
                record = {"id": f"{i}", "task": "sentiment", "inputs": {"text": text}}
                record |= {"choices": list(SENTIMENT.choices), "label": label, "rationale": None, "rationales": []}
                file.write(json.dumps(record | {"evidence": None, "meta": {}}) + "\n")
    return TrainJob(recipe="fine_tune", data=str(root / "set"), model=str(model), config=KNOBS, device="cpu")


class Told:
    """What was said of the members."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def __call__(self, title: str, event: str, run: Run | None) -> None:
        self.events.append((title.partition(": ")[2], event))


def test_members_are_all_combinations_with_every_seed(job: TrainJob) -> None:
    found = members(job, seeds=(0, 7), grid={"lr": ["1e-4", "3e-5"], "model": ["a", "b"]})
    assert [title.partition(": ")[2] for title in found][:3] == [
        "lr=1e-4, model=a, seed 0",
        "lr=1e-4, model=a, seed 7",
        "lr=1e-4, model=b, seed 0",
    ]
    assert len(found) == 8
    last = list(found.values())[-1]
    assert (last.seed, last.model, last.config) == (7, "b", {**KNOBS, "lr": "3e-5"})


def test_the_name_follows_from_what_is_asked_and_not_from_the_seeds(job: TrainJob) -> None:
    name = group_name(job, {"lr": ["1e-4"]})
    assert name == group_name(job.model_copy(update={"seed": 5}), {"lr": ["1e-4"]})
    assert name != group_name(job, {"lr": ["2e-4"]}) and name != group_name(job)


def test_a_grid_with_seeds_is_trained_and_shown(job: TrainJob, tmp_path: Path) -> None:
    place, told = Workspace(tmp_path / "w"), Told()
    group = train_many(job, seeds=(0, 1), grid={"lr": ["1e-2", "1e-3"]}, workspace=place, told=told)
    assert [line.differing for line in group.lines()] == [{"lr": 0.01}, {"lr": 0.001}]
    assert [list(line.runs) for line in group.lines()] == [[0, 1], [0, 1]]
    assert all(line.metrics["accuracy"].n == 2 for line in group.lines())
    alone = train(
        "fine_tune",
        str(job.data),
        model=job.model,
        config={**KNOBS, "lr": "1e-3"},
        seed=1,
        device="cpu",
        workspace=tmp_path / "v",
    )
    assert alone.summary is not None
    assert group.lines()[1].runs[1].summary["metrics"] == alone.summary["metrics"]  # type: ignore[index]
    assert told.events[:2] == [("lr=1e-2, seed 0", "begins"), ("lr=1e-2, seed 0", "is finished")]
    # The same command does nothing more, and a seed more is one run a configuration more.
    again = Told()
    train_many(job, seeds=(0, 1, 2), grid={"lr": ["1e-2", "1e-3"]}, workspace=place, told=again)
    assert [event for _, event in again.events].count("begins") == 2
    assert len(place.runs()) == 6


def press_ctrl_c(monkeypatch: pytest.MonkeyPatch, *, seed: int) -> None:
    real = LabelLearner.losses

    def losses(self: LabelLearner, batch: Sequence[Prepared], moment: Moment) -> Mapping[str, Tensor]:
        if moment.seed == seed and moment.step == 1:
            signal.raise_signal(signal.SIGINT)
        return real(self, batch, moment)

    monkeypatch.setattr(LabelLearner, "losses", losses)


def test_an_interrupted_sweep_goes_on_with_what_is_missing(
    job: TrainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "w")
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, seed=1)
        cut = train_many(job, seeds=(0, 1, 2), workspace=place)
    assert [run.status.state for run in cut.runs] == ["finished", "interrupted"]
    told = Told()
    group = train_many(job, seeds=(0, 1, 2), workspace=place, told=told)
    assert told.events == [
        ("seed 0", "is finished"),
        ("seed 1", "goes on"),
        ("seed 1", "is finished"),
        ("seed 2", "begins"),
        ("seed 2", "is finished"),
    ]
    assert group.id == cut.id and [run.id for run in group.runs][:2] == [run.id for run in cut.runs]
    whole = train_many(job, seeds=(1,), workspace=Workspace(tmp_path / "v"))
    assert group.runs[1].metrics() == whole.runs[0].metrics()


def test_a_member_that_fails_does_not_stop_the_others(
    job: TrainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LabelLearner.losses

    def losses(self: LabelLearner, batch: Sequence[Prepared], moment: Moment) -> Mapping[str, Tensor]:
        return {
            name: loss * float("nan" if moment.seed == 0 else 1) for name, loss in real(self, batch, moment).items()
        }

    monkeypatch.setattr(LabelLearner, "losses", losses)
    place, told = Workspace(tmp_path / "w"), Told()
    group = train_many(job, seeds=(0, 1), workspace=place, told=told)
    assert [event for _, event in told.events] == ["begins", "failed", "begins", "is finished"]
    assert "NaN" in told.events[1][0]
    assert group.lines()[0].states == {"failed": 1, "finished": 1} and group.lines()[0].metrics["accuracy"].n == 1
    again = Told()
    train_many(job, seeds=(0, 1), workspace=place, told=again)
    assert [event for _, event in again.events] == ["left alone", "is finished"]


def test_a_sweep_can_be_queued_and_queued_again(job: TrainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Workspace(tmp_path / "w")
    group = train_many(job, seeds=(0, 1), grid={"lr": ["1e-2"]}, workspace=place, queue=True)
    assert [run.status.state for run in group.runs] == ["queued", "queued"]
    assert all(run.place is not None and run.asked["group"] == group.id for run in group.runs)
    train_many(job, seeds=(0, 1), grid={"lr": ["1e-2"]}, workspace=place, queue=True)
    assert len(place.runs()) == 2
    with monkeypatch.context() as patch:
        press_ctrl_c(patch, seed=0)
        train_many(job, seeds=(0,), grid={"lr": ["1e-2"]}, workspace=place)
    assert group.runs[0].status.state == "interrupted"
    train_many(job, seeds=(0, 1), grid={"lr": ["1e-2"]}, workspace=place, queue=True)
    assert group.runs[0].status.state == "queued"


def test_what_cannot_be_asked_is_refused_before_anything_is_made(job: TrainJob, tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    for grid, problem in (
        ({"lrr": ["1"]}, "no setting 'lrr'; did you mean lr"),
        ({"lr": ["x"]}, "lr: input should be a valid number"),
        ({"lr": ["1e-3", "1e-3"]}, "lr names a value twice"),
        ({"lr": []}, "lr has no value"),
        ({"lr": list(range(2000))}, "at most 1000"),
    ):
        with pytest.raises(UsageError, match=problem):
            train_many(job, grid=grid, workspace=place)
    with pytest.raises(UsageError, match="seeds names a value twice"):
        train_many(job, seeds=(1, 1), workspace=place)
    assert place.runs() == []


def test_the_numbers_of_each_stage_have_names_of_their_own(
    job: TrainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FineTune.stages

    def stages(self: FineTune) -> Iterator[Stage]:
        for name in ("first", "fine_tune"):
            yield from (replace(stage, name=name) for stage in real(self))

    monkeypatch.setattr(FineTune, "stages", stages)
    run = train_job(job, Workspace(tmp_path / "w"))
    found = {(line["step"], line["name"]) for line in run.metrics()}
    assert {(1, "loss"), (3, "loss"), (1, "first/loss"), (3, "first/loss"), (3, "first/dev/accuracy")} <= found
    assert run.summary is not None and run.summary["exact"] and run.summary["differences"] == 0
