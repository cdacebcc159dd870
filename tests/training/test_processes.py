"""Two processes train as one: the same weights, one that writes, a stop and a resume that all of them follow."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rationale_eval.errors import UsageError
from rationale_eval.training.processes import Processes
from tests.helpers.learning import ToyLearner, toy_fit
from tests.helpers.processes_driver import PLAIN, Sharp
from tests.helpers.processes_driver import train as train_alone

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left behind."""
    root = tmp_path_factory.mktemp("together")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {**os.environ, "OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.processes_driver", str(root)],
            cwd=ROOT,
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        said = [process.communicate(timeout=150)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], "\n".join(said)
    return root


def report(root: Path, rank: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / f"report-{rank}.json").read_text())
    return found


def numbers(file: Path) -> dict[tuple[int, str], float]:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {(line["step"], line["name"]): line["value"] for line in lines}


def test_two_processes_give_the_weights_and_losses_of_one(together: Path, tmp_path: Path) -> None:
    """Shares of different size, one of them empty; a parameter that only one process has a gradient of."""
    learner = Sharp()
    alone = train_alone(tmp_path, learner, PLAIN, 21)
    assert {name: alone[name] for name in ("step", "kept")} == {
        name: report(together, 0)["sharp"][name] for name in ("step", "kept")
    }
    expected = load_file(tmp_path / "weights-0.safetensors")
    for rank in (0, 1):
        found = load_file(together / f"sharp/weights-{rank}.safetensors")
        for name, weights in expected.items():
            torch.testing.assert_close(found[name], weights, rtol=0, atol=1e-10)
    one, two = numbers(tmp_path / "rank0/metrics.jsonl"), numbers(together / "sharp/rank0/metrics.jsonl")
    assert one.keys() == two.keys()
    # Losses are added up in float32.
    assert all(two[key] == pytest.approx(one[key], rel=1e-5, abs=1e-7) for key in one)


def test_only_the_main_process_writes_and_reports(together: Path) -> None:
    assert not list(together.rglob("rank1*"))
    first, second = report(together, 0), report(together, 1)
    assert first["whole"]["told"] == first["whole"]["step"] == 12
    assert second["whole"]["told"] == 0


def test_a_stop_of_one_stops_all_and_resuming_gives_the_same_bits(together: Path) -> None:
    for rank in (0, 1):
        found = report(together, rank)
        assert (found["cut"]["state"], found["cut"]["step"]) == ("interrupted", 5)
        assert (found["resumed"]["state"], found["resumed"]["differences"]) == ("finished", 0)
    assert report(together, 0)["resumed"]["exact"]
    whole = [load_file(together / f"whole/weights-{rank}.safetensors") for rank in (0, 1)]
    cut = load_file(together / "cut/weights-1.safetensors")
    for name, weights in whole[0].items():
        assert torch.equal(weights, whole[1][name]) and torch.equal(weights, cut[name])
    lines = [(together / name / "rank0/metrics.jsonl").read_bytes() for name in ("whole", "cut")]
    assert lines[0] == lines[1]


def test_leaving_an_evaluation_stops_those_who_wait_for_it(together: Path) -> None:
    for rank in (0, 1):
        assert (report(together, rank)["left"]["state"], report(together, rank)["left"]["step"]) == ("interrupted", 4)


def test_no_thread_of_the_group_outlives_it(together: Path) -> None:
    """Such a thread may drop the last hold on a tensor when the interpreter is half gone: the process then aborts."""
    for rank in (0, 1):
        threads = json.loads((together / f"threads-{rank}.json").read_text())
        assert threads and not [name for name in threads if "gloo" in name]


def test_another_number_of_processes_is_not_exact(together: Path) -> None:
    folder = together / "left/rank0"
    with pytest.raises(UsageError, match=r"not be bit-exact \(.*processes 2 then, 1 now"):
        toy_fit(folder)
    outcome, _ = toy_fit(folder, ToyLearner(), allow_inexact=True)
    assert (outcome.state, outcome.exact) == ("finished", False)


def test_a_process_alone_keeps_what_it_has() -> None:
    alone = Processes(0, 1, torch.device("cpu"))
    batch = (3, 1, 2)
    assert alone.share_of(batch) == batch and alone.main and alone.alone
    assert [alone.add([0.1, float("inf")]), alone.share({"a": 1}), alone.any(True)] == [
        [0.1, float("inf")],
        {"a": 1},
        True,
    ]
    parts = [Processes(rank, 2, torch.device("cpu")).share_of((5, 6, 7)) for rank in (0, 1)]
    assert parts == [(5, 7), (6,)]
