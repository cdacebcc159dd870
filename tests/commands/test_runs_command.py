"""`runs` as a user types it: lists, comparisons, repeats, the trash, exports, and every wrong turn."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rationale_eval.cli import run as command_line
from rationale_eval.commands.durations import duration
from rationale_eval.verbs.evaluate_run import evaluate_run
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.run_table import compare_runs
from rationale_eval.verbs.train import train
from rationale_eval.verbs.watch import newest
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.runs import Workspace
from tests.helpers.sentiment import KNOBS, fresh_model, sentiment_set


class Made:
    """A workspace with a training, one with another learning rate, and an evaluation."""

    def __init__(self, root: Path):
        self.workspace = Workspace(root / "the space")
        self.data, self.model = sentiment_set(root / "my set"), fresh_model(root / "my model")
        options: dict[str, Any] = {"model": str(self.model), "workspace": self.workspace.path, "device": "cpu"}
        self.first = train("fine_tune", str(self.data), config=KNOBS, **options)
        self.second = train("fine_tune", str(self.data), config=KNOBS | {"lr": 1e-3}, seed=1, **options)
        config = EvaluateConfig(
            data=str(self.data),
            split="test",
            model=f"run:{self.first.id}",
            methods=("saliency",),
            metrics=("auprc", "csd"),
            device="cpu",
        )
        self.evaluated, _ = evaluate_run(config, workspace=self.workspace)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("runs"))


@pytest.fixture(autouse=True)
def workspace(made: Made, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(made.workspace.path))
    return made.workspace


@pytest.fixture
def queued(made: Made) -> Iterator[Run]:
    """A run that waits in the queue, and is gone afterwards."""
    from rationale_eval.verbs.jobs import retry

    run = retry(made.first, {"epochs": "1"})
    yield run
    if run.folder.exists():
        run.move("cancelled", when=("queued",)) if run.status.state == "queued" else None
        assert command_line(["runs", "delete", run.id]) == 0


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    """What a command prints as JSON."""
    capsys.readouterr()
    assert command_line(["runs", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_list_names_the_newest_first(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "list")
    assert [one["id"] for one in found] == [made.evaluated.id, made.second.id, made.first.id]
    assert {one["state"] for one in found} == {"finished"}
    assert found[0]["title"].startswith("saliency on my set") and found[2]["title"] == "fine_tune on my set"
    assert [one["id"] for one in said(capsys, "list", "--kind", "train", "--limit", "1")] == [made.second.id]
    assert said(capsys, "list", "--state", "queued,running") == []
    assert command_line(["runs", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["run", "state", "kind", "what", "progress", "left", "age"]
    assert len(lines) == 4 and made.first.id in lines[3]


def test_list_of_a_workspace_that_is_not_there_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["runs", "list", "--workspace", str(tmp_path / "new")]) == 0
    assert f"no such run in {tmp_path / 'new'}" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_show_one_run(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "show", made.first.id)
    assert found["status"]["state"] == "finished" and found["config"]["config"]["lr"] == 1e-2
    assert found["provenance"]["command"].startswith("rationale-eval train fine_tune --data")
    assert found["progress"]["metrics_step"] == 10 and "loss/task" in found["progress"]["metrics"]
    assert command_line(["runs", "show", made.evaluated.id[-4:]]) == 0
    shown = capsys.readouterr().out
    assert "saliency auprc (trapezoid)" in shown and f"run:{made.first.id}" in shown


def test_show_several_compares_by_what_differs(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "show", made.first.id, made.second.id)
    assert found["runs"] == [made.first.id, made.second.id]
    assert found["settings"] == {"config.lr": [0.01, 0.001], "seed": [0, 1]}
    summaries = [made.first.summary, made.second.summary]
    assert found["metrics"]["dev accuracy"] == [one["metrics"]["accuracy"] for one in summaries if one]
    assert found["equal"] == compare_runs([made.first, made.first]).equal - 2 > 20
    assert command_line(["runs", "show", made.first.id, made.second.id]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("settings are the same")
    assert [line.split()[0] for line in lines[2:5]] == ["state", "seed", "config.lr"]
    mixed = said(capsys, "show", made.first.id, made.evaluated.id)
    assert mixed["settings"]["kind"] == ["train", "evaluate"] and mixed["settings"]["recipe"] == ["fine_tune", "-"]
    assert mixed["metrics"]["saliency auprc (trapezoid)"][0] is None


def test_logs_are_text_only(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.first.say("a name with \x1b[2J in it")
    assert command_line(["runs", "logs", made.first.id]) == 0
    shown = capsys.readouterr().out
    assert "[finished]" in shown and "a name with \\x1b[2J in it" in shown and "\x1b" not in shown
    assert command_line(["runs", "logs", made.first.id, "--error"]) == 2
    assert "has met no error" in capsys.readouterr().err
    assert command_line(["runs", "logs", made.first.id, "--follow"]) == 0  # over already: ends at once


def test_watching_what_is_over_says_so(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["runs", "watch", made.first.id]) == 0
    shown = capsys.readouterr()
    assert "fine_tune: 10 of 10" in shown.out and "loss/task" in shown.out and "lr " in shown.out
    assert shown.err == f"run {made.first.id} is finished\n"


def test_retry_changes_what_is_asked_and_knows_its_parent(
    made: Made, queued: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    found = said(capsys, "retry", made.first.id, "--set", "lr=1e-5", "seed=3", "--queue", "--group", "again")
    run = made.workspace.find(found["run"])
    assert found["state"] == "queued" and not found["started"]
    assert run.config["config"] == made.first.config["config"] | {"lr": 1e-5} and run.config["seed"] == 3
    assert (run.asked["parent"], run.asked["group"]) == (made.first.id, "again")
    assert [one["id"] for one in said(capsys, "list", "--group", "again")] == [run.id]
    assert [one["state"] for one in said(capsys, "cancel", run.id, queued.id)] == ["cancelled", "cancelled"]
    assert said(capsys, "resume", run.id, "--queue")["state"] == "queued"
    assert said(capsys, "cancel", run.id)[0]["state"] == "cancelled"
    assert said(capsys, "delete", run.id)[0]["state"] == "in the trash"


def test_the_trash_gives_back(made: Made, queued: Run, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "cancel", queued.id)
    said(capsys, "delete", queued.id)
    assert queued.id not in [one["id"] for one in said(capsys, "list")]
    assert said(capsys, "list", "--deleted")[0]["id"] == queued.id
    assert command_line(["runs", "show", queued.id]) == 2
    assert f"there is no run '{queued.id}'" in capsys.readouterr().err
    assert said(capsys, "restore", queued.id) == [{"run": queued.id, "state": "cancelled"}]
    assert queued.status.state == "cancelled"


def test_the_queue_is_reordered(made: Made, queued: Run, capsys: pytest.CaptureFixture[str]) -> None:
    second, third = (said(capsys, "retry", made.first.id, "--set", "epochs=1", "--queue")["run"] for _ in range(2))
    found = said(capsys, "reorder", third, "--before", queued.id)
    assert [one["run"] for one in found] == [third, queued.id, second]
    assert [one["run"] for one in said(capsys, "reorder", second, "--priority", "2")] == [second, third, queued.id]
    assert [one["run"] for one in said(capsys, "reorder", third, "--last")] == [second, queued.id, third]
    assert command_line(["runs", "reorder", made.first.id, "--last"]) == 2
    assert "is not waiting in the queue" in capsys.readouterr().err
    said(capsys, "cancel", second, third)
    said(capsys, "delete", second, third)
    assert said(capsys, "purge", second) == [{"run": second, "state": "gone for good"}]
    deleted = [one["id"] for one in said(capsys, "list", "--deleted")]
    assert third in deleted and second not in deleted
    assert not (made.workspace.path / "trash" / second).exists()
    assert command_line(["runs", "purge", made.first.id]) == 2
    assert "is not in the trash" in capsys.readouterr().err and made.first.folder.exists()


def test_rebuild_counts_the_runs(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    before = said(capsys, "list")
    assert said(capsys, "rebuild")["runs"] >= 3
    after = said(capsys, "list")
    for one in (*before, *after):
        one.pop("age")
    assert after == before


def test_resume_here_ends_a_run(queued: Run, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "resume", queued.id, "--here")
    assert found == [{"run": queued.id, "state": "finished"}]
    assert command_line(["runs", "resume", queued.id]) == 2
    assert "is finished; the same again is rationale-eval runs retry" in capsys.readouterr().err


def unpacked(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as content:
        return {name.partition("/")[2]: content.read(name) for name in content.namelist()}


def test_an_export_holds_all_and_no_path_of_this_machine(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = said(capsys, "export", made.evaluated.id, "-o", str(tmp_path / "e.zip"))
    content = unpacked(tmp_path / "e.zip")
    assert set(content) == {
        *("config.json", "provenance.json", "status.json", "summary.json", "evaluation.json", "examples.parquet"),
        *("explanations/saliency.parquet", "explanations/random.parquet", "predictions.parquet"),
    }
    assert len(found["contents"]) == len(content)
    root = str(made.workspace.path.parent).encode()
    for name, text in content.items():
        assert root not in text and b'"owner"' not in text and b'"directory"' not in text, name
    config = json.loads(content["config.json"])["config"]
    assert (config["data"], config["model"]) == ("my set", f"run:{made.first.id}")
    assert json.loads(content["summary.json"]) == made.evaluated.summary
    for name in ("examples.parquet", "explanations/saliency.parquet"):
        assert pq.read_table(io.BytesIO(content[name])).equals(pq.read_table(made.evaluated.folder / name))
    about = json.loads(pq.read_schema(io.BytesIO(content["explanations/saliency.parquet"])).metadata[b"rationale_eval"])
    assert about["method"] == "saliency" and about["params"]["model"] == f"run:{made.first.id}"


def test_a_training_is_exported_with_its_model_on_request(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "export", made.first.id, "-o", str(tmp_path / "plain.zip"))
    plain = unpacked(tmp_path / "plain.zip")
    assert {"config.json", "metrics.jsonl", "summary.json"} <= set(plain)
    assert not [name for name in plain if name.startswith("model/")]
    assert plain["metrics.jsonl"] == made.first.metrics_file.read_bytes()
    said(capsys, "export", made.first.id, "-o", str(tmp_path / "full.zip"), "--model")
    full = unpacked(tmp_path / "full.zip")
    assert full["model/model.safetensors"] == (made.first.model / "model.safetensors").read_bytes()
    assert "model/manifest.json" in full
    for name, text in full.items():
        assert str(made.workspace.path.parent).encode() not in text, name
    assert json.loads(full["summary.json"])["model"] == f"workspace/runs/{made.first.id}/model"
    command = json.loads(full["provenance.json"])["command"]
    assert "--data 'my set'" in command and "--model 'my model'" in command


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["list", "--state", "asleep"], "there is no state 'asleep'; choose among queued"),
        (["list", "--kind", "dance"], "there is no kind of run 'dance'"),
        (["show", "nope"], "there is no run 'nope'"),
        (["show", "latest", "latest"], "one run was named twice"),
        (["cancel", "nope"], "there is no run 'nope'"),
        (["resume", "latest", "--here", "--queue"], "choose one"),
        (["resume", "latest"], "is finished"),
        (["retry", "latest", "--set", "lr"], "--set takes name=value"),
        (["retry", "latest", "--set", "seed=x"], "seed: input should be a valid integer"),
        (["retry", "latest", "--set", "epochz=3"], "has a parameter 'epochz'"),
        (["restore", "nope"], "is not in the trash"),
        (["export", "latest", "-o", "run.tar"], "an exported run is a .zip file"),
        (["export", "latest", "-o", "run.zip", "--model"], "has no model; leave out --model"),
        (["start", "nothing.yaml"], "nothing.yaml: cannot be read: No such file or directory"),
        (["start", "nothing.txt"], "a job is a .yaml or .json file"),
        (["watch", "nope"], "there is no run 'nope'"),
        (["logs"], "Missing argument"),
    ],
)
def test_wrong_turns_are_one_sentence_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert command_line(["runs", *words]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err and len(shown.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "fine_tune", "--data", "bundled/nli", "--queue", "--detach"], "choose one"),
        (["train", "--resume", "latest", "--detach"], "rationale-eval runs resume RUN"),
        (["extract", "--data", "bundled/nli", "--out", "x", "--queue"], "leave out --out"),
        (["evaluate", "--data", "d", "--format", "eraser", "--queue"], "leave out --queue and --detach"),
    ],
)
def test_queue_and_detach_go_where_they_can(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert command_line(words) == 2
    assert sentence in capsys.readouterr().err


def test_help_comes_in_the_order_of_use_and_says_nothing_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["runs"]) == 2
    shown = capsys.readouterr()
    places = [
        shown.out.index(f"│ {name} ") for name in ("list", "show", "watch", "start", "cancel", "export", "rebuild")
    ]
    assert places == sorted(places) and shown.err == ""


def test_the_newest_numbers_are_read_from_the_end_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    assert newest(file) == (None, {})
    lines = [json.dumps({"step": step, "name": "loss", "value": 1.0 / step}) for step in range(1, 5000)]
    lines += [
        '{"step": 5000, "name": "loss", "value": 0.5}',
        '{"step": 5000, "name": "lr", "value": null, "flag": "nan"}',
    ]
    file.write_text("\n".join(lines) + '\n{"step": 5001, "na')
    assert newest(file) == (5000, {"loss": 0.5, "lr": None})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "1 h"),
        (4800, "1 h 20 min"),
        (86_400, "1 d"),
        (180_000, "2 d 2 h"),
    ],
)
def test_lengths_of_time(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
