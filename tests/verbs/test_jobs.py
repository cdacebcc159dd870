"""Jobs as records: the command line, files and keywords give the same one, and what is wrong is said in a sentence."""

from __future__ import annotations

import json
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_eval.cli import run as command_line
from rationale_eval.commands.parsing import pairs
from rationale_eval.errors import InputError, UsageError
from rationale_eval.recipes import RECIPES
from rationale_eval.recipes.record import read_config
from rationale_eval.verbs.job import EvaluateConfig, ExtractConfig, TrainJob
from rationale_eval.verbs.jobs import JOBS, changed, job_of, load_job, read_job, submit
from rationale_eval.workspace.runs import Workspace
from tests.helpers.sentiment import KNOBS, fresh_model, sentiment_set, trained_model


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "w"))
    return Workspace(tmp_path / "w")


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=20)
trainings = st.builds(
    TrainJob,
    recipe=texts,
    data=texts,
    split=texts,
    seed=st.integers(0, 2**40),
    limit=st.none() | st.integers(1, 10**6),
    dev_fraction=st.none() | st.floats(0.01, 0.99),
    mapping=st.dictionaries(texts, texts, max_size=3),
    config=st.dictionaries(texts, st.none() | st.booleans() | st.integers() | texts | st.floats(1e-9, 1e9), max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(job=trainings)
def test_a_record_survives_files(job: TrainJob, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("jobs")
    values = job.model_dump(mode="json")
    (folder / "job.json").write_text(json.dumps(values), "utf-8")
    assert load_job(folder / "job.json") == job
    # Quoted texts: a bare `yes` is the writer's business, tested below.
    (folder / "job.yaml").write_text(json.dumps(values, ensure_ascii=False), "utf-8")
    assert load_job(folder / "job.yaml") == job


def test_yaml_reads_words_as_words_and_numbers_as_numbers(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    knobs = "precision: no, lr: 1e-5, epochs: 3, dropout: .5, freeze_embeddings: true, patience: null, max_steps: 1_0"
    file.write_text(f"kind: train\nrecipe: fine_tune\ndata: 007\nsplit: on\nconfig: {{{knobs}}}\n")
    job = load_job(file)
    assert isinstance(job, TrainJob)
    assert (job.data, job.split) == ("007", "on")
    expected = {"precision": "no", "lr": 1e-5, "epochs": 3, "dropout": 0.5, "freeze_embeddings": True, "patience": None}
    assert job.config == expected | {"max_steps": "1_0"}
    assert [type(value) for value in job.config.values()] == [str, float, int, float, bool, type(None), str]
    file.write_text("kind: train\nrecipe: fine_tune\ndata: 7\n")
    with pytest.raises(InputError, match="field 'data': input should be a valid string"):
        load_job(file)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.yaml", "kind: trian\n", "field 'kind': there is no kind of job 'trian'; did you mean train?"),
        ("a.yaml", "recipe: fine_tune\n", "field 'kind': is missing; choose one of train, extract, generate, evaluate"),
        (
            "a.yaml",
            "kind: train\ndata: d\nrecip: x\n",
            "field 'recipe': is missing; recip: there is no such key; did you",
        ),
        (
            "a.yaml",
            "kind: train\ndata: d\nrecipe: x\nseed: -1\n",
            "field 'seed': input should be greater than or equal",
        ),
        ("a.yaml", "kind: evaluate\ndata: d\nmethods: saliency\n", "field 'methods': a list is expected"),
        ("a.yaml", "kind: train\nkind: train\n", "line 2: the key 'kind' comes twice"),
        ("a.yaml", "kind: train\nconfig: {lr: 1, lr: 2}\n", "line 2: the key 'lr' comes twice"),
        ("a.yaml", "kind: [train\nx: 1\n", "line 2: expected"),
        ("a.yaml", "a: &x [1]\nb: *x\n", "line 2: a job has no aliases"),
        ("a.yaml", "- one\n", "holds no job"),
        ("a.yaml", "", "holds no job"),
        ("a.yaml", "kind: !!python/name:os.system x\n", "line 1: could not determine a constructor"),
        ("a.json", '{"kind": "train", "kind": "train"}', "the key 'kind' comes twice"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[" * 100_000, "is not JSON"),
        ("a.txt", "kind: train\n", "a job is a .yaml or .json file"),
    ],
)
def test_a_bad_file_is_one_sentence_with_file_and_key(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        load_job(tmp_path / name)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / name)) and "\n" not in str(caught.value)


def test_files_that_are_no_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "c.yaml").write_text("#" * 1_000_001)
    for name, sentence in (("b", "is not UTF-8"), ("c", "too large for a job"), ("d", "cannot be read: No such file")):
        with pytest.raises(InputError, match=sentence):
            load_job(tmp_path / f"{name}.yaml")


def test_a_mistake_in_the_knobs_names_the_file(tmp_path: Path, workspace: Workspace) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("kind: train\nrecipe: fine_tune\ndata: bundled/nli\nconfig: {lrr: 1}\n")
    with pytest.raises(InputError, match=r"job.yaml: fine_tune: there is no setting 'lrr'; did you mean lr\?"):
        submit(file, workspace=workspace)
    assert workspace.runs() == []


def test_all_ways_of_asking_give_the_same_run(tmp_path: Path, workspace: Workspace) -> None:
    data, model = sentiment_set(tmp_path / "set"), fresh_model(tmp_path / "tiny")
    job = {"kind": "train", "recipe": "fine_tune", "data": str(data), "model": str(model), "device": "cpu", "seed": 4}
    job |= {"config": KNOBS, "dev_limit": 10}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    (tmp_path / "job.json").write_text(json.dumps(job))
    words = ["train", "fine_tune", "--data", str(data), "--model", str(model), "--device", "cpu", "--seed", "4"]
    words += ["--dev-limit", "10", "--queue", "--set", *(f"{name}={value}" for name, value in KNOBS.items())]
    assert command_line(words) == 0
    runs = [
        *workspace.runs(),
        submit(workspace=workspace, **job),  # type: ignore[arg-type]
        submit(job, workspace=workspace),
        submit(read_job(job), workspace=workspace),
        submit(tmp_path / "job.yaml", workspace=workspace),
        submit(str(tmp_path / "job.json"), workspace=workspace),
    ]
    assert len({json.dumps(run.config, sort_keys=True) for run in runs}) == 1
    assert {run.provenance["data_fingerprint"] for run in runs} == {runs[0].provenance["data_fingerprint"]}
    assert {run.status.state for run in runs} == {"queued"} and all(run.place is not None for run in runs)
    assert job_of(runs[0]) == read_job({"kind": "train", **runs[0].config})


RECORDS: list[dict[str, Any]] = [
    {"kind": "train", "recipe": "fine_tune", "limit": 30, "dev_fraction": 0.2, "config": {"lr": 1e-3, "clip": None}},
    {"kind": "extract", "methods": ["saliency", "lime"], "settings": {"lime.samples": 7}, "target": "gold"},
    {"kind": "evaluate", "methods": ["saliency"], "controls": [], "metrics": ["auprc", "csd"], "split": "test"},
    {"kind": "evaluate", "methods": ["lime"], "options": {"bins": [10, 50], "removal": "mask"}, "remember": False},
]


@pytest.mark.parametrize("record", RECORDS)
def test_the_command_that_is_kept_asks_for_the_same(
    tmp_path: Path, workspace: Workspace, record: dict[str, Any]
) -> None:
    data = sentiment_set(tmp_path / "my set")
    make = fresh_model if record["kind"] == "train" else trained_model
    first = submit({**record, "data": str(data), "model": str(make(tmp_path / "tiny")), "device": "cpu"})
    words = shlex.split(first.provenance["command"])
    assert words[0] == "rationale-eval"
    assert command_line([*words[1:], "--queue"]) == 0
    latest = workspace.latest()
    assert latest is not None and latest.id != first.id
    again = job_of(latest)
    assert again.model_dump(exclude={"settings"}) == job_of(first).model_dump(exclude={"settings"})
    # Parameters of methods are texts on the command line and read by the method.
    assert {k: str(v) for k, v in latest.config.get("settings", {}).items()} == {
        k: str(v) for k, v in first.config.get("settings", {}).items()
    }


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_knob_of_every_recipe_survives_the_command_line(name: str) -> None:
    config = RECIPES[name].Config().model_dump(mode="json")
    words = list(TrainJob(recipe=name, data="d", config=config).words())
    given = [word for before, word in pairwise(words) if before == "--set"]
    assert read_config(RECIPES[name], pairs("--set", given)).model_dump(mode="json") == config


def test_the_job_that_the_guide_shows_can_be_read(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "runs.md").read_text("utf-8")
    (tmp_path / "job.yaml").write_text(guide.partition("```yaml\n")[2].partition("```")[0])
    job = load_job(tmp_path / "job.yaml")
    assert isinstance(job, EvaluateConfig) and job.methods == ("integrated_gradients", "saliency")


def test_names_mean_the_same_from_every_folder_and_later(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_model(tmp_path / "tiny")
    sentiment_set(tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    run = submit(kind="extract", data="set/test.jsonl", model="tiny", methods=["saliency"])
    assert run.config["data"] == str(tmp_path / "set" / "test.jsonl") and run.config["model"] == str(tmp_path / "tiny")
    assert run.provenance["data"] == "set/test.jsonl"
    assert run.asked["title"] == "saliency on test.jsonl"
    done = workspace.create_run("train", {})
    (done.folder / "model").mkdir()
    workspace.create_run("train", {})
    job = EvaluateConfig(data="bundled/nli", model="run:latest", scores=(run.id[-4:],)).resolved(workspace)
    assert (job.model, job.scores, job.data) == (f"run:{done.id}", (f"run:{run.id}",), "bundled/nli")


def test_a_run_that_is_still_to_be_trained_may_be_named_but_not_one_without_a_model(workspace: Workspace) -> None:
    coming, other = workspace.create_run("train", {}), workspace.create_run("extract", {})
    assert ExtractConfig(data="bundled/nli", model=f"run:{coming.id}").resolved(workspace).model == f"run:{coming.id}"
    with pytest.raises(UsageError, match="has no model; name a finished training run"):
        ExtractConfig(data="bundled/nli", model=f"run:{other.id}").resolved(workspace)
    with pytest.raises(UsageError, match=r"no run in .* has a model yet"):
        ExtractConfig(data="bundled/nli", model="run:latest").resolved(workspace)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "train", "recipe": "finetune"}, "no recipe 'finetune'; did you mean fine_tune"),
        ({"kind": "train", "recipe": "fine_tune", "model": "embedded/nope"}, "no embedded model 'embedded/nope'"),
        ({"kind": "train", "recipe": "fine_tune", "model": "no such model"}, "there is no model 'no such model'"),
        ({"kind": "train", "recipe": "fine_tune", "device": "cuda:99"}, "there is no device 'cuda:99'"),
        ({"kind": "train", "recipe": "fine_tune", "dev_split": "test"}, "test split is for the final evaluation"),
        ({"kind": "train", "recipe": "fine_tune", "data": None}, "were objects in memory"),
        ({"kind": "extract", "methods": ["salience"]}, "no method 'salience'; did you mean saliency"),
        ({"kind": "extract", "methods": ["saliency"]}, "saliency explains a model"),
        ({"kind": "evaluate", "metrics": ["comprehensiveness"]}, "comprehensiveness needs a model"),
        ({"kind": "evaluate", "metrics": ["auprc"], "controls": []}, "auprc needs rationales"),
        ({"kind": "evaluate", "options": {"removal": "erase"}}, "no removal operator 'erase'"),
        ({"kind": "dance"}, "kind: there is no kind of job 'dance'"),
        ({"kind": "extract", "limit": 0}, "limit: input should be greater than or equal to 1"),
    ],
)
def test_what_cannot_work_is_refused_before_there_is_a_run(
    workspace: Workspace, fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        submit(**{"data": "bundled/nli", **fields}, workspace=workspace)
    assert workspace.runs() == []


def test_changes_reach_fields_knobs_and_entries() -> None:
    job = TrainJob(recipe="fine_tune", data="d", config={"lr": 0.1, "epochs": 3})
    new = changed(job, {"lr": "1e-5", "seed": "3", "config.epochs": "7", "limit": "none", "split": "train+validation"})
    assert isinstance(new, TrainJob)
    assert new.config == {"lr": "1e-5", "epochs": "7"}
    assert (new.seed, new.limit, new.split) == (3, None, "train+validation")
    scored = changed(EvaluateConfig(data="d"), {"metrics": "auprc,csd", "methods": "lime", "steps": "5"})
    assert isinstance(scored, EvaluateConfig)
    assert (scored.metrics, scored.methods, scored.settings) == (("auprc", "csd"), ("lime",), {"steps": "5"})
    with pytest.raises(UsageError, match="a job of kind train stays one"):
        changed(job, {"kind": "extract"})
    with pytest.raises(UsageError, match="seed: input should be a valid integer"):
        changed(job, {"seed": "x"})


def test_every_kind_of_job_has_what_it_takes() -> None:
    from importlib import import_module

    for name, kind in JOBS.items():
        assert kind.record.model_fields["kind"].default == name
        module = import_module(kind.module)
        assert callable(module.check) and callable(module.work)
        assert all(field.description for field in kind.record.model_fields.values() if field.default != name)
