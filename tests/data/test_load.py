"""`load_dataset`: names, folders, files, splits; the catalogue; the hub."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rationale_eval.data.catalogue import CATALOGUE
from rationale_eval.data.example import Task
from rationale_eval.data.hub import hub_splits
from rationale_eval.data.load import load_dataset, other_splits
from rationale_eval.data.words import WORD_RULES
from rationale_eval.errors import InputError, RationaleEvalError, UsageError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
CHOICES = ["entailment", "neutral", "contradiction"]


def record(number, label=0):
    inputs = {"premise": f"A man sits on chair {number}.", "hypothesis": "A man sits."}
    return {"id": str(number), "task": "nli", "inputs": inputs, "choices": CHOICES, "label": label, "evidence": None}


def fill(folder, **splits):
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in splits.items():
        lines = "".join(json.dumps(record(number)) + "\n" for number in range(count))
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def test_the_default_split_is_test_then_validation_then_train(tmp_path):
    assert load_dataset(fill(tmp_path / "a", train=1, validation=2, test=3)).split == "test"
    assert load_dataset(fill(tmp_path / "b", train=1, dev=2)).split == "validation"
    assert load_dataset(fill(tmp_path / "c", train=1)).split == "train"
    assert load_dataset(fill(tmp_path / "d", adversarial=1)).split == "adversarial"
    assert len(load_dataset(tmp_path / "b", split="val")) == 2
    with pytest.raises(UsageError, match="no split 'test'; there are: train, validation"):
        load_dataset(fill(tmp_path / "e", train=1, validation=1), split="test")
    with pytest.raises(UsageError, match="has the splits x, y; say which"):
        load_dataset(fill(tmp_path / "f", x=1, y=1))


def test_folders_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no data files"):
        load_dataset(tmp_path)
    fill(tmp_path, test=1)
    (tmp_path / "test.csv").write_text("text,label\nx,y\n")
    with pytest.raises(InputError, match="two files for the split 'test'"):
        load_dataset(tmp_path)


def test_a_folder_named_like_a_known_set_follows_its_entry(tmp_path):
    data = load_dataset(fill(tmp_path / "esnli", test=2))
    assert (data.name, data.word_rule, data.cluster_field) == ("esnli", "unicode", "premise")
    assert data.cluster(next(iter(data))) == "A man sits on chair 0."
    inside = load_dataset(tmp_path / "esnli" / "test.jsonl")
    assert (inside.name, inside.split, inside.fingerprint()) == ("esnli", "test", data.fingerprint())
    assert load_dataset(tmp_path / "esnli", word_rule="whitespace").word_rule == "whitespace"


def test_choices_of_another_task_are_named_row_by_row(tmp_path):
    lines = [record(0), record(1) | {"choices": ["no", "yes"]}]
    (tmp_path / "esnli").mkdir()
    (tmp_path / "esnli" / "test.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    data = load_dataset(tmp_path / "esnli", on_error="collect")
    assert [one.id for one in data] == ["0"]
    with pytest.raises(InputError, match=r"row 2, field 'choices': are not those of the task 'nli'"):
        list(load_dataset(tmp_path / "esnli"))


def test_the_task_is_found_out_where_nobody_names_it(tmp_path):
    def kind(*records):
        path = tmp_path / "x.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in records))
        return load_dataset(path).task

    assert kind(record(0), record(1)) == Task("nli", "classification", ("premise", "hypothesis"), tuple(CHOICES))
    assert kind(record(0), record(1) | {"choices": ["a", "b"]}).kind == "multiple_choice"
    assert kind(record(0) | {"choices": [], "label": None}).kind == "open"


def test_a_single_file_is_its_own_split(tmp_path):
    for name, split in (("nli_dev.jsonl", "validation"), ("mine.jsonl", "all"), ("train.jsonl", "train")):
        (tmp_path / name).write_text(json.dumps(record(0)) + "\n")
        assert load_dataset(tmp_path / name).split == split
    assert load_dataset(tmp_path / "mine.jsonl", split="test").split == "test"


def test_sharded_parquet_is_one_split(tmp_path):
    for shard in range(2):
        rows = [record(2 * shard + place) | {"evidence": None} for place in range(2)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"test-0000{shard}-of-00002.parquet")
    data = load_dataset(tmp_path)
    assert [one.id for one in data] == ["0", "1", "2", "3"] and len(data.origin.files) == 2


def test_a_set_is_the_same_in_every_format(tmp_path):
    rows = [record(number, number % 3) | {"evidence": {"premise": [[2, 5]]}} for number in range(5)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert load_dataset(tmp_path / "a.jsonl").fingerprint() == load_dataset(tmp_path / "a.parquet").fingerprint()


def test_unknown_names_are_answered_with_the_closest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no data set 'esnly'; did you mean esnli"):
        load_dataset("esnly")
    with pytest.raises(UsageError, match=r"'esnli' is known but no copy lies at hand.*RATIONALE_EVAL_DATA.*hub:esnli"):
        load_dataset("esnli")
    with pytest.raises(InputError, match="no/such/place: there is no such file or folder"):
        load_dataset("no/such/place")
    with pytest.raises(InputError, match="cannot be opened"):
        load_dataset("missing.jsonl")
    with pytest.raises(UsageError, match="no bundled set 'bundled/nly'; there are: "):
        load_dataset("bundled/nly")
    fill(tmp_path / "sets" / "esnli", test=2)
    monkeypatch.setenv("RATIONALE_EVAL_DATA", str(tmp_path / "sets"))
    assert len(load_dataset("esnli")) == 2
    assert other_splits("esnli", "test") == []


def test_a_changed_file_is_noticed_between_two_passes(tmp_path):
    data = load_dataset(fill(tmp_path / "a", test=2))
    assert len(data) == 2
    fill(tmp_path / "a", test=3)
    with pytest.raises(InputError, match="changed since it was first read"):
        list(data)


def test_generated_sets_come_through_the_same_door():
    data = load_dataset("generated/keyword", limit=4)
    assert len(data) == 4 and data.split == "test"


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_catalogue_entries_are_whole(name):
    entry = CATALOGUE[name]
    assert entry.name == name and entry.title and entry.about.endswith(".") and entry.citation
    assert entry.word_rule in WORD_RULES
    assert entry.cluster_field is None or entry.cluster_field in entry.task.fields
    assert (entry.task.kind == "classification") == bool(entry.task.choices)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_named_set_reads(name):
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip("needs ../shared/data")
    for split in ("test", *other_splits(folder, "test")):
        if (folder / f"{split}.jsonl").is_file():
            for example in load_dataset(folder, split=split, limit=150):
                assert example.inputs and set(example.inputs) <= set(CATALOGUE[name].task.fields)


def test_the_e_snli_test_split_is_whole():
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data")
    data = load_dataset(SHARED / "esnli")
    assert len(data) == 9824
    assert all(one.evidence is not None and len(one.annotators) == len(one.rationales) for one in data)


def test_the_data_room_never_imports_torch():
    rooms = [
        "load",
        "check",
        "importing",
        "explanations",
        "eraser",
        "eraser_predictions",
        "hub",
        "limited",
        "listing",
        "store",
    ]
    lines = [f"import rationale_eval.data.{room}" for room in rooms]
    lines += ["import rationale_eval.commands.data, rationale_eval.commands.import_, rationale_eval.commands.data_text"]
    program = "\n".join([*lines, "import sys", "assert 'torch' not in sys.modules and 'pandas' not in sys.modules"])
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# A hub without a network: the listing and the download are replaced, the rest is real.


class FakeHub:
    """Files under a folder, answered as a hub would answer."""

    commit = "0123456789abcdef" * 2 + "01234567"

    def __init__(self, folder):
        self.folder, self.asked = folder, []

    def install(self, monkeypatch):
        import huggingface_hub

        monkeypatch.setattr(huggingface_hub, "HfApi", self.api)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", self.download)

    def api(self, token):
        assert token is False
        return self

    def dataset_info(self, repository, revision=None):
        self.asked.append((repository, revision))
        return SimpleNamespace(sha=self.commit)

    def list_repo_files(self, repository, repo_type, revision):
        assert (repo_type, revision) == ("dataset", self.commit)
        return [str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()]

    def download(self, repository, name, repo_type, revision, token):
        assert (repo_type, revision, token) == ("dataset", self.commit, False)
        return str(self.folder / name)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    fake = FakeHub(tmp_path / "hub")
    fake.install(monkeypatch)
    return fake


def store(fake, name, rows):
    path = fake.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def test_a_hub_copy_is_pinned_and_mapped_by_the_catalogue(hub):
    names = ("premise", "hypothesis", "explanation_1", "explanation_2", "explanation_3")
    row = dict.fromkeys(names, "some text") | {"label": 2, "explanation_3": ""}
    store(hub, "plain_text/test/0000.parquet", [row])
    store(hub, "plain_text/train/0000.parquet", [row, row])
    (hub.folder / "loader.py").write_text("raise SystemExit")
    data = load_dataset("hub:esnli")
    (one,) = data
    assert (data.name, data.split, data.origin.commit) == ("esnli", "test", hub.commit)
    assert one.choices[one.label] == "contradiction" and one.rationales == ("some text", "some text")
    assert "premise <- premise (catalogue, unconfirmed)" in data.origin.mapping
    assert hub.asked[0] == ("esnli/esnli", "refs/convert/parquet")
    assert len(load_dataset("hub:esnli", split="train")) == 2


def test_options_of_a_hub_copy_may_be_letters(hub):
    choices = {"text": ["sun", "moon"], "label": ["A", "B"]}
    row = {"id": "7", "question_stem": "What shines at night?", "choices": choices, "answerKey": "B"}
    store(hub, "additional/test/0000.parquet", [row])
    store(hub, "main/test/0000.parquet", [row, row])
    (one,) = load_dataset("hub:openbookqa")
    assert one.choices == ("sun", "moon") and one.label == 1


def test_other_repositories_need_their_name_and_may_be_pinned(hub):
    store(
        hub, "data/train-00000-of-00001.parquet", [{"text": "fine", "label": "good"}, {"text": "dull", "label": "bad"}]
    )
    data = load_dataset(f"hub:owner/name@{hub.commit}")
    assert [one.choices[one.label] for one in data] == ["good", "bad"]
    assert hub.asked == [("owner/name", hub.commit)]
    store(hub, "other/train/0000.parquet", [{"text": "fine", "label": "good"}])
    with pytest.raises(UsageError, match="has the configurations data, other; write hub:owner/name/NAME"):
        load_dataset("hub:owner/name")
    assert len(load_dataset("hub:owner/name/other")) == 1


def test_hub_trouble_is_one_sentence(hub, monkeypatch):
    hub.folder.mkdir()
    with pytest.raises(UsageError, match="holds no Parquet files"):
        load_dataset("hub:owner/name")
    with pytest.raises(UsageError, match="no public copy of 'comve' is known"):
        hub_splits("comve")

    def offline(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(FakeHub, "dataset_info", offline)
    with pytest.raises(RationaleEvalError, match=r"'esnli/esnli' cannot be had \(ConnectionError\)"):
        load_dataset("hub:esnli")
