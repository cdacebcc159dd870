"""Bugs sown on purpose: each changes a process as a careless edit would, and names the check that must see it.

The checks are in `bug_checks.py`; the bug is then in every process that they fork.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rationale_eval import durable
from rationale_eval.training import batches, checkpoints, journal, loop
from rationale_eval.workspace.run import Run


@dataclass(frozen=True, slots=True)
class Bug:
    """A seeded bug.

    Args:
        says: What is wrong, in words.
        caught_by: Name of the check in `tests.helpers.bug_checks.CHECKS` that must see it.
        sow: Changes this process.
    """

    says: str
    caught_by: str
    sow: Callable[[], None]


def apply(name: str) -> None:
    """Sows a bug in this process, for good."""
    BUGS[name].sow()


def put(owner: Any, name: str, value: Any) -> None:
    """Puts something in the place of a function of a module or class."""
    setattr(owner, name, value)


def _ignore(*_: Any, **__: Any) -> None:
    """Does nothing."""


def _noise_carried() -> None:
    put(loop, "seed_moment", _ignore)


def _order_carried() -> None:
    turn = itertools.count()
    put(batches, "derive", lambda seed, *_: seed + next(turn))


def _moments_forgotten() -> None:
    put(checkpoints, "load_optimizer", _ignore)


def _buffers_forgotten() -> None:
    whole = checkpoints.tensors_of

    def parameters(modules: Any) -> dict[str, Any]:
        return {name: one for name, one in whole(modules).items() if isinstance(one, torch.nn.Parameter)}

    put(checkpoints, "tensors_of", parameters)


def _after_resume(change: Callable[[Any], None]) -> None:
    resume = loop._Loop.resume

    def changed(self: Any, allow_inexact: bool) -> None:
        resume(self, allow_inexact)
        if self.at.step:
            change(self)

    put(loop._Loop, "resume", changed)


def _schedule_off_by_one() -> None:
    real = loop.learning_rate_factor

    def shift(_: Any) -> None:
        put(loop, "learning_rate_factor", lambda step, total, **o: real(step + 1, total, **o))

    _after_resume(shift)


def _patience_forgotten() -> None:
    _after_resume(lambda self: setattr(self.at, "worse", 0))


def _best_forgotten() -> None:
    _after_resume(lambda self: setattr(self.at, "best", None))


def _evaluated_again() -> None:
    def forget(self: Any) -> None:
        self.at.evaluated = 0
        self.at.best = None

    _after_resume(forget)


def _counts_forgotten() -> None:
    _after_resume(lambda self: setattr(self.at, "tokens", 0))


def _best_not_kept() -> None:
    put(checkpoints.Checkpoints, "save_best", _ignore)


def _best_removed() -> None:
    real = checkpoints.Checkpoints._let_go
    put(checkpoints.Checkpoints, "_let_go", lambda self, best: real(self, None))
    put(checkpoints, "_read", lambda folder: None)


def _torn_line_kept() -> None:
    put(durable.AppendFile, "cut", _ignore)


def _doubled_lines() -> None:
    real = journal.Journal._read

    def forget(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        self._values.clear()

    put(journal.Journal, "_read", forget)


def _no_folder_sync() -> None:
    put(durable, "sync_folder", _ignore)


def _no_file_sync() -> None:
    put(durable, "sync_file", _ignore)


def _no_parent_sync() -> None:
    put(durable, "make_folder", lambda path, mode=0o777: path.mkdir(mode, parents=True, exist_ok=True))


def _old_removed_first() -> None:
    real = checkpoints.Checkpoints.save

    def save(self: Any, step: int, *arguments: Any) -> None:
        for folder in self._steps():
            shutil.rmtree(folder)
        real(self, step, *arguments)

    put(checkpoints.Checkpoints, "save", save)


def _written_in_place() -> None:
    def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
        durable.make_folder(path)
        fill(path)
        durable.sync_folder(path)

    put(durable, "write_folder", write_folder)
    put(durable, "damage", lambda folder: None if folder.is_dir() else "missing")


def _not_verified() -> None:
    put(durable, "damage", lambda folder: None if folder.is_dir() else "missing")


def _short_write_believed() -> None:
    put(durable, "write_all", lambda handle, content: os.write(handle, content) and None)


def _error_swallowed() -> None:
    real = durable.sync_file

    def sync_file(path: Path) -> None:
        try:
            real(path)
        except OSError:
            return

    put(durable, "sync_file", sync_file)


def _error_untold() -> None:
    put(checkpoints, "told_plainly", lambda *_: nullcontext())


def _nan_is_best() -> None:
    def is_best(self: Any, value: float) -> bool:
        return self.at.best is None or not value <= self.at.best["value"]

    put(loop._Loop, "_is_best", is_best)


def _nan_goes_on() -> None:
    put(loop._Loop, "_require_finite", _ignore)


def _bad_weights_saved() -> None:
    put(loop._Loop, "_require_finite_weights", _ignore)


def _stale_kernels() -> None:
    put(torch.autograd.graph, "increment_version", _ignore)


def _attempt_unchecked() -> None:
    put(Run, "require_mine", _ignore)
    move = Run.move

    def unchecked(self: Any, state: Any, **options: Any) -> Any:
        put(self._hold, "attempt", None)
        return move(self, state, **options | {"attempt": None, "when": None})

    put(Run, "move", unchecked)


def _leftovers_kept() -> None:
    put(durable, "sweep", _ignore)


BUGS: Mapping[str, Bug] = {
    "noise-carried": Bug("dropout is drawn from a carried generator, not from (seed, step)", "kills", _noise_carried),
    "order-carried": Bug("the order of an epoch comes from carried state", "kills", _order_carried),
    "moments-forgotten": Bug("the optimizer's moments are not restored", "kills", _moments_forgotten),
    "buffers-forgotten": Bug("buffers are not checkpointed", "kills", _buffers_forgotten),
    "schedule-off-by-one": Bug("the schedule is one step ahead after a resume", "kills", _schedule_off_by_one),
    "counts-forgotten": Bug("token counts start again at a resume", "kills", _counts_forgotten),
    "best-forgotten": Bug("the best evaluation is not restored", "kills", _best_forgotten),
    "best-not-kept": Bug("the best weights are never written", "kills", _best_not_kept),
    "best-removed": Bug("the best weights go with their checkpoint", "kills", _best_removed),
    "doubled-lines": Bug("metric lines are written again after a resume", "kills", _doubled_lines),
    "leftovers-kept": Bug("what a killed writer left is never removed", "kills", _leftovers_kept),
    "patience-forgotten": Bug("the early-stopping counter is not restored", "patience", _patience_forgotten),
    "evaluated-again": Bug("past evaluations are done again after a resume", "patience", _evaluated_again),
    "torn-line-kept": Bug("half a metric line is kept", "torn line", _torn_line_kept),
    "no-folder-sync": Bug("a folder is not synced after a rename", "power loss", _no_folder_sync),
    "no-file-sync": Bug("files are not synced before the rename", "power loss", _no_file_sync),
    "no-parent-sync": Bug("the names of new folders are not synced", "power loss", _no_parent_sync),
    "old-removed-first": Bug(
        "old checkpoints go before the new one verifies", "failing operations", _old_removed_first
    ),
    "written-in-place": Bug("a checkpoint is written under its final name", "power loss", _written_in_place),
    "short-write-believed": Bug("a short write is taken for a whole one", "failing operations", _short_write_believed),
    "error-swallowed": Bug("a failed fsync is ignored", "failing operations", _error_swallowed),
    "error-untold": Bug("a write that fails is not told as a sentence", "failing operations", _error_untold),
    "not-verified": Bug("a checkpoint is trusted for its name", "damage", _not_verified),
    "nan-is-best": Bug("NaN wins the comparison for the best", "not finite", _nan_is_best),
    "nan-goes-on": Bug("training goes on after a NaN loss", "not finite", _nan_goes_on),
    "bad-weights-saved": Bug("infinite weights are checkpointed", "not finite", _bad_weights_saved),
    "stale-kernels": Bug("dev metrics are of older weights (found by these trials)", "whole runs", _stale_kernels),
    "attempt-unchecked": Bug("a process that was taken over still writes", "taken over", _attempt_unchecked),
}
