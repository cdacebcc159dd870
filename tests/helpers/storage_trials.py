"""K4, K5, K6, D7: checkpoints under failing operations, power loss and damage. Each trial returns what went wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rationale_eval import durable
from rationale_eval.training import checkpoints as storage
from rationale_eval.training.checkpoints import Checkpoints
from rationale_eval.training.faults import StorageFailed
from tests.helpers import crash_states, faults

ERRORS: Mapping[str, str] = {
    "ENOSPC": "disk full",
    "EDQUOT": "disk full",
    "EIO": "input/output error",
    "EROFS": "read-only file system",
    "EMFILE": "too many open files",
}


@dataclass(slots=True)
class Found:
    """Trials made, and what was wrong with them."""

    trials: int = 0
    wrong: list[str] = field(default_factory=list)


class Subject:
    """A small network whose weights can be told from its step."""

    def __init__(self) -> None:
        self.net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=0.1)

    def go_to(self, step: int) -> None:
        for parameter in self.net.parameters():
            parameter.grad = torch.ones_like(parameter)
        self.optimizer.step()
        draw = torch.Generator().manual_seed(step)
        with torch.no_grad():
            for tensor in storage.tensors_of({"net": self.net}).values():
                tensor.copy_(torch.rand(tensor.shape, generator=draw))

    def save(self, place: Checkpoints, step: int, best: int | None = None) -> None:
        """A step, and a checkpoint of it; its weights are also kept as the best when `best` names this step."""
        self.go_to(step)
        if best == step:
            place.save_best(step, {"net": self.net})
        place.save(step, {"net": self.net}, self.optimizer, {"best": None if best is None else {"step": best}})

    def weights(self, step: int) -> dict[str, Tensor]:
        """What a checkpoint of this step must hold."""
        self.go_to(step)
        return {name: tensor.clone() for name, tensor in storage.tensors_of({"net": self.net}).items()}


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    """Whether all names and bits are equal."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def _references(steps: int) -> dict[int, dict[str, Tensor]]:
    """Weights of steps 1 to `steps`, made as the trials make them."""
    subject = Subject()
    return {step: subject.weights(step) for step in range(1, steps + 1)}


def failing_operations(root: Path, errors: Mapping[str, str] = ERRORS) -> Found:
    """K4, K5: each operation of a checkpoint write fails, once or for good, in each way."""
    found, at = Found(), 0
    while True:
        struck = False
        for error in (*errors, faults.SHORT):
            for lasting in (False, True):
                place = root / f"{at}-{error}-{lasting}"
                done = _one_fault(place, at, error, lasting, errors.get(error), found)
                shutil.rmtree(place, ignore_errors=True)
                struck |= done
        if not struck:
            return found
        at += 1


def _one_fault(place: Path, at: int, error: str, lasting: bool, reason: str | None, found: Found) -> bool:
    subject, kept = Subject(), Checkpoints(place)
    subject.save(kept, 1)
    before = _content(place)
    told = None
    label = f"operation {at}, {error}{' and ever after' if lasting else ''}"
    with faults.failing(place, at=at, error=error, lasting=lasting) as done:
        try:
            subject.save(kept, 2, best=2)
        except StorageFailed as failure:
            told = failure
        except OSError as failure:
            found.wrong.append(f"{label}: told as {failure!r}")
    if len(done) <= at:
        return False
    found.trials += 1
    wrong = found.wrong
    if error == faults.SHORT and told is not None:
        wrong.append(f"{label}: a short write was told as a failure")
    if error != faults.SHORT:
        if told is None:
            wrong.append(f"{label} ({done[at]}): not told")
        elif told.reason != reason or str(place) not in str(told) or "intact" not in str(told):
            wrong.append(f"{label}: told as {told.reason}: {told}")
    if told is not None and any(_content(place).get(path) != content for path, content in before.items()):
        wrong.append(f"{label}: the checkpoint before it is not intact")
    again = Checkpoints(place)
    again.sweep()
    latest = again.latest()
    if latest is None or again.rejected:
        wrong.append(f"{label}: nothing sound, or {again.rejected}")
        return True
    subject.save(again, 2, best=2)
    last = again.latest()
    if last is None or last.step != 2 or not same(last.weights(), _references(2)[2]):
        wrong.append(f"{label}: saving again does not give what was asked")
    if list(place.rglob("*.tmp-*")):
        wrong.append(f"{label}: something unfinished stays behind")
    return True


def _content(place: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (place / "step-1").glob("*")}


