"""Runs in processes of their own, started, watched and stopped by others, as on a user's machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from rationale_eval import durable
from rationale_eval.cli import run as command_line
from rationale_eval.verbs.jobs import resume, submit
from rationale_eval.verbs.train import train
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from rationale_eval.workspace.worker import start
from tests.helpers.sentiment import KNOBS, fresh_model, sentiment_set

PATIENCE = 120.0
"""Seconds; starting a process that imports torch takes long on a busy machine."""

WEIGHTS = "model.safetensors"
PROGRAM = [sys.executable, "-m", "rationale_eval.cli"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace, and one thread here as in the processes that are started: other thread counts give other bits."""
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Workspace(tmp_path / "w")
    torch.set_num_threads(threads)


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    """A training of ten steps."""
    data, model = sentiment_set(tmp_path / "set"), fresh_model(tmp_path / "tiny")
    return {"kind": "train", "recipe": "fine_tune", "data": str(data), "model": str(model), "config": KNOBS}


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


def equal_to_one_done_here(run: Run, job: dict[str, Any]) -> None:
    here = train("fine_tune", job["data"], model=job["model"], config=KNOBS, device="cpu")
    assert durable.sha256(run.model / WEIGHTS) == durable.sha256(here.model / WEIGHTS)
    assert run.metrics_file.read_bytes() == here.metrics_file.read_bytes()


def test_a_started_run_outlives_its_terminal_and_is_watched_from_another(
    tmp_path: Path, workspace: Workspace, job: dict[str, Any]
) -> None:
    (tmp_path / "job.json").write_text(json.dumps(job | {"device": "cpu"}))
    # A terminal: its own session, whose every process is killed as soon as the command has said what it started.
    terminal = subprocess.Popen(
        [*PROGRAM, "runs", "start", str(tmp_path / "job.json"), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    said = terminal.communicate(timeout=PATIENCE)[0]
    with suppress(ProcessLookupError):
        os.killpg(terminal.pid, signal.SIGKILL)
    found = json.loads(said)
    assert found["started"]
    run = workspace.find(found["run"])
    watching = subprocess.run(
        [*PROGRAM, "runs", "watch", run.id, "--json", "--every", "0.05"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    looks = [json.loads(line) for line in watching.stdout.splitlines()]
    assert watching.returncode == 0, watching.stderr
    assert looks[-1]["state"] == "finished" and (looks[-1]["step"], looks[-1]["total"]) == (10, 10)
    assert {"loss", "loss/task", "lr", "dev/accuracy"} <= set(looks[-1]["metrics"])
    assert looks[0]["state"] in ("starting", "running") and len(looks) > 2
    assert os.getsid(0) != terminal.pid and run.status.attempt == 1
    equal_to_one_done_here(run, job)


def test_a_detached_run_is_cancelled_resumed_and_ends_to_the_bit(
    workspace: Workspace, job: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(job | {"device": "cpu"}, workspace=workspace)
    with monkeypatch.context() as patch:
        patch.setenv("RATIONALE_EVAL_POINT", "loop.stepped:*=sleep:1.5")
        assert start(run)
    until(lambda: run.progress is not None and run.progress.step > 1, "it makes steps")
    assert run.status.state == "running" and run.worker not in (None, os.getpid())
    assert command_line(["runs", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["state"] == "running" and 1 < listed["progress"]["step"] < listed["progress"]["total"] == 10
    assert listed["progress"]["seconds_left"] > 0
    assert command_line(["runs", "delete", run.id]) == 2
    assert "cancel it first" in capsys.readouterr().err
    assert command_line(["runs", "cancel", run.id]) == 0
    assert run.status.state == "cancelled" and "stopped after step" in (run.status.message or "")
    assert run.worker is None
    resume(run.id)
    assert (run.status.state, run.status.attempt) == ("finished", 2)
    equal_to_one_done_here(run, job)


def test_a_killed_run_is_seen_as_interrupted_and_goes_on(
    workspace: Workspace, job: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(job | {"device": "cpu"}, workspace=workspace)
    with monkeypatch.context() as patch:
        patch.setenv("RATIONALE_EVAL_POINT", "loop.stepped:6=kill")
        assert start(run)
    assert command_line(["runs", "watch", run.id]) == 1
    assert f"run {run.id} is interrupted: its process ended without saying why" in capsys.readouterr().err
    assert command_line(["runs", "resume", run.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["started"]
    assert command_line(["runs", "watch", run.id]) == 0
    assert run.status.attempt == 2 and run.summary is not None and run.summary["differences"] == 0
    equal_to_one_done_here(run, job)


def test_a_worker_does_what_is_queued_by_priority_and_ends(
    workspace: Workspace, job: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = submit(job, workspace=workspace)
    (tmp_path / "tiny" / "model.safetensors").write_bytes(b"no weights at all")
    fields = {"kind": "extract", "data": job["data"], "split": "test", "methods": ["random"]}
    extracted = submit(fields, workspace=workspace, placing={"priority": 9})
    assert command_line(["worker", "--once", "--device", "cpu", "--poll", "0.1", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"started": 2}
    started = [line.split()[1].rstrip(":") for line in shown.err.splitlines() if "started on cpu" in line]
    assert started == [extracted.id, failing.id]
    assert extracted.status.state == "finished" and (extracted.folder / "explanations" / "random.parquet").exists()
    assert failing.status.state == "failed" and "model.safetensors" in (failing.status.message or "")
    assert "Traceback" not in failing.log_file.read_text()
