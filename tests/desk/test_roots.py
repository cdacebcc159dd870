"""What a page may open from the disk: what really lies under the operator's folders, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rationale_eval.desk import choices, datasets
from rationale_eval.desk.access import Access
from rationale_eval.desk.confine import require_offered
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.roots import data_sets, models, require_no_way_out, within
from rationale_eval.errors import UsageError
from rationale_eval.verbs.run_table import flattened
from rationale_eval.workspace.runs import Workspace

ROW = '{"id": "a", "task": "t", "inputs": {"text": "x"}, "choices": ["n", "y"], "label": 0}\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    for name in ("good", "out", "pipe", "model"):
        (folder / name).mkdir(parents=True)
    (folder / "good" / "test.jsonl").write_text(ROW)
    (folder / "file.csv").write_text("text,label\na,b\n")
    (tmp_path / "secret.jsonl").write_text(ROW)
    (folder / "out" / "test.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (folder / "out" / "train.jsonl").write_text(ROW)
    (folder / "pipe" / "train.jsonl").write_text(ROW)
    os.mkfifo(folder / "pipe" / "test.jsonl")
    (folder / "link").symlink_to(tmp_path)
    (folder / ".hidden.csv").write_text("text\n")
    (folder / "model" / "config.json").write_text("{}")
    (tmp_path / "root-beside").mkdir()
    (tmp_path / "root-beside" / "test.jsonl").write_text(ROW)
    return folder


@pytest.fixture
def desk(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path / "workspace"))
    return Desk(Workspace(tmp_path / "workspace"), Access(roots=(root,)))


def test_the_pick_list_holds_no_links_and_nothing_hidden(root: Path) -> None:
    assert [path.name for path in data_sets([root])] == ["file.csv", "good", "out", "pipe"]
    assert [path.name for path in models([root])] == ["model"]
    assert data_sets([root / "nowhere"]) == []


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jsonl",
        "link/secret.jsonl",
        "../root-beside/test.jsonl",
        "/etc/passwd",
        "..",
        "good/../../secret.jsonl",
    ],
)
def test_what_is_really_elsewhere_is_refused(root: Path, path: str) -> None:
    with pytest.raises(UsageError, match="not in a folder that this dashboard may open"):
        within(root / path, [root])


def test_a_path_inside_is_the_real_one(root: Path) -> None:
    assert within(root / "good" / ".." / "file.csv", [root]) == (root / "file.csv").resolve()


@pytest.mark.parametrize(("name", "entry"), [("out", "test.jsonl"), ("pipe", "test.jsonl")])
def test_a_set_that_leads_out_is_refused_by_name(desk: Desk, root: Path, name: str, entry: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}' holds '{entry}', which leads elsewhere or is no file"):
        require_no_way_out(root / name)
    with pytest.raises(UsageError, match="leads elsewhere"):
        datasets.offered(desk, str(root / name))


@pytest.mark.parametrize(
    "value",
    [
        "/etc/passwd",
        "../secret.jsonl",
        "hub:evil/evil",
        "https://evil.example/x.csv",
        "file:///etc/passwd",
        "good",
        "",
        "\0",
    ],
)
def test_only_what_is_offered_is_opened(desk: Desk, root: Path, value: str) -> None:
    with pytest.raises(UsageError, match="not offered here"):
        datasets.offered(desk, value)
    with pytest.raises(UsageError, match="not offered here"):
        datasets.report(desk, value, "test", None)
    with pytest.raises(UsageError, match="not offered here"):
        datasets.exported(desk, value, "test", "csv")
    with pytest.raises(UsageError, match="not offered here"):
        desk.launch({"kind": "train", "recipe": "fine_tune", "data": value})
    assert datasets.offered(desk, str(root / "good")).label == "good"


@pytest.mark.parametrize(
    "job",
    [
        {"data": "/etc/passwd"},
        {"model": "/etc"},
        {"model": "evil/evil"},
        {"model": "endpoint:http://169.254.169.254/"},
        {"data": "bundled/nli", "helper": "evil/evil"},
        {"data": "bundled/nli", "encoder": "../x"},
        {"data": "bundled/nli", "scores": ["/etc/passwd"]},
        {"data": "bundled/nli", "texts": ["x.jsonl"]},
        {"data": "bundled/nli", "ratings": "/etc/passwd"},
        {"data": "bundled/nli", "protocol": {"paraphraser": "evil/evil"}},
        {"data": "bundled/nli", "protocol": {"simulator": {"model": "/etc"}}},
        {"data": "bundled/nli", "protocol.simulator.model": "/etc"},
        {"data": "bundled/nli", "simulator": {"model": "evil/evil"}},
    ],
)
def test_a_job_names_only_what_is_offered(desk: Desk, job: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="not offered here"):
        desk.launch(job)
    with pytest.raises(UsageError, match="not offered here"):
        desk.launch_many({"data": "bundled/nli"}, [0], {name: [value] for name, value in job.items()})
    with pytest.raises(UsageError, match="not offered here"):
        # Changes are texts: an entry of a record has a name with dots.
        desk.retry("20260101-000000-000-abcd", {name: str(value) for name, value in flattened(job)})
    assert desk.warm.pid is None


def test_offered_things_pass(desk: Desk, root: Path) -> None:
    for job in (
        {"data": "bundled/nli", "model": "embedded/minilm"},
        {"data": str(root / "good"), "model": str(root / "model")},
        {"data": "own/mine", "model": "run:20260101", "scores": ["run:1"], "texts": ("run:2",)},
        {"data": "generated/keyword", "model": "new/t5", "helper": None},
        {"data": "bundled/nli", "protocol": {"paraphraser": "embedded/smollm2", "simulator.model": "new/t5"}},
    ):
        require_offered(desk, job)
    assert str(root / "good") in {each.value for each in choices.data_sets(desk)}
