"""Simulators learn what the system says where its texts are given: its answers and its rationales, counted."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from rationale_eval.cli import run as command
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import InputError, UsageError
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.generate_run import COMPLETIONS, FOLDER, generate_run
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.taught import LEAST, what_is_taught
from rationale_eval.workspace.runs import Workspace
from tests.helpers.tiny import tiny_folder

DATA = "bundled/nli"


def texts(file: Path, split: str, count: int, *, silent: int = 0) -> dict[str, tuple[int, str]]:
    """A system that always gives the answer after the right one; the first few texts name none."""
    found: dict[str, tuple[int, str]] = {}
    with file.open("w") as out:
        for place, one in enumerate(load_dataset(DATA, split, count)):
            answer, said = (one.label + 1) % 3, f"because of {place}"
            row = {"id": one.id, "rationale": said}
            if place >= silent:
                found[one.id] = (answer, said)
                row["target"] = answer
            out.write(json.dumps(row) + "\n")
    return found


def taught(place: Path, **changes):
    job = EvaluateConfig(data=DATA, split="test", texts=("x",), **changes)
    return what_is_taught(job, load_dataset(DATA, "test", 5), Workspace(place / "w"))


def test_answers_and_rationales_are_the_systems_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    said = texts(file, "train", 60, silent=7)
    found = taught(tmp_path, simulator_texts=str(file))
    parts = (found.train, found.dev)
    assert {one.id for part in parts for one in part.data} == set(said)
    for part in parts:
        for one in part.seen("both"):
            assert (one.label, one.inputs["rationale"]) == said[one.id]
    assert found.about == {
        "split": "train", "answers": "system", "texts": str(file), "system": "mine", "without_answer": 7,
        "examples": 53,
    }  # fmt: skip
    few = taught(tmp_path, simulator_texts=str(file), simulator_limit=30)
    ids = {one.id for part in (few.train, few.dev) for one in part.data}
    assert len(ids) == 30 and ids < set(said)


def test_without_texts_they_are_gold(tmp_path: Path) -> None:
    found = taught(tmp_path, simulator_limit=40)
    gold = {one.id: one for one in load_dataset(DATA, "train")}
    for one in found.train.seen("both"):
        assert (one.label, one.inputs["rationale"]) == (gold[one.id].label, gold[one.id].rationales[0].strip())
    assert found.about == {"split": "train", "answers": "gold", "examples": 40}


def test_what_cannot_be_learned_from_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    texts(file, "train", 30, silent=30 - LEAST + 1)
    with pytest.raises(UsageError, match=rf"need {LEAST} texts .* has {LEAST - 1} \(11 without one\)"):
        taught(tmp_path, simulator_texts=str(file))
    texts(file, "test", 30)
    with pytest.raises(InputError, match=r"is no example of .*train"):
        taught(tmp_path, simulator_texts=str(file))
    with pytest.raises(UsageError, match="is evaluated; name another"):
        taught(tmp_path, simulator_texts=str(file), simulator_split="test")


def test_a_run_of_the_evaluated_split_is_refused_and_one_of_the_other_is_read(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    model = str(tiny_folder(tmp_path / "lm", "gpt2", "causal"))
    runs = {
        split: generate_run(
            GenerateConfig(data=DATA, split=split, limit=LEAST, model=model, prompt="zero_shot", shots=0, max_tokens=2),
            workspace=place,
        )
        for split in ("train", "test")
    }
    with pytest.raises(UsageError, match="has texts for the split 'test', and simulators learn from 'train'"):
        taught(tmp_path, simulator_texts=f"run:{runs['test'].id}")
    named = f"run:{runs['train'].id}"
    # A random model names no answer.
    with pytest.raises(UsageError, match=rf"need {LEAST} texts .* has 0 \({LEAST} without one\)"):
        taught(tmp_path, simulator_texts=named)
    file = runs["train"].folder / FOLDER / COMPLETIONS
    records = [json.loads(line) for line in file.read_text().splitlines()]
    said = {one["example_id"]: {"answer": place % 3, "rationale": "x" * place} for place, one in enumerate(records)}
    file.write_text("".join(json.dumps(one | said[one["example_id"]]) + "\n" for one in records))
    found = taught(tmp_path, simulator_texts=named)
    assert found.about["system"] == f"{model} zero_shot" and found.about["examples"] == LEAST
    for one in found.train.seen("rationale"):
        assert one.label == said[one.id]["answer"]
        assert one.inputs["rationale"] == (said[one.id]["rationale"] or "__")


def test_the_job_says_it_again_in_words_and_by_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jsonl", "b.jsonl"):
        texts(Path(name), "train", 1)
    job = EvaluateConfig(data=DATA, texts=("a.jsonl",), simulator_texts="b.jsonl").resolved(Workspace(tmp_path / "w"))
    assert job.simulator_texts == str(tmp_path / "b.jsonl")
    words = shlex.split(job.command() or "")
    assert words[words.index("--simulator-texts") + 1] == str(tmp_path / "b.jsonl")
    assert "--simulator-texts" not in (job.model_copy(update={"simulator_texts": None}).command() or "")


def test_the_command_trains_other_simulators_and_says_what_they_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated, other = tmp_path / "evaluated.jsonl", tmp_path / "other.jsonl"
    texts(evaluated, "test", 12)
    texts(other, "train", 80, silent=3)
    words = ["evaluate", "--data", DATA, "--split", "test", "--limit", "12", "--workspace", str(tmp_path / "w")]
    small = ["--simulator", "np_architecture=small", "--simulator", "small.steps=50", "--simulator-limit", "60"]
    words += ["--texts", str(evaluated), "--metrics", "simulatability:np", *small]
    kept = tmp_path / "w" / "memory" / "simulators"
    assert command(words) == 0
    assert "learned 60 gold labels and gold rationales (train)" in " ".join(capsys.readouterr().err.split())
    assert len(list(kept.iterdir())) == 1
    for count in (2, 2):
        assert command([*words, "--simulator-texts", str(other)]) == 0
        said = " ".join(capsys.readouterr().err.split())
        assert "learned 60 answers and rationales of other (train); 3 texts without" in said
        assert len(list(kept.iterdir())) == count
    lines = other.read_text().splitlines()
    lines[-1] = json.dumps(json.loads(lines[-1]) | {"rationale": "something else"})
    other.write_text("\n".join(lines) + "\n")
    assert command([*words, "--simulator-limit", "80", "--simulator-texts", str(other), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["provenance"]["taught"]["examples"] == 77
    assert len(list(kept.iterdir())) == 3
    assert command(["evaluate", "--data", DATA, "--simulator-texts", str(other)]) == 2
    assert "give --texts too" in capsys.readouterr().err
