"""One of several processes that train together on a CPU; the test starts two of them.

Run as a script with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT set: `processes_driver.py FOLDER`. Trains several
learners one after the other and writes what the test compares: weights, outcomes, refusals.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rationale_eval.training.journal import Journal
from rationale_eval.training.learner import Learner
from rationale_eval.training.loop import fit
from rationale_eval.training.objective import Term
from rationale_eval.training.randomness import Moment
from tests.helpers.learning import SETTINGS, Pair, ToyLearner, toy_data

RANK = int(os.environ.get("RANK", "0"))
PLAIN = SETTINGS.model_copy(update={"batch_size": 5, "selection": "dev-best", "weight_decay": 0.1, "lr": 0.02})


class Sharp(Learner[Pair]):
    """No dropout and no batch norm, so that a batch may be dealt out; some parameters see some examples only."""

    def __init__(self) -> None:
        with torch.random.fork_rng():
            # Other weights in every process: those of the main one must count.
            torch.manual_seed(RANK)
            self.net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
            self.rare = nn.Linear(6, 3).double()
            self.never = nn.Linear(6, 3).double()
        self.terms = (Term("task"), Term("small", weight=lambda progress: 0.1 * progress))

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def modules(self) -> Mapping[str, nn.Module]:
        return {"net": self.net, "rare": self.rare, "never": self.never}

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        points = torch.stack([point for point, _ in batch]).double()
        labels = torch.tensor([label for _, label in batch])
        scores = self.net(points)
        chosen = points[:, 0] > 1.2
        if bool(chosen.any()):
            scores = scores + torch.where(chosen[:, None], self.rare(points), 0.0)
        return {
            "task": nn.functional.cross_entropy(scores, labels, reduction="none"),
            "small": scores.square().mean(dim=1),
        }

    def evaluate(self) -> Mapping[str, float]:
        assert RANK == 0, "only the main process evaluates"
        return {"accuracy": -float(self.net[0].weight.square().sum())}


class Stopped(ToyLearner):
    """Ctrl-C reaches the second process alone, in the middle of a step."""

    def losses(self, batch: Sequence[Pair], moment: Moment) -> Mapping[str, Tensor]:
        if moment.step == 4 and moment.micro == 0 and RANK == 1:
            signal.raise_signal(signal.SIGINT)
        return super().losses(batch, moment)


class StoppedWhileEvaluated(ToyLearner):
    """Ctrl-C reaches the main process while it evaluates and the other waits."""

    def evaluate(self) -> Mapping[str, float]:
        signal.raise_signal(signal.SIGINT)
        return super().evaluate()


def train(folder: Path, learner: Learner[Pair], settings: Any = SETTINGS, size: int = 60) -> dict[str, Any]:
    """Trains in a folder of this process's own; returns the outcome in short."""
    own = folder / f"rank{RANK}"
    if RANK == 0:
        own.mkdir(parents=True, exist_ok=True)
    journal = Journal(own / "metrics.jsonl" if RANK == 0 else None)
    told: list[int] = []
    try:
        outcome = fit(
            learner,
            toy_data(size),
            settings,
            folder=own / "checkpoints",
            journal=journal,
            report=lambda step, total, note: told.append(step),
        )
    finally:
        journal.close()
    weights = {
        f"{name}.{key}": value
        for name, module in learner.modules().items()
        for key, value in module.state_dict().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / f"weights-{RANK}.safetensors")
    return {
        "state": outcome.state,
        "step": outcome.step,
        "kept": outcome.kept_step,
        "exact": outcome.exact,
        "told": len(told),
        "differences": len(outcome.differences),
    }


def tell_threads(root: Path) -> None:
    """Writes which threads still run when all that was to be done at exit is done."""
    names = [(thread / "comm").read_text().strip() for thread in Path("/proc/self/task").iterdir()]
    (root / f"threads-{RANK}.json").write_text(json.dumps(names))


def main(root: Path) -> None:
    torch.set_num_threads(1)
    # Registered before the processes join, so called after they left.
    atexit.register(tell_threads, root)
    report = {
        # 21 examples in batches of 5: the last holds one, and leaves the second process without any.
        "sharp": train(root / "sharp", Sharp(), PLAIN, 21),
        "whole": train(root / "whole", ToyLearner(seed=RANK)),
        "cut": train(root / "cut", Stopped(seed=RANK)),
    }
    report["resumed"] = train(root / "cut", ToyLearner(seed=RANK))
    report["left"] = train(root / "left", StoppedWhileEvaluated(seed=RANK))
    (root / f"report-{RANK}.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
