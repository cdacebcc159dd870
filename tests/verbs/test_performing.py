"""Work in a run folder: what it leaves behind, how it ends, and what is kept when it begins again."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import rationale_eval as rx
from rationale_eval import durable
from rationale_eval.cli import run as command_line
from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.recipes.fine_tune import LabelLearner
from rationale_eval.training.progress import Report
from rationale_eval.verbs import evaluate_run as evaluating
from rationale_eval.verbs.attempt import ERROR, attempt
from rationale_eval.verbs.beats import in_log
from rationale_eval.verbs.extract_run import extract_run
from rationale_eval.verbs.job import EvaluateConfig, ExtractConfig
from rationale_eval.verbs.jobs import perform, resume, submit
from rationale_eval.verbs.result import Result
from rationale_eval.verbs.train import train
from rationale_eval.workspace import cancelling
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from tests.helpers.sentiment import KNOBS, fresh_model, sentiment_set, trained_model

WEIGHTS = "model.safetensors"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "w"))
    return Workspace(tmp_path / "w")


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(sentiment_set(tmp_path / "set"))


@contextmanager
def unseen(what: str) -> Iterator[Report]:
    yield lambda step, total, note: None


def queued_training(tmp_path: Path, data: str, **more: Any) -> Run:
    fields = {"kind": "train", "recipe": "fine_tune", "data": data, "device": "cpu", "config": KNOBS, **more}
    return submit(fields, model=str(fresh_model(tmp_path / "tiny")))


def scoring(tmp_path: Path, data: str, **more: Any) -> dict[str, Any]:
    model = tmp_path / "trained"
    model = model if model.exists() else trained_model(model)
    return {"data": data, "model": str(model), "device": "cpu", "split": "test", **more}


def test_a_queued_training_ends_as_one_done_at_once(tmp_path: Path, workspace: Workspace, data: str) -> None:
    run = queued_training(tmp_path, data)
    perform(run, launched=True, shown=in_log(run))
    here = train("fine_tune", data, model=str(tmp_path / "tiny"), config=KNOBS, device="cpu")
    assert run.status.state == here.status.state == "finished"
    assert run.config == here.config and run.provenance["command"] == here.provenance["command"]
    assert run.metrics_file.read_bytes() == here.metrics_file.read_bytes()
    assert durable.sha256(run.model / WEIGHTS) == durable.sha256(here.model / WEIGHTS)
    assert "fine_tune: 10 of 10, loss" in run.log_file.read_text()
    assert run.progress is not None and (run.progress.step, run.progress.total) == (10, 10)


def test_a_queued_evaluation_ends_as_one_done_at_once(tmp_path: Path, workspace: Workspace, data: str) -> None:
    fields = scoring(tmp_path, data, methods=("saliency", "leave_one_out"), controls=("random", "gold"))
    run = submit(kind="evaluate", **fields)
    perform(run, launched=True, shown=unseen)
    here, result = evaluating.evaluate_run(EvaluateConfig(**fields))
    assert run.status.state == "finished" and run.config == here.config
    assert run.summary == here.summary
    assert Result.load(run.folder).examples().equals(result.examples())


def test_a_queued_extraction_ends_as_one_done_at_once(tmp_path: Path, workspace: Workspace, data: str) -> None:
    fields = scoring(tmp_path, data, methods=("saliency", "lime"))
    run = submit(kind="extract", **fields)
    perform(run, launched=True, shown=unseen)
    here = extract_run(ExtractConfig(**fields)).folder
    for name in ("saliency", "lime"):
        assert (run.folder / "explanations" / f"{name}.parquet").read_bytes() == (here / f"{name}.parquet").read_bytes()


def press(number: signal.Signals, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = LabelLearner.losses

    def losses(self: LabelLearner, batch: Any, moment: Any) -> Any:
        if moment.step == step:
            signal.raise_signal(number)
        return real(self, batch, moment)

    monkeypatch.setattr(LabelLearner, "losses", losses)


def test_sigterm_stops_a_training_after_its_step_and_resume_ends_it_to_the_bit(
    tmp_path: Path, workspace: Workspace, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued_training(tmp_path, data)
    with monkeypatch.context() as patch:
        press(signal.SIGTERM, 4, patch)
        perform(run, launched=True, shown=unseen)
    assert run.status.state == "interrupted" and "stopped after step 5 of 10" in (run.status.message or "")
    assert (run.checkpoints / "fine_tune").is_dir()
    assert rx.resume(run.id[-4:]).id == run.id
    whole = train("fine_tune", data, model=str(tmp_path / "tiny"), config=KNOBS, device="cpu")
    assert (run.status.state, run.status.attempt) == ("finished", 2)
    assert run.metrics_file.read_bytes() == whole.metrics_file.read_bytes()
    assert durable.sha256(run.model / WEIGHTS) == durable.sha256(whole.model / WEIGHTS)


def test_a_wish_to_cancel_is_heard_without_a_signal(
    tmp_path: Path, workspace: Workspace, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rationale_eval.verbs.beats.ASK_EVERY", 0.0)
    run = queued_training(tmp_path, data)
    real = LabelLearner.losses

    def losses(self: LabelLearner, batch: Any, moment: Any) -> Any:
        if moment.step == 3:
            cancelling.ask(run.folder, 1, "someone")
        return real(self, batch, moment)

    with monkeypatch.context() as patch:
        patch.setattr(LabelLearner, "losses", losses)
        perform(run, launched=True, shown=unseen)
    assert run.status.state == "cancelled" and "stopped after step 4 of 10" in (run.status.message or "")
    resume(run.id)
    assert run.status.state == "finished"


def test_an_evaluation_stopped_while_scoring_keeps_its_rationales(
    tmp_path: Path, workspace: Workspace, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(kind="evaluate", **scoring(tmp_path, data, methods=("saliency", "lime"), controls=("random",)))
    real = evaluating.evaluate

    def stop(*given: Any, **more: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return real(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(evaluating, "evaluate", stop)
        with pytest.raises(KeyboardInterrupt):
            perform(run, launched=True, shown=unseen)
    assert run.status.state == "interrupted" and f"runs resume {run.id}" in (run.status.message or "")
    assert not run.examples.exists()
    files = sorted((run.folder / "explanations").iterdir())
    assert [file.stem for file in files] == ["lime", "random", "saliency"]
    kept = {file: file.stat().st_mtime_ns for file in files}
    # One of them is of another method's parameters by now, as if the record had been made by an older version.
    files[0].write_bytes(files[2].read_bytes())
    resume(run.id)
    assert run.status.state == "finished"
    made_again = {file.stem for file in files if file.stat().st_mtime_ns != kept[file]}
    assert made_again == {"lime"}
    undisturbed, result = evaluating.evaluate_run(EvaluateConfig(**run.config))
    assert Result.load(run.folder).examples().equals(result.examples())
    assert run.summary == undisturbed.summary
    with pytest.raises(UsageError, match="is finished; the same again is rationale-eval runs retry"):
        resume(run.id)


def test_changed_data_are_refused_with_a_sentence(tmp_path: Path, workspace: Workspace, data: str) -> None:
    run = submit(kind="extract", **scoring(tmp_path, data, methods=("saliency",)))
    file = Path(data) / "test.jsonl"
    file.write_text(file.read_text().replace("film 0", "film zero"))
    with pytest.raises(UsageError, match="changed since it was submitted"):
        perform(run, launched=True, shown=unseen)
    assert run.status.state == "failed" and "changed since it was submitted" in (run.status.message or "")


def test_a_model_that_is_not_there_any_more_is_a_sentence(tmp_path: Path, workspace: Workspace, data: str) -> None:
    coming = queued_training(tmp_path, data)
    run = submit(kind="extract", data=data, model=f"run:{coming.id}", methods=("saliency",), device="cpu")
    coming.move("cancelled")
    with pytest.raises(UsageError):
        perform(run, launched=True, shown=unseen)
    assert run.status.state == "failed" and "has no model" in (run.status.message or "")


def test_ctrl_c_says_how_to_go_on(
    tmp_path: Path, workspace: Workspace, data: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*given: Any, **more: Any) -> Any:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(evaluating, "evaluate", stop)
    fields = scoring(tmp_path, data)
    words = [word for name in ("data", "model", "split", "device") for word in (f"--{name}", fields[name])]
    assert command_line(["evaluate", *words]) == 130
    run = workspace.latest()
    assert run is not None and run.status.state == "interrupted"
    said = f"rationale-eval: stopped; go on with: rationale-eval runs resume {run.id} --workspace {workspace.path}\n"
    assert said in capsys.readouterr().err


def test_a_model_still_to_be_trained_on_other_labels_is_judged_as_when_it_is_there(
    tmp_path: Path, workspace: Workspace, data: str
) -> None:
    coming = queued_training(tmp_path, data)
    fields = {"data": "bundled/nli", "split": "test", "limit": 5, "methods": ("saliency",), "device": "cpu"}
    run = submit(kind="extract", model=f"run:{coming.id}", **fields)
    for each in (coming, run):
        perform(each, launched=True, shown=unseen)
    assert run.status.state == "finished"
    again = submit(kind="extract", model=f"run:{coming.id}", **fields)
    assert again.provenance["data_fingerprint"] == run.provenance["data_fingerprint"]


@pytest.mark.parametrize(
    ("error", "reason", "part"),
    [
        (ZeroDivisionError("oh\nno"), "error", "something went wrong that should not have (ZeroDivisionError: oh)"),
        (MemoryError(), "out of memory", "there was not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory", "there was not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "out of memory", "not enough"),
        (OSError(28, "No space left on device", "/x/y"), "disk full", "disk full: No space left on device at /x/y"),
        (OSError(5, "Input/output error"), "input/output error", "mend this and go on with: rationale-eval runs"),
        (RationaleEvalError("as it is"), "error", "as it is"),
    ],
)
def test_every_failure_is_one_sentence_with_a_reason(
    workspace: Workspace, error: Exception, reason: str, part: str
) -> None:
    run = workspace.create_run("train", {})
    with pytest.raises(RationaleEvalError) as caught, attempt(run):
        raise error
    status = run.status
    assert (status.state, status.reason) == ("failed", reason)
    assert part in (status.message or "") and "\n" not in (status.message or "") and "Traceback" not in str(status)
    assert str(caught.value) == status.message
    assert type(error).__name__ in (run.folder / ERROR).read_text()
    assert ERROR in run.log_file.read_text() and "Traceback" not in run.log_file.read_text()


def test_a_mistake_of_the_user_leaves_no_trace_of_the_program(workspace: Workspace) -> None:
    run = workspace.create_run("train", {})
    with pytest.raises(UsageError), attempt(run):
        raise UsageError("say it otherwise")
    assert run.status.message == "say it otherwise" and not (run.folder / ERROR).exists()


def test_non_finite_loss_is_a_reason(
    tmp_path: Path, workspace: Workspace, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = LabelLearner.losses
    monkeypatch.setattr(LabelLearner, "losses", lambda *a: {"task": real(*a)["task"] * float("inf")})
    run = queued_training(tmp_path, data)
    with pytest.raises(RationaleEvalError):
        perform(run, launched=True, shown=unseen)
    assert (run.status.state, run.status.reason) == ("failed", "non-finite")
    assert "at step 1" in (run.status.message or "")


def test_the_device_that_a_worker_gave_is_used(tmp_path: Path, workspace: Workspace, data: str) -> None:
    run = submit(kind="train", recipe="fine_tune", data=data, model=str(fresh_model(tmp_path / "tiny")), config=KNOBS)
    assert run.config["device"] == "auto" and run.config["config"]["precision"] == "no"
    run.move("starting", claim="cpu")
    perform(run, launched=True, shown=unseen)
    assert run.summary is not None and run.summary["device"] == "cpu"
    assert json.loads((run.folder / "config.json").read_text())["config"]["device"] == "auto"


def test_only_a_training_takes_data_to_go_on(tmp_path: Path, workspace: Workspace, data: str) -> None:
    run = submit(kind="extract", **scoring(tmp_path, data, methods=("saliency",)))
    with pytest.raises(UsageError, match="data and allow_inexact are for a training"):
        resume(run.id, allow_inexact=True)
    assert run.status.state == "queued"
