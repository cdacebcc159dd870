"""`generate` as a verb, a command and a run that was stopped and goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rationale_eval.cli import run as command
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import UsageError
from rationale_eval.rationales.completion import read_completions
from rationale_eval.rationales.generation import Generation
from rationale_eval.verbs.generate import generate
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.generate_run import COMPLETIONS, FOLDER, generate_run
from rationale_eval.verbs.jobs import resume
from rationale_eval.workspace.runs import Run, Workspace
from tests.helpers.tiny import COMMONSENSE, tiny_causal, tiny_folder

DATA = "bundled/commonsense"


@pytest.fixture
def model(tmp_path: Path) -> str:
    folder = tmp_path / "llama"
    folder.mkdir()
    return str(tiny_folder(folder, "llama", "causal"))


def config(model: str, **changes: Any) -> GenerateConfig:
    values = {"data": DATA, "split": "test", "limit": 6, "model": model, "prompt": "zero_shot", "max_tokens": 4}
    return GenerateConfig(**{**values, **changes})


def texts(run: Run) -> dict[Any, str]:
    return {one.key: one.text for one in read_completions(run.folder / FOLDER / COMPLETIONS)}


def test_texts_of_the_verb_are_those_of_the_run(model: str, tmp_path: Path) -> None:
    run = generate_run(config(model), workspace=Workspace(tmp_path / "w"))
    assert run.status.state == "finished" and run.summary is not None
    assert run.summary["texts"][0]["texts"] == 6 and run.summary["made"] == 6
    found = generate(model, load_dataset(DATA, "test", 6), prompt="zero_shot", max_tokens=4)
    assert {one.key: one.text for one in found} == texts(run)
    assert len(found) == 6 and found.summary()["complete"] == 0
    assert [one.example_id for one in found.rationales()] == [one.id for one in load_dataset(DATA, "test", 6)]


def test_a_run_that_was_killed_makes_only_what_is_missing(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Workspace(tmp_path / "w")
    expected = texts(generate_run(config(model), workspace=place))
    made: list[int] = []
    inner = Generation._batch

    def batch(self: Generation, wanted: Any) -> Any:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(len(wanted))
        return inner(self, wanted)

    monkeypatch.setattr(Generation, "_batch", batch)
    with pytest.raises(KeyboardInterrupt):
        generate_run(config(model, batch_size=2), workspace=place)
    run = place.latest("generate")
    assert run is not None and run.status.state == "interrupted" and len(texts(run)) == 4
    with (run.folder / FOLDER / COMPLETIONS).open("ab") as torn:
        torn.write(b'{"example_id"')
    made.clear()
    resume(run.id, workspace=place.path)
    assert made == [2] and run.status.state == "finished"
    assert texts(run) == expected
    assert run.summary is not None and run.summary["texts"][0]["texts"] == 6


def test_texts_made_otherwise_are_not_mixed(model: str, tmp_path: Path) -> None:
    data = load_dataset(DATA, "test", 2)
    out = tmp_path / "out"
    first = generate(model, data, prompt="zero_shot", max_tokens=3, out=out)
    again = generate(model, data, prompt="zero_shot", max_tokens=3, out=out)
    assert [one.text for one in first] == [one.text for one in again]
    with pytest.raises(UsageError, match="made with another max_tokens"):
        generate(model, data, prompt="zero_shot", max_tokens=4, out=out)


def test_wrong_use_is_a_sentence(model: str) -> None:
    data = load_dataset(DATA, "test", 2)
    with pytest.raises(UsageError, match="there is no prompt 'fewshot'; did you mean few_shot"):
        generate(model, data, prompt="fewshot")
    with pytest.raises(UsageError, match="leave out prompt='zero_shot'"):
        generate(model, data, prompt="zero_shot", per_choice=True)
    with pytest.raises(UsageError, match="say where from"):
        generate(tiny_causal(), data.from_examples(list(data), COMMONSENSE), prompt="few_shot")


def test_the_command_prints_a_table_and_json(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", "--lm", model, "--data", DATA, "--limit", "3", "--prompt", "zero_shot", "--max-tokens", "3"]
    place = ["--workspace", str(tmp_path / "w")]
    assert command([*words, *place]) == 0
    shown = capsys.readouterr()
    assert "in the form" in shown.out and "completions.jsonl" in shown.err
    assert command([*words, *place, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["texts"][0]["texts"] == 3 and Path(value["file"]).is_file()
    assert command(["generate", "--prompt", "list"]) == 0
    assert "per_choice" in capsys.readouterr().out
    for wrong, sentence in (
        ([], "say what to write about"),
        (["--data", DATA, "--draws", "3"], "all draws are the same"),
        (["--data", DATA, "--lm", "embedded/minilm", "--prompt", "zero_shot"], "writes no text"),
        (["--data", DATA, "--lm", model, "--shots-from", "nowhere"], "cannot be drawn from the split 'nowhere'"),
        (["--data", DATA, "--lm", model, "--shots", "64", "--shots-from", "validation"], "ask for fewer"),
    ):
        assert command(["generate", *wrong, *place]) == 2
        assert sentence in capsys.readouterr().err


def test_the_command_a_run_keeps_asks_for_the_same(model: str, tmp_path: Path) -> None:
    job = config(model, temperature=0.7, top_p=0.9, draws=2, share_prefix=False)
    run = generate_run(job, workspace=Workspace(tmp_path / "w"))
    kept = run.provenance["command"]
    assert "--prompt zero_shot" in kept and "--draws 2" in kept and "--read-whole" in kept
    assert command([*kept.split()[1:], "--workspace", str(tmp_path / "again")]) == 0
    again = Workspace(tmp_path / "again").latest("generate")
    assert again is not None and texts(again) == texts(run) and len(texts(run)) == 12
