"""What is killed: a toy training, and a whole run (training through the verb, then rationales of the trained model).

Each subject starts or resumes what it finds in a folder and, when it ends well, leaves `result.json`: digests of all
that an undisturbed run must share with it bit by bit.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import resource
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rationale_eval import durable, points
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import RationaleEvalError
from rationale_eval.training.randomness import Moment
from rationale_eval.verbs.extract import extract
from rationale_eval.verbs.train import resume, train
from rationale_eval.workspace.control import take_over
from rationale_eval.workspace.runs import Workspace
from tests.helpers import storage_trials
from tests.helpers.learning import Pair, ToyLearner, toy_fit
from tests.helpers.tiny import SENTIMENT, tiny_folder

RESULT = "result.json"
KNOBS = {"epochs": 2, "batch_size": 8, "lr": 1e-2, "precision": "no", "checkpoint_every": 2, "dropout": 0.2}


def digest(*parts: bytes) -> str:
    """SHA-256 of all parts in order."""
    return hashlib.sha256(b"".join(parts)).hexdigest()


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """Of names and bits of all tensors."""
    return digest(*(part for name in sorted(weights) for part in (name.encode(), weights[name].numpy().tobytes())))


def toy(folder: Path, **options: Any) -> None:
    """Twelve steps of a small network with dropout, noise and batch norm.

    Args:
        folder: Where.
        options: Those of `toy_fit`, or one of `spoil` (what and at which step), `hungry` (no memory) and `clock` (it
            jumps).
    """
    learner: ToyLearner = ToyLearner()
    if spoil := options.pop("spoil", None):
        learner = Spoiled(*spoil)
    if options.pop("hungry", False):
        learner = Hungry()
    if options.pop("clock", False):
        jump_clock()
    outcome, weights = toy_fit(folder, learner, **options)
    found = {
        "weights": weights_digest(weights),
        "metrics": digest((folder / "metrics.jsonl").read_bytes()),
        "outcome": [outcome.step, outcome.kept_step, outcome.tokens, outcome.examples, outcome.stopped_early],
        "exact": outcome.exact,
        "rejected": list(outcome.rejected),
    }
    (folder / RESULT).write_text(json.dumps(found))


def patient(folder: Path) -> None:
    """A toy that is stopped early by its patience."""
    toy(folder, epochs=40, patience=4, evaluate_every=2, lr=0.2)


def prepare(root: Path) -> None:
    """Writes the tiny model and the data that `whole_run` uses, beside the folders of the trials."""
    tiny_folder(root / "tiny", "bert", "classifier", labels=2)
    (root / "set").mkdir(parents=True)
    random = np.random.default_rng(0)
    for split, size in (("train", 40), ("validation", 12), ("test", 6)):
        lines = []
        for i in range(size):
            label = int(random.integers(2))
            record: dict[str, Any] = {"id": f"{i}", "task": "sentiment", "label": label, "choices": SENTIMENT.choices}
            record["inputs"] = {"text": f"the film {i} was {('dull', 'wonderful')[label]}"}
            record |= {"rationale": None, "rationales": [], "evidence": None, "meta": {}}
            lines.append(json.dumps(record) + "\n")
        (root / "set" / f"{split}.jsonl").write_text("".join(lines))


def whole_run(folder: Path, recipe: str = "fine_tune", **options: Any) -> None:
    """A run of the `train` verb on a tiny BERT, started or resumed, then rationales of what it trained."""
    workspace, data = Workspace(folder / "workspace"), str(folder.parent / "set")
    runs = workspace.runs("train")
    if not runs:
        run = train(
            recipe,
            data,
            model=str(folder.parent / "tiny"),
            config={name: value for name, value in (KNOBS | options).items() if value is not None},
            workspace=workspace.path,
            device="cpu",
        )
    elif runs[0].status.state == "finished":
        run = runs[0]
    else:
        run = resume(runs[0].id, workspace=workspace.path)
    explanations = extract(str(run.model), load_dataset(data, split="test"), "integrated_gradients", steps=3)
    rows = [(one.example_id, one.target, one.scores.tobytes().hex()) for one in explanations]
    summary = run.summary or {}
    found = {
        "weights": digest(*(file.read_bytes() for file in sorted(run.model.glob("*.safetensors")))),
        "metrics": digest(run.metrics_file.read_bytes()),
        "rationales": digest(json.dumps(rows).encode()),
        "outcome": [summary[name] for name in ("steps", "kept_step", "tokens", "metrics", "exact", "differences")],
        "state": run.status.state,
        "damage": durable.damage(run.model),
        "runs": len(workspace.runs()),
    }
    (folder / RESULT).write_text(json.dumps(found))


class Spoiled(ToyLearner):
    """Gives a loss, a gradient or weights that are not finite at one step (from 0)."""

    def __init__(self, what: str, step: int):
        super().__init__()
        self.what, self.step = what, step
        if what == "weights":
            self._before = points._listener
            points.listen(self._overflow)

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        losses = dict(super().losses(batch, moment))
        if moment.step == self.step and self.what == "loss":
            losses["task"] = losses["task"] * math.nan
        if moment.step == self.step and self.what == "gradient":
            losses["size"] = losses["size"] + torch.sqrt(self.net[0].weight.sum() * 0.0)  # d sqrt(0) is infinite
        return losses

    def _overflow(self, name: str) -> None:
        if name == "loop.updated":
            self.step -= 1
            if self.step == -1:
                with torch.no_grad():
                    self.net[0].weight[0, 0] = math.inf
        if self._before is not None:
            self._before(name)


class Hungry(ToyLearner):
    """Asks for more memory than its process may have."""

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        if moment.step == 5:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, resource.RLIM_INFINITY))
            torch.zeros(2**28).square()
        return super().losses(batch, moment)


def jump_clock() -> None:
    """Has the wall clock jump by up to a year, back and forth, at every look at it."""
    draw, real = random.Random(0), time.time
    setattr(time, "time", lambda: real() + draw.uniform(-3e7, 3e7))  # noqa: B010


def undefined(folder: Path) -> None:
    """A toy whose dev metric is not a number at some evaluations."""
    values = iter([math.nan, 0.4, math.nan, 0.5, math.nan])
    learner = ToyLearner()
    setattr(learner, "evaluate", lambda: {"accuracy": next(values)})  # noqa: B010
    outcome, _ = toy_fit(folder, learner)
    (folder / RESULT).write_text(json.dumps({"kept": outcome.kept_step, "metrics": outcome.metrics}))


def taken_over(folder: Path) -> None:
    """P9: a run is taken over by another process, finished by it, and then the first one wakes up."""
    steps, after = 0, ""

    def wake(name: str) -> None:
        nonlocal steps, after
        steps += name == "loop.stepped"
        if steps != 5:
            return
        points.listen(None)
        take_over(Workspace(folder / "workspace").runs("train")[0], by="somebody")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                whole_run(folder)
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        after = _everything(folder)

    points.listen(wake)
    try:
        whole_run(folder)
        ended = "went on"
    except RationaleEvalError as error:
        ended = str(getattr(error, "reason", error))
    (folder / "taken.json").write_text(json.dumps({"ended": ended, "unchanged": _everything(folder) == after}))


def _everything(folder: Path) -> str:
    run = Workspace(folder / "workspace").runs("train")[0].folder
    files = [file for file in sorted(run.rglob("*")) if file.is_file() and file.name not in ("log.txt", "lease")]
    return digest(*(part for file in files for part in (str(file).encode(), file.read_bytes())))


def storage(folder: Path, trial: str, **options: Any) -> None:
    """A series of `storage_trials`, in a process of its own."""
    found = getattr(storage_trials, trial)(folder / "trials", **options)
    shutil.rmtree(folder / "trials", ignore_errors=True)
    (folder / RESULT).write_text(json.dumps({"trials": found.trials, "wrong": found.wrong}))


SUBJECTS: Mapping[str, Callable[..., None]] = {
    one.__name__: one for one in (toy, patient, undefined, whole_run, taken_over, storage)
}


def result(folder: Path) -> dict[str, Any] | None:
    """What the subject left, or None if it did not end well."""
    try:
        found: dict[str, Any] = json.loads((folder / RESULT).read_text())
    except OSError:
        return None
    return found
