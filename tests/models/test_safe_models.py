"""Model folders made by strangers: each hostile one is refused with one sentence and runs nothing."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rationale_eval.errors import InputError, RationaleEvalError
from rationale_eval.models import source
from rationale_eval.models.load import load_model
from rationale_eval.models.safe import check_config
from tests.helpers.tiny import COMMONSENSE, NLI, tiny_folder

Spoil = Callable[[Path], None]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("good") / "model", "bert", "classifier")


def put(name: str, content: str | bytes = b"") -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def edit(name: str, **changes: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / name
        settings = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(settings | changes))

    return spoil


def drop(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


def link(name: str, target: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return spoil


def moved_link(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        away = folder.parent / f"away-{name}"
        shutil.move(folder / name, away)
        (folder / name).symlink_to(away)

    return spoil


def pipe(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return spoil


def shards(target: str) -> Spoil:
    return edit("model.safetensors.index.json", weight_map={"classifier.weight": target})


def cut_weights(size: int) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:size])

    return spoil


def canary(folder: Path) -> str:
    """Python that leaves a mark beside the folder when it is run."""
    return f"open({str(folder.parent / 'canary')!r}, 'w').close()\n"


def code(name: str) -> Spoil:
    return lambda folder: (folder / name).write_text(canary(folder)) and None


def remote(key: str, value: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        edit("config.json", **{key: value})(folder)
        hidden = folder / "modules"
        hidden.mkdir()
        (hidden / "modeling_evil.py").write_text(canary(folder))

    return spoil


class Reduce:
    """Pickles to a call that would leave the mark."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mknod, (str(self.path),))


