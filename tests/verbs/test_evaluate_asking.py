"""Texts scored by asking the language model again, through the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rationale_eval.cli import run as command
from rationale_eval.data.load import load_dataset
from rationale_eval.engine import text_engine
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.generate_run import generate_run
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.jobs import resume, submit
from rationale_eval.workspace.runs import Workspace
from tests.helpers.tiny import tiny_folder

DATA = "bundled/commonsense"
METRICS = "early_answering,early_answering:first_third,answer_stated"


@pytest.fixture
def lm(tmp_path: Path) -> str:
    return str(tiny_folder(tmp_path / "lm", "gpt2", "causal"))


@pytest.fixture
def texts(tmp_path: Path) -> str:
    data = load_dataset(DATA, "test", 6)
    file = tmp_path / "mine.jsonl"
    rows = [{"id": one.id, "rationale": f"{one.rationales[0]} It is so.", "target": one.label} for one in data]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def words(texts: str, place: Path, *more: str) -> list[str]:
    start = ["evaluate", "--data", DATA, "--split", "test", "--limit", "6", "--workspace", str(place / "w")]
    return [*start, "--texts", texts, "--shots", "0", *more]


def shown(words, capsys):
    assert command([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_asks_and_a_second_time_remembers(lm, texts, tmp_path, capsys):
    asked = words(texts, tmp_path, "--model", lm, "--metrics", METRICS)
    found = shown(asked, capsys)
    assert {(one["method"], one["metric"]) for one in found["results"]} == {
        (system, metric) for system in ("mine", "random") for metric in ("early_answering", "answer_stated")
    }
    first = found["provenance"]["requests"]
    assert first["scored"] > 12 and first["remembered"] == 0
    assert found["provenance"]["asked"]["controls and other texts"]["own texts"] is False
    again = shown(asked, capsys)
    assert again["results"] == found["results"]
    assert again["provenance"]["requests"]["scored"] == 0
    forgot = shown([*asked, "--forget"], capsys)
    assert forgot["results"] == found["results"] and forgot["provenance"]["requests"]["scored"] == first["scored"]


def test_an_evaluation_that_was_stopped_goes_on_with_what_was_answered(lm, texts, tmp_path, capsys, monkeypatch):
    asked = words(texts, tmp_path, "--model", lm, "--metrics", "early_answering")
    whole = shown([*asked, "--workspace", str(tmp_path / "other")], capsys)
    real, done = text_engine.score_choices, []

    def dies(model, requests):
        for batch in real(model, requests):
            if sum(done):
                raise KeyboardInterrupt
            done.append(sum(found is not None for found in batch.values()))
            yield batch

    monkeypatch.setattr(text_engine, "score_choices", dies)
    monkeypatch.setattr("rationale_eval.engine.score_choices.MOST_PAIRS", 1)
    assert command([*asked, "--json"]) != 0
    monkeypatch.setattr(text_engine, "score_choices", real)
    capsys.readouterr()
    again = shown(asked, capsys)
    assert again["provenance"]["requests"]["remembered"] >= sum(done) > 0
    for one, other in zip(again["results"], whole["results"], strict=True):
        assert one["value"] == pytest.approx(other["value"], abs=1e-9)


def test_texts_of_a_run_are_read_by_its_own_prompt(lm, tmp_path, capsys):
    place = Workspace(tmp_path / "w")
    made = generate_run(
        GenerateConfig(data=DATA, split="test", limit=6, model=lm, prompt="reason_first", shots=1, max_tokens=12),
        workspace=place,
    )
    job = EvaluateConfig(
        data=DATA, split="test", limit=6, texts=(f"run:{made.id}",), model=lm, metrics=("early_answering",), shots=0
    )
    queued = submit(job, workspace=place)
    resume(queued.id, workspace=place.path)
    assert queued.status.state == "finished"
    found = json.loads((queued.folder / "evaluation.json").read_text())
    assert found["asked"][f"{lm} reason_first"]["own texts"] is True
    assert found["asked"]["controls and other texts"]["own texts"] is False


def test_what_does_not_go_together_is_refused(lm, texts, tmp_path, capsys):
    encoder = str(tiny_folder(tmp_path / "encoder", "bert", "classifier", labels=1))
    for more, sentence in (
        (["--metrics", "early_answering"], "name it with --model"),
        (["--metrics", "rouge1", "--model", lm], "leave out --model"),
        (["--metrics", "early_answering", "--model", lm, "--helper", "nowhere"], "nowhere"),
        (["--metrics", "early_answering", "--model", lm, "--helper", encoder], "writes no text"),
        (["--metrics", "early_answering", "--model", lm, "--shots", "3", "--shots-from", "none"], "--shots 0"),
    ):
        assert command(words(texts, tmp_path, *more)) == 2
        assert sentence in capsys.readouterr().err
