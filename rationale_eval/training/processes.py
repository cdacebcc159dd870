"""Several processes that train as one, started by `accelerate launch` or `torchrun`; a process alone is the usual case.

Each takes its share of every batch, and gradients are added up by hand once all batches of a step went backward. The
usual wrapper (DistributedDataParallel) does that in hooks of a module's `forward`, but learners call modules where and
as often as they like, some several times in one loss and some not at all; it also takes means, which is wrong where
shares differ in size. A plain sum of reduced losses is exact whatever the split, and costs one pass over the gradients.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any, Final

import torch
import torch.distributed as dist
from accelerate import PartialState
from torch import Tensor, nn

PATIENCE: Final = timedelta(hours=12)
"""How long a process waits for the others: an evaluation runs on the main process alone, however long it takes."""

BUCKET: Final = 32 * 2**20
"""Bytes of gradients added up together: few messages, and little memory beside the gradients."""


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of one training. Every method must be called by all of them, in the same order.

    Args:
        rank: Which of them this is; 0 is the main one, which alone writes.
        world: How many there are.
        device: Where this one computes.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def main(self) -> bool:
        """Whether this process writes journal, checkpoints, run state and progress."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is only this one."""
        return self.world == 1

    def share_of(self, batch: Sequence[int]) -> Sequence[int]:
        """This process's part of a batch, perhaps empty: dealt out in turn, so that lengths are alike everywhere."""
        return batch[self.rank :: self.world]

    def share(self, value: Any) -> Any:
        """The main process's value, a JSON value, in every process."""
        if self.alone:
            return value
        text = json.dumps(value).encode() if self.main else b""
        size = torch.tensor([len(text)], device=self.device)
        dist.broadcast(size, 0)
        buffer = torch.empty(int(size), dtype=torch.uint8, device=self.device)
        if self.main:
            buffer.copy_(torch.frombuffer(bytearray(text), dtype=torch.uint8))
        dist.broadcast(buffer, 0)
        return value if self.main else json.loads(bytes(buffer.cpu().numpy().tobytes()))

    def any(self, condition: bool) -> bool:
        """Whether the condition holds in any process."""
        return condition if self.alone else self.add([float(condition)])[0] > 0

    def add(self, values: Sequence[float]) -> list[float]:
        """Sums over the processes, in float64."""
        if self.alone:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(sums)
        return [float(value) for value in sums]

    def spread(self, tensors: Iterable[Tensor]) -> None:
        """Overwrites tensors by those of the main process."""
        if self.alone:
            return
        with torch.no_grad():
            for bucket in _buckets(list(tensors)):
                flat = torch.cat([tensor.reshape(-1) for tensor in bucket]).to(self.device)
                dist.broadcast(flat, 0)
                _unpack(flat, bucket)

    def spread_named(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The main process's named tensors in every process; the others need not have any."""
        shapes = self.share({name: [list(one.shape), str(one.dtype)] for name, one in tensors.items()})
        found = (
            dict(tensors)
            if self.main
            else {
                name: torch.empty(shape, dtype=getattr(torch, kind.removeprefix("torch.")), device=self.device)
                for name, (shape, kind) in shapes.items()
            }
        )
        self.spread(found.values())
        return found

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sums gradients over the processes; a parameter that no process has a gradient of keeps none."""
        if self.alone:
            return
        has = torch.tensor([float(one.grad is not None) for one in parameters], device=self.device)
        dist.all_reduce(has)
        gradients = []
        for parameter, count in zip(parameters, has.tolist(), strict=True):
            if count:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        for bucket in _buckets(gradients):
            flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
            dist.all_reduce(flat)
            _unpack(flat, bucket)


def join(device: torch.device) -> Processes:
    """The processes this one was started with; it becomes one of them on the first call.

    Args:
        device: Where to compute; a GPU without a number becomes the one of this process.
    """
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return Processes(0, 1, device)
    before = dist.is_initialized()
    # Its functions take the group that stands when it is imported as a default, and would keep that group for ever:
    # its threads would outlive the interpreter, and one that then drops a tensor aborts the whole process.
    import_module("torch.distributed.nn.functional")
    PartialState(cpu=device.type == "cpu", timeout=PATIENCE)
    if not before:
        atexit.register(_leave)
    return Processes(dist.get_rank(), dist.get_world_size(), device)


def _leave() -> None:
    """Ends the threads of the group while the interpreter still stands."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    held: list[Tensor] = []
    size = 0
    for tensor in sorted(tensors, key=lambda one: str(one.dtype)):
        if held and (size + tensor.nbytes > BUCKET or tensor.dtype != held[0].dtype):
            yield held
            held, size = [], 0
        held.append(tensor)
        size += tensor.nbytes
    if held:
        yield held


def _unpack(flat: Tensor, bucket: Sequence[Tensor]) -> None:
    parts = flat.split([tensor.numel() for tensor in bucket])
    for tensor, part in zip(bucket, parts, strict=True):
        tensor.copy_(part.reshape(tensor.shape))
