"""Seeds, grids and groups on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rationale_eval.cli import make_app
from rationale_eval.commands.groups import read_grid, read_seeds
from rationale_eval.commands.parsing import spread
from rationale_eval.errors import UsageError
from tests.helpers.tiny import tiny_folder


def call(*words: str) -> Any:
    return CliRunner().invoke(make_app(), spread(words), catch_exceptions=False)


def test_seeds_and_grids_are_read_or_refused() -> None:
    assert read_seeds("0, 1,12") == (0, 1, 12)
    for text in ("", "a", "-1", "0.5", "1;2"):
        with pytest.raises(UsageError, match="--seeds takes whole numbers"):
            read_seeds(text)
    assert read_grid(["lr=1e-4,3e-5", "batch_size=8"]) == {"lr": ["1e-4", "3e-5"], "batch_size": ["8"]}
    assert read_grid(["term_schedules=a:0.1,b:0.2;a:0.5"]) == {"term_schedules": ["a:0.1,b:0.2", "a:0.5"]}
    with pytest.raises(UsageError, match="--grid takes name=value"):
        read_grid(["lr"])


def test_a_sweep_from_the_command_line(tmp_path: Path) -> None:
    model = str(tiny_folder(tmp_path / "tiny", "bert", "classifier", labels=3))
    words = ["train", "fine_tune", "--data", "bundled/nli", "--limit", "20", "--model", model, "--device", "cpu"]
    words += ["--set", "max_steps=2", "precision=no", "--seeds", "0,1", "--grid", "lr=1e-2,1e-3"]
    words += ["--workspace", str(tmp_path / "w")]
    done = call(*words, "--json")
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert list(shown["runs"].values()) == ["finished"] * 4
    rows = [(row["lr"], row["metric"], row["seeds"]) for row in shown["table"] if row["metric"] == "accuracy"]
    assert rows == [(0.01, "accuracy", 2), (0.001, "accuracy", 2)]
    assert shown["best"] in ({"lr": 0.01}, {"lr": 0.001})
    again = call("runs", "group", shown["group"], "--workspace", str(tmp_path / "w"), "--metric", "loss")
    assert "2 finished" in again.output and "best dev loss: lr=" in again.output
    lines = [line for line in again.output.splitlines() if line.strip().startswith(("0.01 ", "0.001 "))]
    assert len(lines) == 2 and all("±" in line and "0, 1" in line for line in lines)
    repeated = call(*words)
    assert repeated.exit_code == 0 and repeated.output.count(": is finished") == 4


def test_what_cannot_be_done_together(tmp_path: Path) -> None:
    words = ["train", "fine_tune", "--data", "bundled/nli", "--workspace", str(tmp_path)]
    for more, problem in (
        (["--seeds", "0,1", "--detach"], "one after the other, or with --queue"),
        (["--sink", "comet"], "no sink 'comet'"),
    ):
        with pytest.raises(UsageError, match=problem):
            call(*words, *more)
