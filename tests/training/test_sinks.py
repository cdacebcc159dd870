"""Sinks are told every number once, in the words of their own interface, and can never stop training."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rationale_eval.errors import UsageError
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import fit
from rationale_eval.training.sinks import record
from rationale_eval.training.sinks.record import Sinks, Subject, check_sinks
from tests.helpers.learning import SETTINGS, ToyLearner, toy_data

SUBJECT = Subject("20260101-000000-000-aaaa", Path("run"), "fine_tune on nli", {"lr": 0.1, "config": {"a": 1}})


def train(folder: Path, sinks: Sinks) -> None:
    journal = Journal(folder / "metrics.jsonl", told=sinks.log)
    try:
        fit(ToyLearner(), toy_data(), SETTINGS, folder=folder / "checkpoints", journal=journal)
    finally:
        journal.close()


class Recorder:
    """A sink that remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def open(self, subject: Subject) -> None:
        self.calls.append(("open", subject.id))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.calls.append(("log", step, dict(values)))

    def close(self, finished: bool) -> None:
        self.calls.append(("close", finished))


class Failing(Recorder):
    """A sink that fails at one of its methods."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def __getattribute__(self, name: str) -> Any:
        if name in ("open", "log", "close") and name == object.__getattribute__(self, "at"):

            def fail(*given: Any, **named: Any) -> None:
                object.__getattribute__(self, "calls").append((name,))
                raise ConnectionError("no route to the dashboard")

            return fail
        return object.__getattribute__(self, name)


def test_every_number_is_told_once_and_not_again_after_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Recorder()
    monkeypatch.setattr(record, "make_sink", lambda spec: sink)
    with Sinks(["one"], SUBJECT, pytest.fail) as sinks:
        train(tmp_path, sinks)
        train(tmp_path, sinks)  # finished: nothing is new
        sinks.close(finished=True)
    told = [(step, name) for kind, step, values in (c for c in sink.calls if c[0] == "log") for name in values]
    assert len(told) == len(set(told)) == len((tmp_path / "metrics.jsonl").read_text().splitlines())
    assert (sink.calls[0], sink.calls[-1]) == (("open", SUBJECT.id), ("close", True))
    assert sink.calls[1][1] == 1 and set(sink.calls[1][2]) == {"loss", "loss/task", "loss/size", "gradient_norm", "lr"}


@pytest.mark.parametrize("at", ["open", "log", "close"])
def test_a_sink_that_fails_is_told_of_once_and_training_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    bad, good, said = Failing(at), Recorder(), []
    monkeypatch.setattr(record, "make_sink", {"bad": bad, "good": good}.__getitem__)
    with Sinks(["bad", "good"], SUBJECT, said.append) as sinks:
        train(tmp_path, sinks)
    assert said == ["the sink bad failed and is told nothing more: ConnectionError: no route to the dashboard"]
    assert [call[0] for call in bad.calls].count(at) == 1
    assert len([call for call in good.calls if call[0] == "log"]) > 12 and good.calls[-1] == ("close", False)


def test_unknown_and_missing_sinks_are_refused_with_the_command_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    check_sinks([])
    with pytest.raises(UsageError, match="no sink 'comet'; choose among tensorboard, mlflow, wandb"):
        check_sinks(["comet"])
    monkeypatch.setattr(record, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'rationale_eval\[wandb\]'"):
        check_sinks(["wandb:project"])


def feed(spec: str) -> list[str]:
    said: list[str] = []
    with Sinks([spec], SUBJECT, said.append) as sinks:
        sinks.log(1, {"loss": 0.5, "dev/accuracy": float("nan")})
        sinks.log(2, {"loss": 0.25})
        sinks.close(finished=True)
    return said


def test_tensorboard_is_spoken_to_in_its_own_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[Any] = []

    class SummaryWriter:
        def __init__(self, log_dir: str) -> None:
            calls.append(log_dir)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            calls.append((name, str(value), step))

        def close(self) -> None:
            calls.append("closed")

    fake = ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    assert feed(f"tensorboard:{tmp_path}") == []
    assert calls == [
        str(tmp_path / SUBJECT.id),
        ("loss", "0.5", 1),
        ("dev/accuracy", "nan", 1),
        ("loss", "0.25", 2),
        "closed",
    ]
    calls.clear()
    feed("tensorboard")
    assert calls[0] == str(Path("run/tensorboard"))


def test_mlflow_is_spoken_to_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    known: list[Any] = []

    class MlflowClient:
        def __init__(self, tracking_uri: str | None) -> None:
            calls.append(("at", tracking_uri))

        def get_experiment_by_name(self, name: str) -> Any:
            return None

        def create_experiment(self, name: str) -> str:
            return "7"

        def search_runs(self, places: list[str], text: str, max_results: int) -> list[Any]:
            assert places == ["7"] and SUBJECT.id in text
            return known

        def create_run(self, place: str, run_name: str, tags: dict[str, str]) -> Any:
            calls.append(("made", run_name, tags))
            known.append(SimpleNamespace(info=SimpleNamespace(run_id="m1")))
            return known[0]

        def log_param(self, run: str, name: str, value: str) -> None:
            calls.append((name, value))

        def log_metric(self, run: str, name: str, value: float, step: int) -> None:
            calls.append((run, name, str(value), step))

        def set_terminated(self, run: str, status: str) -> None:
            calls.append(status)

    fake = ModuleType("mlflow")
    fake.MlflowClient = MlflowClient  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    assert feed("mlflow:http://127.0.0.1:5000") == []
    assert calls == [
        ("at", "http://127.0.0.1:5000"),
        ("made", "fine_tune on nli", {"rationale_eval.run": SUBJECT.id}),
        ("lr", "0.1"),
        ("config", '{"a": 1}'),
        ("m1", "loss", "0.5", 1),
        ("m1", "dev/accuracy", "nan", 1),
        ("m1", "loss", "0.25", 2),
        "FINISHED",
    ]
    calls.clear()
    feed("mlflow")  # the next attempt goes on with the same entry
    assert calls[1] == ("m1", "loss", "0.5", 1)


def test_wandb_is_spoken_to_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    class Entry:
        def define_metric(self, name: str, step_metric: str | None = None) -> None:
            calls.append((name, step_metric))

        def log(self, values: dict[str, float]) -> None:
            calls.append({name: str(value) for name, value in values.items()})

        def finish(self, exit_code: int) -> None:
            calls.append(exit_code)

    def init(**given: Any) -> Entry:
        calls.append(given)
        return Entry()

    fake = ModuleType("wandb")
    fake.init = init  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", fake)
    assert feed("wandb:ours") == []
    assert calls[0]["project"] == "ours" and calls[0]["id"] == SUBJECT.id and calls[0]["resume"] == "allow"
    assert calls[1:] == [
        ("optimizer_step", None),
        ("*", "optimizer_step"),
        {"loss": "0.5", "dev/accuracy": "nan", "optimizer_step": "1"},
        {"loss": "0.25", "optimizer_step": "2"},
        0,
    ]


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="needs the tensorboard extra")
def test_tensorboard_for_real(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    check_sinks(["tensorboard"])
    assert feed(f"tensorboard:{tmp_path}") == []
    events = EventAccumulator(str(tmp_path / SUBJECT.id))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 0.5), (2, 0.25)]


def test_the_parts_of_a_run_keep_their_numbers_apart(tmp_path: Path) -> None:
    told: list[tuple[int, dict[str, float]]] = []
    journal = Journal(tmp_path / "metrics.jsonl", told=lambda step, values: told.append((step, dict(values))))
    journal.record(1, {"loss": 1.0})
    part = journal.under("second/")
    assert part.record(1, {"loss": 2.0}) == [] and part.get(1, "loss") == 2.0 and journal.get(1, "loss") == 1.0
    assert len(part.record(1, {"loss": 3.0})) == 1 and journal.differences == []
    assert told == [(1, {"loss": 1.0}), (1, {"second/loss": 2.0})]
    journal.close()
    assert Journal(tmp_path / "metrics.jsonl").get(1, "second/loss") == 2.0
