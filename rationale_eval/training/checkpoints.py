"""Checkpoints that are all or nothing: `step-N` folders with a manifest; the newest that verifies is the latest.

Nothing is trusted for its name. A folder that was cut short has no manifest, one that was damaged differs from it; both
are passed over for the checkpoint before. Tensors are safetensors, the rest is JSON.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from rationale_eval import durable
from rationale_eval.errors import RationaleEvalError
from rationale_eval.points import reached
from rationale_eval.training.faults import StorageFailed, free_bytes, told_plainly

KEEP: Final = 2
STATE: Final = "state.json"
WEIGHTS: Final = "weights.safetensors"
OPTIMIZER: Final = "optimizer.safetensors"

_NAME: Final = re.compile(r"step-(\d+)")


def tensors_of(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """All parameters and buffers by `module.path`; those shared between modules once."""
    whole = nn.ModuleDict(dict(modules))
    return dict(whole.named_parameters()) | dict(whole.named_buffers())


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's state as named tensors (`parameter.key`) and JSON values for the rest."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"{index}.{key}"] = value
            else:
                values[f"{index}.{key}"] = value
    return tensors, values


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Puts back what `optimizer_tensors` took; the parameter groups stay as they were made."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **values}.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A finished checkpoint that was verified.

    Args:
        folder: Where it is.
        step: Optimizer steps done.
        state: The JSON part.
    """

    folder: Path
    step: int
    state: dict[str, Any]

    def weights(self) -> dict[str, Tensor]:
        """Parameters and buffers."""
        return load_file(self.folder / WEIGHTS)

    def optimizer(self) -> dict[str, Tensor]:
        """Optimizer tensors."""
        return load_file(self.folder / OPTIMIZER)


class Checkpoints:
    """The checkpoints of one stage of one run.

    Args:
        folder: Holds `step-N` (to resume from) and `best-N` (the weights that did best on the dev set).
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.rejected: dict[str, str] = {}

    def sweep(self) -> None:
        """Removes what a killed writer left unfinished."""
        durable.sweep(self.folder)

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that verifies, best weights included; the others are named in `rejected`."""
        self.rejected = {}
        for folder in self._steps():
            problem = durable.damage(folder)
            state = _read(folder) if problem is None else None
            if state is None:
                self.rejected[folder.name] = problem or "its state cannot be read"
                continue
            best = state.get("best")
            if best is not None and (fault := durable.damage(self._best(best["step"]))):
                self.rejected[folder.name] = f"the best weights it names are damaged ({fault})"
                continue
            return Checkpoint(folder, int(state["step"]), state)
        return None

    def save(
        self,
        step: int,
        modules: Mapping[str, nn.Module],
        optimizer: torch.optim.Optimizer,
        state: Mapping[str, Any],
    ) -> None:
        """Writes `step-N` whole or not at all, verifies it, and only then lets go of older ones.

        Raises:
            StorageFailed: If it cannot be written; older checkpoints are then untouched.
        """
        target = self.folder / f"step-{step}"
        if target.name not in self.rejected and durable.damage(target) is None:
            return  # the one we resumed from: the same weights, and never deleted before a newer one stands
        tensors, values = optimizer_tensors(optimizer)

        def fill(folder: Path) -> None:
            save_file(_plain(tensors_of(modules)), folder / WEIGHTS)
            reached("checkpoint.weights_written")
            save_file(_plain(tensors), folder / OPTIMIZER)
            reached("checkpoint.optimizer_written")
            durable.write_json(folder / STATE, {**state, "step": step, "optimizer": values})

        self._write(target, fill)
        if (problem := durable.damage(target)) is not None:
            raise StorageFailed("input/output error", f"{target} did not read back as written: {problem}.")
        reached("checkpoint.verified")
        self.rejected.pop(target.name, None)
        self._let_go(state.get("best"))
        reached("checkpoint.old_removed")

    def save_best(self, step: int, modules: Mapping[str, nn.Module]) -> None:
        """Writes the weights alone as `best-N`.

        Raises:
            StorageFailed: If they cannot be written.
        """
        self._write(self._best(step), lambda folder: save_file(_plain(tensors_of(modules)), folder / WEIGHTS))
        reached("checkpoint.best_written")

    def best(self, step: int) -> dict[str, Tensor]:
        """The weights kept by `save_best`."""
        return load_file(self._best(step) / WEIGHTS)

    def require_space(self, size: int) -> None:
        """Refuses to start where the checkpoints will not fit: three of them, counting those that are there.

        Args:
            size: Bytes of one checkpoint.

        Raises:
            StorageFailed: If there is too little space.
        """
        with told_plainly("a checkpoint", self.folder):
            durable.make_folder(self.folder)
        present = sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        needed, free = 3 * size - present, free_bytes(self.folder)
        if free < needed:
            raise StorageFailed(
                "disk full",
                f"training needs {needed / 1e6:.0f} MB for checkpoints in {self.folder}, {free / 1e6:.0f} MB are free; "
                "free some space or give another --workspace.",
            )

    def _write(self, target: Path, fill: Callable[[Path], None]) -> None:
        with told_plainly("a checkpoint", self.folder):
            if target.exists():
                # Damaged, or best weights that no sound checkpoint names: a sound one would have been resumed from.
                shutil.rmtree(target)
                reached("checkpoint.unsound_removed")
            durable.write_folder(target, fill)

    def _best(self, step: int) -> Path:
        return self.folder / f"best-{step}"

    def _steps(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        found = [entry for entry in self.folder.iterdir() if _NAME.fullmatch(entry.name) and entry.is_dir()]
        return sorted(found, key=lambda entry: int(entry.name.removeprefix("step-")), reverse=True)

    def _let_go(self, best: Mapping[str, Any] | None) -> None:
        named = {best["step"]} if best else set()
        # A damaged one must not take the place of a sound one among those that are kept.
        sound = [folder for folder in self._steps() if folder.name not in self.rejected]
        for name in self.rejected:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.rejected = {}
        for place, folder in enumerate(sound):
            if place >= KEEP:
                shutil.rmtree(folder, ignore_errors=True)
            elif (state := _read(folder)) and state.get("best"):
                named.add(state["best"]["step"])
        for folder in self.folder.glob("best-*"):
            if folder.name not in {f"best-{step}" for step in named}:
                shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) and isinstance(state.get("step"), int) else None


def restore(modules: Mapping[str, nn.Module], tensors: Mapping[str, Tensor]) -> None:
    """Copies stored parameters and buffers into modules.

    Raises:
        RationaleEvalError: If names or shapes differ.
    """
    own = tensors_of(modules)
    odd = sorted(own.keys() ^ tensors.keys()) or [name for name in own if own[name].shape != tensors[name].shape]
    if odd:
        raise RationaleEvalError(f"the checkpoint is of another model: {', '.join(odd[:3])} do not fit.")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def size_of(modules: Mapping[str, nn.Module]) -> int:
    """Bytes of one checkpoint: weights, and two moments for each weight that is trained."""
    tensors = tensors_of(modules).values()
    return sum(tensor.nbytes * (3 if tensor.requires_grad else 1) for tensor in tensors)
