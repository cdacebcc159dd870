"""Checkpoints are all or nothing; damage is found before use; a full disk harms nothing."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError
from rationale_eval.training import checkpoints as storage
from rationale_eval.training.checkpoints import Checkpoints
from rationale_eval.training.faults import StorageFailed


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    net.train()
    return net


def trained(net: nn.Module, steps: int) -> torch.optim.Optimizer:
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
    for _ in range(steps):
        net(torch.randn(5, 3)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return optimizer


def test_what_is_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    net = network()
    optimizer = trained(net, 3)
    Checkpoints(tmp_path).save(3, {"net": net}, optimizer, {"best": None, "note": "x"})
    found = Checkpoints(tmp_path).latest()
    assert found is not None and (found.step, found.state["note"]) == (3, "x")
    other = network(1)
    again = torch.optim.AdamW(other.parameters(), lr=0.1)
    storage.restore({"net": other}, found.weights())
    storage.load_optimizer(again, found.optimizer(), found.state["optimizer"])
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            assert torch.equal(value, again.state_dict()["state"][index][key])


def test_two_are_kept_and_best_weights_while_they_are_named(tmp_path: Path) -> None:
    net = network()
    optimizer = trained(net, 1)
    kept = Checkpoints(tmp_path)
    for step, best in ((1, None), (2, 2), (3, 2), (4, 4), (5, 4)):
        if best == step:
            kept.save_best(step, {"net": net})
        kept.save(step, {"net": net}, optimizer, {"best": best and {"step": best}})
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["best-4", "step-4", "step-5"]


def damage_bit(folder: Path) -> None:
    file = folder / storage.WEIGHTS
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


def truncate(folder: Path) -> None:
    file = folder / storage.OPTIMIZER
    file.write_bytes(file.read_bytes()[:-1])


def swap(folder: Path) -> None:
    a, b = folder / storage.WEIGHTS, folder / storage.OPTIMIZER
    held = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(held)


@pytest.mark.parametrize(
    "harm",
    [
        damage_bit,
        truncate,
        swap,
        lambda folder: (folder / storage.STATE).unlink(),
        lambda folder: (folder / durable.MANIFEST).unlink(),
        lambda folder: (folder / "extra").write_text("?"),
        lambda folder: (folder / durable.MANIFEST).write_text("[]"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, harm: Callable[[Path], Any]) -> None:
    net = network()
    optimizer = trained(net, 1)
    kept = Checkpoints(tmp_path)
    for step in (1, 2):
        kept.save(step, {"net": net}, optimizer, {"best": None})
    harm(tmp_path / "step-2")
    found = kept.latest()
    assert found is not None and found.step == 1
    assert list(kept.rejected) == ["step-2"]
    kept.save(2, {"net": net}, optimizer, {"best": None})  # reached again: replaced by a sound one
    again = kept.latest()
    assert again is not None and again.step == 2


def test_a_checkpoint_whose_best_weights_are_damaged_is_passed_over(tmp_path: Path) -> None:
    net = network()
    optimizer = trained(net, 1)
    kept = Checkpoints(tmp_path)
    kept.save(1, {"net": net}, optimizer, {"best": None})
    kept.save_best(2, {"net": net})
    kept.save(2, {"net": net}, optimizer, {"best": {"step": 2}})
    damage_bit(tmp_path / "best-2")
    found = kept.latest()
    assert found is not None and found.step == 1


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "disk full"), (errno.EIO, "input/output error"), (errno.EROFS, "read-only file system")],
)
@pytest.mark.parametrize("operation", ["sync_file", "write_json", "sha256", "sync_folder"])
def test_a_failing_write_leaves_the_checkpoint_before_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, number: int, reason: str
) -> None:
    net = network()
    optimizer = trained(net, 1)
    kept = Checkpoints(tmp_path)
    kept.save(1, {"net": net}, optimizer, {"best": None})
    before = {file: file.read_bytes() for file in (tmp_path / "step-1").iterdir()}

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, "injected")

    with monkeypatch.context() as patch:
        patch.setattr(durable, operation, fail)
        patch.setattr(durable, "damage", lambda folder: "not looked at")
        with pytest.raises(StorageFailed, match="the checkpoint before it is intact") as caught:
            kept.save(2, {"net": net}, optimizer, {"best": None})
    assert caught.value.reason == reason and str(tmp_path) in str(caught.value)
    assert not list(tmp_path.glob("*.tmp-*"))
    assert {file: file.read_bytes() for file in before} == before
    found = kept.latest()
    assert found is not None and found.step >= 1


def test_too_little_space_is_said_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 5, 5_000_000))  # type: ignore[attr-defined]
    with pytest.raises(StorageFailed, match=r"needs 30 MB .* 5 MB are free"):
        Checkpoints(tmp_path / "c").require_space(10_000_000)


def test_shared_weights_are_stored_once_and_another_model_is_refused(tmp_path: Path) -> None:
    net = nn.ModuleDict({"a": nn.Linear(3, 3, bias=False), "b": nn.Linear(3, 3, bias=False)})
    net["b"].weight = net["a"].weight
    assert list(storage.tensors_of({"net": net})) == ["net.a.weight"]
    with pytest.raises(RationaleEvalError, match="another model"):
        storage.restore({"net": nn.Linear(3, 3)}, storage.tensors_of({"net": net}))


def test_unfinished_folders_are_swept(tmp_path: Path) -> None:
    (tmp_path / "step-7.tmp-ab12").mkdir()
    (tmp_path / "step-7.tmp-ab12" / "x").write_text("")
    kept = Checkpoints(tmp_path)
    assert kept.latest() is None
    kept.sweep()
    assert list(tmp_path.iterdir()) == []