def crashes(root: Path, *, saves: int = 8, limit: int | None = None) -> Found:
    """K6, D10: the power fails after each operation of several checkpoint writes; every state must recover."""
    subject, found = Subject(), Found()
    work = root / "work"
    work.mkdir(parents=True)
    promised: list[tuple[int, int]] = []
    with crash_states.recording(work) as operations:
        kept = Checkpoints(work / "run" / "checkpoints" / "stage")
        kept.require_space(1000)
        for step in range(1, saves + 1):
            subject.save(kept, step, best=step - step % 2 or None)
            promised.append((len(operations), step))
    references = _references(saves)
    disk, seen = crash_states.Disk(), set[Any]()
    for number, operation in enumerate(operations, 1):
        disk.apply(operation)
        acknowledged = max((step for mark, step in promised if mark <= number), default=0)
        for state in disk.states():
            name = (acknowledged, crash_states.key(state))
            if name in seen or (limit is not None and found.trials >= limit):
                continue
            seen.add(name)
            place = root / "state"
            crash_states.write(state, place)
            found.trials += 1
            fault = _recovers(place / "run" / "checkpoints" / "stage", acknowledged, references)
            if fault:
                found.wrong.append(f"after operation {number} ({operation.kind} {operation.path}): {fault}")
            shutil.rmtree(place)
    return found


def _recovers(place: Path, acknowledged: int, references: Mapping[int, Mapping[str, Tensor]]) -> str | None:
    kept = Checkpoints(place)
    latest = kept.latest()
    step = 0 if latest is None else latest.step
    if step < acknowledged:
        return f"step {acknowledged} was acknowledged, step {step} is found ({kept.rejected})"
    if latest is None:
        return None
    if not same(latest.weights(), references[step]):
        return f"the weights of step {step} are others"
    best = latest.state["best"]
    if best is not None and not same(kept.best(best["step"]), references[best["step"]]):
        return f"the best weights of step {best['step']} are others"
    return None


def _flip(place: Path, name: str, at: int) -> None:
    content = bytearray((place / name).read_bytes())
    content[at % len(content)] ^= 1 << (at % 8)
    (place / name).write_bytes(content)


def damages(root: Path, *, flips: int = 40) -> Found:
    """D7, C1: flipped bits, cut, missing, extra and swapped files; found by name, then the one before is used."""
    subject, found = Subject(), Found()
    kept = Checkpoints(root / "c")
    for step in (1, 2):
        subject.save(kept, step, best=step)
    references = _references(2)
    for label, names, harm in _harms(root / "c" / "step-2", flips):
        place = root / "trial"
        shutil.copytree(root / "c", place)
        harm(place / "step-2")
        again = Checkpoints(place)
        latest = again.latest()
        found.trials += 1
        if latest is None or latest.step != 1 or not same(latest.weights(), references[1]):
            found.wrong.append(f"{label}: fell back to {latest and latest.step}")
        elif not any(name in again.rejected.get("step-2", "") for name in names):
            found.wrong.append(f"{label}: told as {again.rejected}")
        shutil.rmtree(place)
    return found


Harm = tuple[str, tuple[str, ...], Callable[[Path], object]]


def _harms(sound: Path, flips: int) -> Iterator[Harm]:
    draw = torch.Generator().manual_seed(0)
    files = sorted(path.name for path in sound.iterdir())
    for name in files:
        told = (name, "manifest", "checksum")
        size = (sound / name).stat().st_size
        for at in torch.randint(0, size, (flips,), generator=draw).tolist():
            if name == durable.MANIFEST and chr((sound / name).read_bytes()[at]).isspace():
                continue  # white space in the manifest means nothing
            yield f"{name}, bit {at}", told, lambda place, name=name, at=at: _flip(place, name, at)  # type: ignore[misc]
        for length in (0, 1, size // 2, size - 2):
            yield (
                f"{name} cut to {length}",
                told,
                lambda place, name=name, length=length: _cut(place / name, length),  # type: ignore[misc]
            )
        yield f"{name} missing", told, lambda place, name=name: (place / name).unlink()  # type: ignore[misc]
    yield "an extra file", ("extra",), lambda place: (place / "extra").write_text("?")
    yield "an extra folder with a file", ("extra",), lambda place: _extra(place)
    yield "two files swapped", (storage.WEIGHTS, storage.OPTIMIZER), _swap
    for text in ("[]", '{"files": 5}', '{"files": []}', '{"files": {}}', '{"files": {"../step-1/state.json": "0"}}'):
        yield f"manifest {text}", ("manifest",), lambda place, text=text: (place / durable.MANIFEST).write_text(text)  # type: ignore[misc]


def _cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def _extra(place: Path) -> None:
    (place / "inner").mkdir()
    (place / "inner" / "extra").write_text("?")


def _swap(place: Path) -> None:
    a, b = place / storage.WEIGHTS, place / storage.OPTIMIZER
    held = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(held)
