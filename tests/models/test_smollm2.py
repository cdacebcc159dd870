"""The embedded language model: its conversion, and that it speaks and scores sensibly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from rationale_eval import durable
from rationale_eval.data.example import Example
from rationale_eval.data.words import split_words
from rationale_eval.errors import RationaleEvalError
from rationale_eval.models import embedded, smollm2
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel
from tests.helpers.tiny import COMMONSENSE


def test_rows_of_a_head_go_from_pairs_to_halves() -> None:
    weight = np.arange(16, dtype=np.float32).reshape(8, 2)  # two heads of four rows
    found = smollm2._halves(weight, heads=2)[:, 0] / 2
    assert found.tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_another_gguf_file_is_refused(tmp_path: Path) -> None:
    fake = tmp_path / smollm2.GGUF_NAME
    fake.write_bytes(b"GGUF")
    with pytest.raises(RationaleEvalError, match="differs from the published file"):
        smollm2.convert(fake, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / smollm2.GGUF_NAME
    fake.write_bytes(b"GGUF")
    monkeypatch.setattr(smollm2, "GGUF_SHA256", durable.sha256(fake))
    monkeypatch.setattr(smollm2.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5 << 20}))
    with pytest.raises(RationaleEvalError, match="5 MB are left; make room"):
        smollm2.convert(fake, tmp_path / "out")


def test_conversion_is_done_once_and_again_after_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, target = tmp_path / smollm2.GGUF_NAME, tmp_path / "out"
    fake.write_bytes(b"GGUF")
    done = []

    def fill(source: Path, folder: Path) -> None:
        done.append(source)
        (folder / "model.safetensors").write_text("weights")

    monkeypatch.setattr(smollm2, "GGUF_SHA256", durable.sha256(fake))
    monkeypatch.setattr(smollm2, "_fill", fill)
    smollm2.convert(fake, target)
    smollm2.convert(fake, target)
    assert len(done) == 1
    (target / "model.safetensors").write_text("damaged")
    smollm2.convert(fake, target)
    assert len(done) == 2
    assert durable.damage(target) is None


@pytest.fixture(scope="module")
def model() -> Iterator[TransformerModel]:
    if durable.damage(embedded.smollm2_folder()) is not None:
        pytest.skip("needs `make setup`")
    yield load_model("embedded/smollm2", task=COMMONSENSE, device="cpu")


def test_it_writes_english(model: TransformerModel) -> None:
    chat = "<|im_start|>user\nWhat is the capital of France? Answer in one sentence.<|im_end|>\n<|im_start|>assistant\n"
    ids = model.tokenizer(chat, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        said = model.network.generate(ids, max_new_tokens=12, do_sample=False)
    assert model.tokenizer.decode(said[0, ids.shape[1] :]) == "The capital of France is Paris.<|im_end|>"


@pytest.mark.parametrize(
    ("question", "choices"),
    [
        ("Where do you keep milk cold?", ("refrigerator", "shoe", "airplane", "river", "library")),
        ("What do fish live in?", ("water", "clouds", "books", "boots")),
    ],
)
def test_it_prefers_sensible_choices(model: TransformerModel, question: str, choices: tuple[str, ...]) -> None:
    item = Example("one", "commonsense", {"question": question}, choices, 0)
    encoding = model.encode(item, split_words(item))
    assert encoding.seen.all()
    with torch.inference_mode():
        found = model.scores(model.pad(encoding.rows)).flatten()
    assert int(found.argmax()) == 0
    assert (found < 0).all()


def test_digits_are_read_one_by_one(model: TransformerModel) -> None:
    assert model.tokenizer.tokenize("in 1984") == ["in", "Ġ", "1", "9", "8", "4"]
