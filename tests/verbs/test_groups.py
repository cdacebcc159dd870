"""Groups of runs: one line a configuration, the best of them, evaluations over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rationale_eval.errors import UsageError
from rationale_eval.metrics.record import Score
from rationale_eval.verbs.groups import Group, group_results
from rationale_eval.verbs.result import Result, ScoreRow, write_scores
from rationale_eval.workspace.runs import Run, Workspace


def record(seed: int, **knobs: Any) -> dict[str, Any]:
    config = {"lr": 0.1, "batch_size": 8, "metric": "accuracy", "precision": "no"} | knobs
    return {"recipe": "fine_tune", "data": "bundled/nli", "model": "m", "device": "cpu", "seed": seed, "config": config}


def made(place: Workspace, seed: int, metrics: dict[str, float] | None, group: str | None = "g", **knobs: Any) -> Run:
    """A run that finished with metrics, or failed."""
    run = place.create_run("train", record(seed, **knobs), about={"group": group})
    if metrics is None:
        with pytest.raises(RuntimeError), run.working():
            raise RuntimeError("no")
    else:
        with run.working():
            run.write_summary({"metrics": metrics})
    return run


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path / "w")
    for seed, accuracy in enumerate((0.78, 0.80, 0.82)):
        made(place, seed, {"accuracy": accuracy, "loss": 0.5 + seed / 10})
    made(place, 0, {"accuracy": 0.9, "loss": 0.9}, lr=0.2)
    made(place, 1, {"loss": 0.7}, lr=0.2, precision="bf16")  # accuracy was not finite: not stored
    made(place, 2, None, lr=0.2)
    made(place, 0, {"accuracy": 1.0}, group=None)
    made(place, 0, {"accuracy": 1.0}, group="other", lr=0.3)
    return place


def test_one_line_for_each_configuration(place: Workspace) -> None:
    group = Group.find("g", place)
    first, second = group.lines()
    assert (first.differing, second.differing) == ({"lr": 0.1}, {"lr": 0.2})
    assert list(first.runs) == [0, 1, 2]
    assert first.metrics["accuracy"].mean == pytest.approx(0.8) and first.metrics["accuracy"].sd == pytest.approx(0.02)
    assert (second.metrics["accuracy"].n, second.metrics["loss"].n) == (1, 2)
    assert second.states == {"finished": 2, "failed": 1}
    rows = group.table()
    assert [(row["lr"], row["metric"], row["seeds"]) for row in rows] == [
        (0.1, "accuracy", 3),
        (0.1, "loss", 3),
        (0.2, "accuracy", 1),
        (0.2, "loss", 2),
    ]
    assert rows[0]["interval"] == "t, 95 %" and group.metric == "accuracy"


def test_the_best_configuration_by_a_named_metric(place: Workspace) -> None:
    group = Group.find("g", place)
    assert group.best("accuracy").label == "lr=0.2"
    assert group.best("loss").label == "lr=0.1"
    assert group.best("loss", lower_is_better=False).label == "lr=0.2"
    made(place, 3, {"loss": 0.0}, lr=0.4)
    assert Group.find("g", place).best("accuracy").label == "lr=0.2"  # one without a value is never the best
    with pytest.raises(UsageError, match="has the dev metric 'bleu'; there are: accuracy, loss"):
        group.best("bleu")


def test_of_two_runs_of_one_member_the_finished_one_counts(place: Workspace) -> None:
    made(place, 2, {"accuracy": 0.5}, lr=0.2)
    made(place, 0, None, lr=0.1)
    group = Group.find("g", place)
    assert len(group.runs) == 6 and all(run.status.state == "finished" for run in group.runs)
    assert group.member(record(2, lr=0.2)) is not None
    assert group.member(record(2, lr=0.2) | {"device": "cuda"}) is not None
    assert group.member(record(3, lr=0.2)) is None and group.member(record(0, lr=0.3)) is None


def test_a_group_that_is_not_there(place: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no group 'h' in .*; there are: g, other"):
        Group.find("h", place)
    with pytest.raises(UsageError, match="none was made yet, see train --seeds"):
        Group.find("h", Workspace(tmp_path / "empty"))


def evaluated(folder: Path, shift: float, fingerprint: str = "x") -> Result:
    draw = np.random.default_rng(0)
    rows = [
        ScoreRow(f"e{i}", None, method, "auprc", "v", Score(0.5 + shift + float(draw.normal(0, 0.1))))
        for i in range(20)
        for method in ("ours", "random")
    ]
    return Result(write_scores(rows, folder / "examples.parquet"), {"data": {"fingerprint": fingerprint}})


def test_evaluations_over_seeds(tmp_path: Path) -> None:
    seeds = [evaluated(tmp_path / str(i), shift) for i, shift in enumerate((0.0, 0.1, 0.2))]
    table = group_results(seeds)
    assert table["method"].tolist() == ["ours", "random"] and table["seeds"].tolist() == [3, 3]
    single = seeds[1].summary(resamples=1).set_index("method")["value"]
    assert table["mean"].tolist() == pytest.approx([single["ours"], single["random"]])
    # Shifts of 0, 0.1 and 0.2: sd 0.1, whatever the examples are; half-width 4.3027 * 0.1 / sqrt(3)
    assert table["sd"].tolist() == pytest.approx([0.1, 0.1])
    assert (table["ci_high"] - table["mean"]).tolist() == pytest.approx([0.24841, 0.24841], abs=1e-5)
    named = group_results({"a": seeds[:2], "b": seeds})
    assert named["system"].tolist() == ["a", "a", "b", "b"] and named["seeds"].tolist() == [2, 2, 3, 3]
    with pytest.raises(UsageError, match="different data"):
        group_results([seeds[0], evaluated(tmp_path / "other", 0.0, "y")])
    with pytest.raises(UsageError, match="no evaluation"):
        group_results([])
