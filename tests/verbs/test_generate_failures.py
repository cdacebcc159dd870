"""What can go wrong with a model in this process: each a clear outcome, nothing lost, nothing made twice."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rationale_eval import durable, points
from rationale_eval.cli import run as command
from rationale_eval.errors import RationaleEvalError
from rationale_eval.models import decode
from rationale_eval.rationales import generation
from rationale_eval.rationales.completion import Completion, read_completions
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.generate_run import COMPLETIONS, FOLDER, generate_run
from rationale_eval.verbs.jobs import resume
from rationale_eval.workspace.runs import Run, Workspace
from tests.helpers.tiny import tiny_folder

DATA = "bundled/commonsense"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_folder(tmp_path_factory.mktemp("llama"), "llama", "causal"))


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def config(model: str, **changes: Any) -> GenerateConfig:
    values = {"data": DATA, "split": "test", "limit": 6, "model": model, "prompt": "zero_shot", "max_tokens": 4}
    return GenerateConfig(**{**values, "batch_size": 2, **changes})


def texts(run: Run) -> list[Completion]:
    return list(read_completions(run.folder / FOLDER / COMPLETIONS))


def says(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Every text of every model is `said`."""

    def written(*given: Any, **named: Any) -> Any:
        return [replace(one, text=said, finish="stop") for one in decode.decode(*given, **named)]

    monkeypatch.setattr(generation, "decode", written)


def evaluated(place: Workspace, run: Run, capsys: pytest.CaptureFixture[str]) -> str:
    words = ["evaluate", "--data", DATA, "--split", "test", "--limit", "6", "--texts", f"run:{run.id}"]
    assert command([*words, "--metrics", "rouge_l:*", "--workspace", str(place.path)]) == 0
    shown = capsys.readouterr()
    return shown.out + shown.err


def test_an_empty_rationale_is_kept_counted_and_scored_as_such(
    model: str, place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(monkeypatch, " because ")
    run = generate_run(config(model, prompt="zero_shot"), workspace=place)
    assert run.summary is not None and run.summary["texts"][0]["empty"] == 6
    assert run.summary["texts"][0]["in the form"] == 0 and all(one.rationale == "" for one in texts(run))
    assert "zero_shot" in evaluated(place, run, capsys)


def test_a_prompt_longer_than_the_context_is_told_and_not_cut(
    model: str, place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "--model", model, "--data", DATA, "--limit", "6", "--prompt", "few_shot", "--shots", "40"]
    assert command([*words, "--workspace", str(place.path)]) == 0
    run = place.latest("generate")
    assert run is not None and {one.finish for one in texts(run)} == {"too_long"}
    assert run.summary is not None and run.summary["texts"][0]["did not fit"] == 6
    assert "6 prompts do not fit the model's context" in capsys.readouterr().err


def test_a_model_that_names_no_choice_is_told_so_and_what_is_undefined_says_why(
    model: str, place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(monkeypatch, " perhaps because people are tired")
    words = ["generate", "--lm", model, "--data", DATA, "--limit", "6", "--prompt", "zero_shot", "--max-tokens", "4"]
    assert command([*words, "--workspace", str(place.path)]) == 0
    assert "no answer can be read from any text" in capsys.readouterr().err
    run = place.latest("generate")
    assert run is not None and run.summary is not None
    row = run.summary["texts"][0]
    assert (row["answers read"], row["correct of these"], row["in the form"]) == (0, None, 0)
    shown = evaluated(place, run, capsys)
    assert "not defined: rouge_l:correct of" in shown and "the answer is not right: 6" in shown


def test_a_process_that_is_killed_goes_on_and_nothing_is_lost_or_made_twice(model: str, place: Workspace) -> None:
    whole = generate_run(config(model, draws=2, temperature=1.0), workspace=Workspace(place.path / "whole"))
    words = ["generate", "--model", model, "--data", DATA, "--split", "test", "--limit", "6", "--prompt", "zero_shot"]
    words += ["--max-tokens", "4", "--batch-size", "2", "--draws", "2", "--temperature", "1.0"]
    killed = subprocess.run(
        [sys.executable, "-m", "rationale_eval.cli", *words, "--workspace", str(place.path)],
        env={**os.environ, points.ENVIRONMENT: "texts.added:3=kill"},
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL
    run = place.latest("generate")
    assert run is not None and run.status.state == "interrupted" and len(texts(run)) == 6
    kept = (run.folder / FOLDER / COMPLETIONS).read_bytes()
    assert command(["runs", "resume", run.id, "--here", "--workspace", str(place.path)]) == 0
    assert (run.folder / FOLDER / COMPLETIONS).read_bytes().startswith(kept) and run.status.state == "finished"
    assert len(texts(run)) == 12
    assert {one.key: one.text for one in texts(run)} == {one.key: one.text for one in texts(whole)}


def test_a_disk_that_fills_up_ends_the_run_and_what_is_whole_stays(model: str, place: Workspace) -> None:
    whole = generate_run(config(model), workspace=Workspace(place.path / "whole"))
    seen: list[str] = []
    real = durable.write_all

    def full(handle: int, content: bytes) -> None:
        if seen.count("texts.added") == 1 and b'"example_id"' in content:
            real(handle, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle, content)

    points.listen(seen.append)
    durable.write_all = full
    try:
        with pytest.raises(RationaleEvalError, match="disk full: No space left on device"):
            generate_run(config(model), workspace=place)
    finally:
        durable.write_all = real
        points.listen(None)
    run = place.latest("generate")
    assert run is not None and (run.status.state, run.status.reason) == ("failed", "disk full")
    assert len(texts(run)) == 2 and (run.folder / FOLDER / COMPLETIONS).read_bytes().endswith(b"\n")
    resume(run.id, workspace=place.path)
    assert {one.key: one.text for one in texts(run)} == {one.key: one.text for one in texts(whole)}


@pytest.mark.parametrize(("keep", "systems"), [("best", 1), ("all", 3)])
def test_of_several_draws_the_best_is_evaluated_or_each(
    model: str, place: Workspace, keep: str, systems: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "--model", model, "--data", DATA, "--limit", "6", "--prompt", "label_free", "--shots", "0"]
    words += ["--max-tokens", "4", "--draws", "3", "--temperature", "1.0", "--keep", keep]
    assert command([*words, "--workspace", str(place.path)]) == 0
    shown = capsys.readouterr()
    run = place.latest("generate")
    assert run is not None and run.summary is not None and len(texts(run)) == 18
    assert [row["of each prompt"] for row in run.summary["texts"]] == ["all 3 draws", *["the best"] * (keep == "best")]
    assert "all 3 draws" in shown.out
    words = ["evaluate", "--data", DATA, "--limit", "6", "--texts", f"run:{run.id}", "--metrics", "rouge_l", "--json"]
    assert command([*words, "--workspace", str(place.path)]) == 0
    names = {row["method"] for row in json.loads(capsys.readouterr().out)["results"]} - {"random", "gold"}
    assert len(names) == systems and all(("draw" in name) == (keep == "all") for name in names)