def poison(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        import pickle  # the attack itself; nothing in the product may read it

        (folder / name).write_bytes(pickle.dumps(Reduce(folder.parent / "canary")))

    return spoil


AUTO = {"AutoModelForSequenceClassification": "modeling_evil.Evil", "AutoConfig": "modeling_evil.Evil"}
HOSTILE: dict[str, tuple[Spoil, str]] = {
    "python file": (code("modeling_evil.py"), "program code"),
    "python in capitals": (code("EVIL.PY"), "program code"),
    "compiled python": (code("evil.pyc"), "program code"),
    "shared library": (put("evil.so"), "program code"),
    "shell script": (put("setup.sh"), "program code"),
    "auto_map": (remote("auto_map", AUTO), "code of its own"),
    "nested auto_map": (edit("config.json", text_config={"auto_map": AUTO}), "code of its own"),
    "auto_map in a list": (edit("config.json", parts=[{"auto_map": AUTO}]), "code of its own"),
    "auto_map of the tokenizer": (
        edit("tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Evil", None]}),
        "code of its own",
    ),
    "trust_remote_code": (remote("trust_remote_code", True), "code of its own"),
    "custom pipeline": (remote("custom_pipelines", {"x": {"impl": "evil.Evil"}}), "code of its own"),
    "kernel from elsewhere": (edit("config.json", attn_implementation="evil/kernel"), "kernel"),
    "internal kernel key": (edit("config.json", _attn_implementation_internal="evil/kernel"), "kernel"),
    "old kernel key": (edit("config.json", _attn_implementation="evil/kernel"), "kernel"),
    "experts kernel": (edit("config.json", experts_implementation="evil/kernel"), "kernel"),
    "quantised": (edit("config.json", quantization_config={"quant_method": "gptq"}), "quantised"),
    "8 bit": (edit("config.json", load_in_8bit=True), "quantised"),
    "pickled weights beside": (poison("pytorch_model.bin"), "pickle"),
    "pt file": (poison("weights.pt"), "pickle"),
    "pth file": (poison("weights.PTH"), "pickle"),
    "pkl file": (poison("tokenizer.pkl"), "pickle"),
    "checkpoint": (poison("last.ckpt"), "pickle"),
    "joblib": (poison("head.joblib"), "pickle"),
    "numpy": (poison("head.npy"), "pickle"),
    "keras": (put("tf_model.h5"), "pickle"),
    "gguf": (put("model.gguf", b"GGUF"), "GGUF"),
    "adapter": (put("adapter_config.json", "{}"), "adapter"),
    "adapter weights": (put("adapter_model.safetensors"), "adapter"),
    "linked config": (moved_link("config.json"), "is a link"),
    "linked weights": (moved_link("model.safetensors"), "is a link"),
    "link to a secret": (link("tokenizer.json", "/etc/passwd"), "is a link"),
    "dangling link": (link("notes.txt", "nowhere"), "is a link"),
    "linked folder": (link("onnx", "/etc"), "is a link"),
    "pipe as config": (pipe("config.json"), "not a regular file"),
    "pipe as weights": (pipe("model.safetensors"), "not a regular file"),
    "shard above": (shards("../../secret.safetensors"), "not a plain file name"),
    "absolute shard": (shards("/etc/secret.safetensors"), "not a plain file name"),
    "shard in a folder": (shards("sub/a.safetensors"), "not a plain file name"),
    "shard of another sort": (shards("pytorch_model-1.bin"), "not a plain file name"),
    "hidden shard": (shards(".model.safetensors"), "not a plain file name"),
    "absent shard": (shards("model-00001-of-00002.safetensors"), "not in the folder"),
    "index that is a list": (put("model.safetensors.index.json", "[]"), "JSON object"),
    "index without a map": (put("model.safetensors.index.json", "{}"), "which file holds"),
    "index of numbers": (edit("model.safetensors.index.json", weight_map={"a": 1}), "which file holds"),
    "unknown model type": (edit("config.json", model_type="evil"), "is not supported"),
    "model type that is a list": (edit("config.json", model_type=["bert"]), "is not supported"),
    "type with a path": (edit("config.json", model_type="../bert"), "is not supported"),
    "no model type": (edit("config.json", model_type=None), "is not supported"),
    "unknown tokenizer": (edit("tokenizer_config.json", tokenizer_class="EvilTokenizer"), "tokenizer class"),
    "tokenizer with a path": (edit("tokenizer_config.json", tokenizer_class="evil.module.Bert"), "tokenizer class"),
    "broken config": (put("config.json", "{"), "not readable JSON"),
    "config in latin-1": (put("config.json", b'{"a": "\xe9"}'), "not readable JSON"),
    "deep config": (put("config.json", '{"a":' * 200 + "1" + "}" * 200), "nested too deeply"),
    "bottomless config": (put("config.json", "[" * 100_000), "not readable JSON"),
    "config that is a list": (put("config.json", "[1]"), "JSON object"),
    "empty config": (put("config.json", ""), "not readable JSON"),
    "giant hidden size": (edit("config.json", hidden_size=10**12), "believable"),
    "giant depth": (edit("config.json", num_hidden_layers=10**6), "believable"),
    "negative depth": (edit("config.json", num_hidden_layers=-1), "believable"),
    "depth that is text": (edit("config.json", num_hidden_layers="two"), "believable"),
    "memory bomb": (edit("config.json", vocab_size=1 << 23, hidden_size=1 << 14), "do not fit"),
    "layers without weights": (edit("config.json", num_hidden_layers=500, hidden_size=1 << 13), "do not fit"),
    "odd activation": (edit("config.json", hidden_act="os.system"), "do not fit"),
    "broken tokenizer": (put("tokenizer.json", "{}"), "tokenizer.json cannot be read"),
    "truncated weights": (cut_weights(2000), "not a whole safetensors file"),
    "empty weights": (cut_weights(0), "not a whole safetensors file"),
    "giant header": (put("model.safetensors", struct.pack("<Q", 1 << 60) + b"{}"), "not a whole safetensors file"),
    "pickle called safetensors": (poison("model.safetensors"), "not a whole safetensors file"),
    "no weights": (drop("model.safetensors"), "there is no model.safetensors"),
    "no tokenizer": (drop("tokenizer.json"), "there is no tokenizer.json"),
    "no config": (drop("config.json"), "there is no config.json"),
    "unreadable card": (put("rationale_eval.json", '{"max_length": "many"}'), "rationale_eval.json"),
    "card with an odd task": (put("rationale_eval.json", '{"task": {"name": 1}}'), "rationale_eval.json"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_folder_is_refused_with_one_sentence(case: str, good: Path, tmp_path: Path) -> None:
    spoil, sentence = HOSTILE[case]
    folder = tmp_path / "model"
    shutil.copytree(good, folder)
    spoil(folder)
    with pytest.raises(RationaleEvalError) as refused:
        load_model(str(folder), task=NLI, device="cpu")
    message = str(refused.value)
    assert sentence in message
    assert "\n" not in message and len(message) < 500
    assert refused.value.exit_code == 2
    assert not (tmp_path / "canary").exists()


def test_there_are_enough_hostile_folders() -> None:
    assert len(HOSTILE) >= 40


def test_harmless_extras_are_ignored(good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(good, folder)
    (folder / "README.md").write_text("a model card")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("not even JSON")
    assert load_model(str(folder), task=NLI, device="cpu").trained


def test_unknown_keys_do_not_reach_the_library() -> None:
    config = {"model_type": "bert", "hidden_size": 16, "num_attention_heads": 2, "evil_key": {"deep": 1}, "dtype": "x"}
    assert check_config(config, "here") == {
        "model_type": "bert",
        "hidden_size": 16,
        "num_attention_heads": 2,
    }


def test_sharded_weights_load_to_the_same_network(good: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(good, folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, keys in halves.items():
        save_file({key: tensors[key] for key in keys}, folder / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {key: file for file, keys in halves.items() for key in keys}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    whole, split = (load_model(str(path), task=NLI, device="cpu") for path in (good, folder))
    assert whole.fingerprint == split.fingerprint


@pytest.mark.parametrize(
    ("architecture", "use"),
    [
        ("bert", "classifier"),
        ("roberta", "classifier"),
        ("distilbert", "classifier"),
        ("electra", "classifier"),
        ("deberta-v2", "classifier"),
        ("bert", "choice_encoder"),
        ("bert", "multiple_choice"),
        ("roberta", "multiple_choice"),
        ("gpt2", "causal"),
        ("llama", "causal"),
        ("t5", "seq2seq"),
        ("bart", "seq2seq"),
    ],
)
def test_good_folders_load(architecture: str, use: str, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "model", architecture, use, labels=3 if use == "classifier" else 1)
    model = load_model(str(folder), task=NLI if use == "classifier" else COMMONSENSE, device="cpu")
    assert model.trained
    assert model.kind == ("choice_encoder" if use == "multiple_choice" else use)


def test_missing_tensor_of_the_body_is_damage_not_a_fresh_head(good: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(good, folder)
    tensors = load_file(folder / "model.safetensors")
    del tensors["bert.encoder.layer.1.output.dense.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"not complete.*layer\.1\.output\.dense"):
        load_model(str(folder), task=NLI, device="cpu")


def test_tokenizer_of_another_model_is_refused(good: Path, tmp_path: Path) -> None:
    folder, other = tmp_path / "model", tiny_folder(tmp_path / "other", "roberta", "classifier")
    shutil.copytree(good, folder)
    shutil.copy(other / "tokenizer.json", folder / "tokenizer.json")
    with pytest.raises(InputError, match="embeddings"):
        load_model(str(folder), task=NLI, device="cpu")


def test_inside_follows_links_and_compares_whole_parts(tmp_path: Path) -> None:
    root, other = tmp_path / "models", tmp_path / "models-evil"
    root.mkdir()
    other.mkdir()
    (root / "out").symlink_to(other)
    (root / "a").mkdir()
    assert source.inside(root / "a", [root])
    assert not source.inside(root / "out", [root])
    assert not source.inside(other, [root])
    assert not source.inside(root / ".." / "models-evil", [root])
