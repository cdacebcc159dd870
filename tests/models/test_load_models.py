"""Names to models: saving and loading, runs, pinned hub commits, and combinations that are refused."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from rationale_eval.data.example import Task
from rationale_eval.data.words import split_words
from rationale_eval.errors import InputError, RationaleEvalError, UsageError
from rationale_eval.models import embedded
from rationale_eval.models.load import load_model
from rationale_eval.models.prompt import Prompt
from rationale_eval.models.source import find
from rationale_eval.models.transformer import TransformerModel
from tests.helpers.tiny import (
    COMMONSENSE,
    NLI,
    SENTIMENT,
    example,
    tiny_causal,
    tiny_choice_encoder,
    tiny_classifier,
    tiny_folder,
    tiny_seq2seq,
)

MAKERS = {
    "classifier": (tiny_classifier, NLI),
    "choice_encoder": (tiny_choice_encoder, COMMONSENSE),
    "causal": (tiny_causal, COMMONSENSE),
    "seq2seq": (tiny_seq2seq, COMMONSENSE),
}


def scores(model: TransformerModel, task: Task) -> np.ndarray:
    item = example(task)
    with torch.inference_mode():
        return model.scores(model.pad(model.encode(item, split_words(item)).rows)).numpy()


@pytest.mark.parametrize("kind", MAKERS)
def test_a_saved_model_loads_alone_and_answers_the_same(kind: str, tmp_path: Path) -> None:
    make, task = MAKERS[kind]
    options: dict[str, Any] = {"max_length": 60}
    if kind == "causal":
        options["prompt"] = Prompt("mine", "Ask: {question} A:", words={"sleep": "a nap"})
    model = make(task, **options)
    model.save(str(tmp_path / "saved"))
    again = load_model(str(tmp_path / "saved"), device="cpu")
    assert (again.kind, again.task, again.max_length, again.choices) == (kind, task, 60, model.choices)
    assert again.fingerprint == model.fingerprint
    assert_array_equal(scores(again, task), scores(model, task))


@pytest.mark.parametrize("architecture", ["gpt2", "roberta", "bart", "deberta-v2"])
def test_what_is_saved_passes_the_inspection(architecture: str, tmp_path: Path) -> None:
    use = {"gpt2": "causal", "bart": "seq2seq"}.get(architecture, "classifier")
    task = NLI
    model = load_model(str(tiny_folder(tmp_path / "a", architecture, use)), task=task, device="cpu")
    model.save(str(tmp_path / "b"))
    assert load_model(str(tmp_path / "b"), device="cpu").fingerprint == model.fingerprint


def test_fingerprint_follows_weights_prompt_length_and_nothing_else() -> None:
    model, twin, other = tiny_classifier(NLI), tiny_classifier(NLI, attn="eager"), tiny_classifier(NLI, seed=1)
    assert model.fingerprint == twin.fingerprint != other.fingerprint
    assert tiny_classifier(NLI, max_length=32).fingerprint != model.fingerprint
    before = model.fingerprint
    with torch.no_grad():
        model.network.classifier.bias[0] += 1e-3
    assert model.fingerprint != before
    optimizer = torch.optim.AdamW(twin.network.parameters(), lr=1e-3)
    scored = twin.scores(twin.pad(twin.encode(example(NLI), split_words(example(NLI))).rows))
    scored.sum().backward()
    optimizer.step()
    assert twin.fingerprint != before


def test_bare_encoder_gets_a_seeded_head_and_says_so() -> None:
    first, same, other = (load_model("embedded/minilm", task=NLI, device="cpu", seed=seed) for seed in (3, 3, 4))
    assert not first.trained
    assert first.outputs == 3
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert first.network.config.id2label == {0: "entailment", 1: "neutral", 2: "contradiction"}
    scorer = load_model("embedded/minilm", task=COMMONSENSE, device="cpu")
    assert (scorer.kind, scorer.outputs, scorer.trained) == ("choice_encoder", 1, False)


def test_loading_leaves_the_random_state_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    load_model("embedded/minilm", task=NLI, device="cpu")
    assert torch.equal(torch.rand(3), expected)


def test_classes_are_matched_to_choices_by_name(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "m", "bert", "classifier")
    usual = scores(load_model(str(folder), task=NLI, device="cpu"), NLI)
    _rename(folder, ["CONTRADICTION", "Entailment", "neutral"])
    named = scores(load_model(str(folder), task=NLI, device="cpu"), NLI)
    assert_array_equal(named, usual[:, [1, 2, 0]])
    _rename(folder, ["good", "bad", "ugly"])
    with pytest.raises(UsageError, match="classes are good, bad, ugly"):
        load_model(str(folder), task=NLI, device="cpu")


def _rename(folder: Path, names: list[str]) -> None:
    import json

    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {str(i): name for i, name in enumerate(names)}
    config["label2id"] = {name: i for i, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(config))


OPEN = Task("sums", "open", ("question",))


@pytest.mark.parametrize(
    ("architecture", "use", "options", "sentence"),
    [
        ("bert", "classifier", {"task": SENTIMENT}, "is a classifier with 3 classes, but 2 are needed"),
        ("bert", "classifier", {"task": COMMONSENSE}, "is a classifier with 3 classes, but 1 is needed"),
        ("bert", "classifier", {"task": OPEN}, "open answers"),
        ("bert", "classifier", {}, "needs to know its task"),
        ("bert", "classifier", {"task": NLI, "kind": "causal"}, "cannot be used as causal"),
        ("gpt2", "causal", {"task": NLI, "kind": "classifier"}, "cannot be used as classifier"),
        ("bert", "classifier", {"task": NLI, "kind": "oracle"}, "no kind of model 'oracle'"),
        ("bert", "classifier", {"task": COMMONSENSE, "kind": "classifier"}, "cannot do the multiple_choice task"),
        ("bert", "classifier", {"task": NLI, "prompt": "{inputs}"}, "has no prompt"),
        ("gpt2", "causal", {"task": NLI, "prompt": "nonsense"}, "there is no prompt 'nonsense'"),
        ("bert", "classifier", {"task": NLI, "dtype": "float8"}, "no number type 'float8'"),
        ("bert", "classifier", {"task": NLI, "attn": "flash"}, "no attention 'flash'"),
        ("bert", "classifier", {"task": NLI, "device": "cuda:9"}, "no device 'cuda:9'"),
        ("bert", "classifier", {"task": NLI, "device": "toaster"}, "no device 'toaster'"),
        ("bert", "classifier", {"task": NLI, "max_length": 65}, "reads 1 to 64 tokens"),
        ("roberta", "classifier", {"task": NLI, "max_length": 65}, "reads 1 to 64 tokens"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    architecture: str, use: str, options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    folder = tiny_folder(tmp_path / "model", architecture, use)
    with pytest.raises(UsageError) as refused:
        load_model(str(folder), **({"device": "cpu"} | options))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_runs_by_id_and_by_folder(tmp_path: Path) -> None:
    tiny_classifier(NLI).save(str(tmp_path / "runs" / "r1" / "model"))
    (tmp_path / "runs" / "r2").mkdir()
    by_id = load_model("run:r1", workspace=tmp_path, device="cpu")
    by_folder = load_model(str(tmp_path / "runs" / "r1"), device="cpu")
    assert by_id.fingerprint == by_folder.fingerprint
    with pytest.raises(UsageError, match=r"'r2'.*has no model"):
        load_model("run:r2", workspace=tmp_path)
    with pytest.raises(UsageError, match="not the id of a run"):
        load_model("run:../r1", workspace=tmp_path)


def test_the_latest_run_is_the_newest_with_a_model_and_keeps_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", str(tmp_path))
    with pytest.raises(UsageError, match="has a model yet"):
        load_model("run:latest")
    for run in ("20260101-000000-000-aaaa", "20260102-000000-000-bbbb"):
        tiny_classifier(NLI).save(str(tmp_path / "runs" / run / "model"))
    (tmp_path / "runs" / "20260103-000000-000-cccc").mkdir()
    assert find("run:latest").exact == "run:20260102-000000-000-bbbb"
    assert load_model("run:latest", device="cpu").task is not None


def test_models_and_runs_agree_on_the_default_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rationale_eval.workspace.runs import Workspace

    for place in ("", str(tmp_path / "elsewhere")):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("RATIONALE_EVAL_WORKSPACE", place)
        tiny_classifier(NLI).save(str(Workspace().path / "runs" / "r1" / "model"))
        assert find("run:r1").folder.resolve() == (Workspace().path / "runs" / "r1" / "model").resolve()


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are embedded/minilm and embedded/smollm2"):
        load_model("embedded/bert")
    with pytest.raises(UsageError, match="no such folder"):
        load_model("no such thing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="this is a file"):
        load_model(str(tmp_path / "file"))


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """A hub with one repository; counts what it is asked."""

    def __init__(self, folder: Path):
        self.folder, self.asked, self.tokens = folder, [], []

    def __call__(self, token: object) -> FakeHub:
        self.tokens.append(token)
        return self

    def model_info(self, repository: str, revision: str | None, token: object) -> SimpleNamespace:
        self.tokens.append(token)
        if repository != "some/model":
            raise OSError("not found")
        return SimpleNamespace(sha=COMMIT)

    def list_repo_files(self, repository: str, revision: str, token: object) -> list[str]:
        self.tokens.append(token)
        assert revision == COMMIT
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())

    def hf_hub_download(self, repository: str, name: str, revision: str, local_dir: Path, token: object) -> None:
        self.tokens.append(token)
        assert revision == COMMIT
        self.asked.append(name)
        (local_dir / ".cache" / "huggingface").mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / name, local_dir / name)


def test_hub_id_is_pinned_to_a_commit_and_only_allowed_files_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = tiny_folder(tmp_path / "remote", "bert", "classifier")
    (remote / "modeling_evil.py").write_text("raise SystemExit")
    (remote / "pytorch_model.bin").write_bytes(b"pickle")
    (remote / "onnx").mkdir()
    (remote / "onnx" / "model.safetensors").write_bytes(b"x")
    hub = FakeHub(remote)
    monkeypatch.setattr("huggingface_hub.HfApi", hub)
    monkeypatch.setenv("RATIONALE_EVAL_HOME", str(tmp_path / "home"))
    model = load_model("some/model", task=NLI, device="cpu")
    assert model.source == f"some/model@{COMMIT}"
    assert hub.asked == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert set(hub.tokens) == {False}
    again = load_model(f"some/model@{COMMIT}", task=NLI, device="cpu")
    assert len(hub.asked) == 4  # what was fetched is not fetched again
    assert again.fingerprint == model.fingerprint
    with pytest.raises(RationaleEvalError, match="'other/model' could not be fetched"):
        load_model("other/model", task=NLI)


def test_home_of_embedded_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RATIONALE_EVAL_HOME", str(tmp_path))
    assert embedded.embedded_home() == tmp_path
    monkeypatch.delenv("RATIONALE_EVAL_HOME")
    monkeypatch.setattr(embedded.sys, "prefix", "/venv")
    assert embedded.embedded_home() == Path("/venv/share/rationale_eval")
    monkeypatch.setattr(embedded.sys, "prefix", embedded.sys.base_prefix)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert embedded.embedded_home() == Path("/data/rationale_eval")


def test_status_says_what_is_missing_and_how_to_mend_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RATIONALE_EVAL_HOME", str(tmp_path))
    minilm, smollm2 = embedded.embedded_status()
    assert (minilm.name, minilm.ready) == ("embedded/minilm", True)
    assert (smollm2.ready, smollm2.where) == (False, str(tmp_path / "models" / "smollm2-135m-instruct"))
    assert "make setup" in smollm2.advice
    monkeypatch.setattr(embedded, "_package_folder", lambda package: None)
    with pytest.raises(RationaleEvalError, match="embedded/smollm2 is not installed"):
        embedded.convert_smollm2()
    with pytest.raises(RationaleEvalError, match="embedded/minilm is not installed"):
        embedded.minilm()


def test_changed_weights_of_an_embedded_model_are_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(embedded.minilm(), tmp_path / "model")
    with open(tmp_path / "model" / "model.safetensors", "r+b") as file:
        file.seek(5_000_000)
        file.write(b"\x01")
    monkeypatch.setattr(embedded, "_package_folder", lambda package: tmp_path)
    with pytest.raises(RationaleEvalError, match=r"model\.safetensors of embedded/minilm differs"):
        load_model("embedded/minilm", task=NLI)


def test_use_attention_switches_to_weights_that_can_be_read() -> None:
    model = tiny_classifier(NLI)
    model.use_attention("eager")
    item = example(NLI)
    batch = model.pad(model.encode(item, split_words(item)).rows)
    with torch.inference_mode():
        found = model.network(**model.forward_args(batch), output_attentions=True).attentions
    assert len(found) == 2
    assert torch.allclose(found[0].sum(-1), torch.ones(()))
    assert dataclasses.replace(batch).embeds is None
