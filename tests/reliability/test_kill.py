"""K1, K2, K3: `kill -9` anywhere, then resume: the same weights, metric lines and rationales, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import subjects
from tests.helpers.forks import Forks
from tests.helpers.kill_trials import Trials


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as server:
        yield server


@pytest.fixture(scope="module")
def root(quick_module: Path) -> Path:
    subjects.prepare(quick_module)
    return quick_module


@pytest.fixture(scope="module")
def toys(forks: Forks, root: Path) -> Trials:
    return Trials(forks, root, "toy")


@pytest.fixture(scope="module")
def runs(forks: Forks, root: Path) -> Trials:
    return Trials(forks, root, "whole_run")


def test_k1_killed_at_any_time(toys: Trials, runs: Trials) -> None:
    """`python -m benchmarks.reliability` kills hundreds."""
    toy, run = toys.at_random_times(20), runs.at_random_times(5)
    assert toy.wrong + run.wrong == []
    assert (toy.trials, run.trials) == (20, 5)


def test_k2_ten_kills_in_one_run(toys: Trials, runs: Trials) -> None:
    tallies = [toys.in_a_row(1), runs.in_a_row(1, seed=1)]
    assert [tally.wrong for tally in tallies] == [[], []]
    assert all(tally.kills >= 8 for tally in tallies)


def test_k3_killed_at_every_named_point(toys: Trials) -> None:
    tally = toys.at_every_point()
    assert tally.wrong == []
    assert tally.trials == len(toys.points) >= 20


def test_k3_points_that_only_a_whole_run_reaches(toys: Trials, runs: Trials) -> None:
    runs.points = {name: often for name, often in runs.points.items() if name not in toys.points}
    tally = runs.at_every_point()
    assert tally.wrong == []


@pytest.mark.parametrize("step", [1, 3, 4, 7, 12])
def test_at_most_one_interval_is_done_again(toys: Trials, step: int) -> None:
    label = f"interval-{step}"
    assert toys.attempt(label, point=f"loop.stepped:{step}=kill").killed
    again = toys.attempt(label)
    # A checkpoint stands at every third step, and none is written between a step and the point after it.
    assert again.points["loop.stepped"] == 12 - 3 * ((step - 1) // 3)


def test_early_stopping_survives_a_kill(forks: Forks, root: Path) -> None:
    trials = Trials(forks, root, "patient")
    assert trials.expected is not None and trials.expected["outcome"][4]
    assert trials.points["loop.stepped"] > 20
    tally = trials.in_a_row(2, kills=4, seed=3)
    assert tally.wrong == [] and tally.kills >= 6


@pytest.mark.parametrize("point", ["train.summary_written", "train.checkpoints_removed"])
def test_a_run_that_was_done_is_not_trained_again(runs: Trials, point: str) -> None:
    label = f"done-{point}"
    assert runs.attempt(label, point=f"{point}=kill").killed
    again = runs.attempt(label)
    assert again.code == 0 and "loop.stepped" not in again.points
    assert subjects.result(runs.folder(label)) == runs.expected


def test_a_training_whose_model_was_not_written_is_not_stepped_again(runs: Trials) -> None:
    assert runs.attempt("unwritten", point="train.model_written=kill").killed
    again = runs.attempt("unwritten")
    assert again.code == 0 and "loop.stepped" not in again.points
    assert subjects.result(runs.folder("unwritten")) == runs.expected
