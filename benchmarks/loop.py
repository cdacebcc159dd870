"""What the training loop costs beside the training itself, and how long a run's process takes to its first step.

python -m benchmarks.loop [--data ../shared/data/sst2] [--steps 60] [--starts 5]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import torch

from benchmarks.report import ROOT, Page
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.load import load_dataset
from rationale_eval.models.load import load_model
from rationale_eval.points import listen
from rationale_eval.recipes.fine_tune import LabelLearner
from rationale_eval.training.batches import BatchPlan
from rationale_eval.training.examples import prepare
from rationale_eval.training.journal import Journal
from rationale_eval.training.learner import TrainingSet
from rationale_eval.training.loop import fit
from rationale_eval.training.progress import silent
from rationale_eval.training.randomness import Moment
from rationale_eval.training.settings import LoopSettings
from rationale_eval.verbs.beats import beating_report
from rationale_eval.workspace.runs import Workspace

MODEL: Final = "embedded/minilm"
BATCH: Final = 32
WARM: Final = 5
"""Steps at the beginning that are not counted."""

INTERVAL: Final = LoopSettings().checkpoint_seconds


@dataclass(slots=True)
class Twin:
    """The same training written as barely as possible, one step at a time.

    Args:
        learner: A learner of its own.
        data: What both learn from.
        plan: The batches of both.
    """

    learner: LabelLearner
    data: TrainingSet[Any]
    plan: BatchPlan
    done: int = 0

    def __post_init__(self) -> None:
        self.parameters = [one for one in self.learner.model.network.parameters() if one.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4, fused=True)
        self.learner.model.network.train()

    parameters: list[torch.nn.Parameter] = field(init=False, default_factory=list)
    optimizer: torch.optim.Optimizer = field(init=False)

    def step(self) -> float:
        """Forward, backward, clip, update; nothing else. Returns the loss."""
        every = self.plan.steps(0)
        ((indices,),) = (self.plan.epoch(self.done // every)[self.done % every],)
        losses = self.learner.losses([self.data.items[i] for i in indices], Moment(self.done, 0, 0, 0.0, 0))
        loss = losses["task"].mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.done += 1
        return float(loss.detach())


@dataclass(slots=True)
class Times:
    """Seconds of each step of the loop and of its twin, and of each checkpoint."""

    loop: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)


def learner_of(data: RationaleDataset) -> tuple[LabelLearner, TrainingSet[Any]]:
    model = load_model(MODEL, task=data.task, device="cpu", seed=0)
    return LabelLearner(model, None), prepare(model, data)


def overhead(data: RationaleDataset, steps: int, folder: Path) -> Times:
    """Trains with the loop, in a run that is logged, beating and checkpointed; its twin makes each step after it."""
    learner, items = learner_of(data)
    settings = LoopSettings(
        epochs=100,
        max_steps=steps,
        batch_size=BATCH,
        precision="no",
        checkpoint_every=steps // 3,
        checkpoint_seconds=1e9,
    )
    twin = Twin(learner_of(data)[0], items, BatchPlan(items.lengths, 0, BATCH))
    run = Workspace(folder).create_run("train", {})
    times, saving = Times(), [0.0]
    with run.working():
        told = beating_report(run, "loop", silent)
        began = [time.perf_counter()]

        def watch(name: str) -> None:
            if name == "loop.saving":
                saving[0] = time.perf_counter()
            elif name == "loop.saved":
                times.saves.append(time.perf_counter() - saving[0])
                began[0] += times.saves[-1]  # counted by itself, for it comes once a minute and not with every step

        def report(step: int, total: int, note: str) -> None:
            told(step, total, note)
            ended = time.perf_counter()
            times.loop.append(ended - began[0])
            twin.step()
            began[0] = time.perf_counter()
            times.bare.append(began[0] - ended)

        journal = Journal(run.metrics_file, guard=run.require_mine)
        listen(watch)
        try:
            fit(learner, items, settings, folder=run.checkpoints, journal=journal, report=report)
        finally:
            listen(None)
            journal.close()
    return times


def first_step(data: str, folder: Path) -> tuple[float, float]:
    """Seconds from the start of a run's process to the first metric line: by the clock, and of the processor."""
    program = [
        sys.executable,
        "-m",
        "rationale_eval.cli",
        "train",
        "fine_tune",
        "--data",
        data,
        "--limit",
        "64",
        "--dev-limit",
        "16",
    ]
    options = ["--set", "max_steps=2", "--set", "dropout=0", "--workspace", str(folder), "--queue", "--json"]
    queued = subprocess.run([*program, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    if queued.returncode:
        raise RuntimeError(queued.stderr)
    run = Workspace(folder).latest("train")
    assert run is not None, queued.stdout
    command = [sys.executable, "-m", "rationale_eval.verbs.work", run.id, "--workspace", str(folder)]
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (run.metrics_file.exists() and run.metrics_file.stat().st_size):
            if process.poll() is not None:
                raise RuntimeError(f"the run ended before its first step: {run.status}")
            time.sleep(0.005)
        taken = time.perf_counter() - began
        used = psutil.Process(process.pid).cpu_times()
        process.kill()
    return taken, used.user + used.system


def main() -> int:
    """Measures both and writes docs/results/loop.md; returns 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description="What the training loop costs.")
    parser.add_argument("--data", default=str(ROOT.parent / "shared" / "data" / "sst2"))
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--starts", type=int, default=5)
    asked = parser.parse_args()
    name = asked.data if Path(asked.data).exists() else "bundled/sentiment"
    with tempfile.TemporaryDirectory() as folder:
        times = overhead(load_dataset(name, "train", 40 * BATCH), asked.steps, Path(folder) / "overhead")
        starts = [first_step(name, Path(folder) / "starts") for _ in range(asked.starts + 1)][1:]
    return write(times, starts, name)


def write(times: Times, starts: Sequence[tuple[float, float]], name: str) -> int:
    loop, bare = times.loop[WARM:], times.bare[WARM:]
    pairs = sorted(a / b - 1 for a, b in zip(loop, bare, strict=True))
    step, save = statistics.median(pairs), statistics.median(times.saves)
    share = step + save / INTERVAL
    # Bounds of the median by the binomial distribution, 95 %.
    spread = 1.96 * math.sqrt(len(pairs)) / 2
    low = pairs[max(0, int(len(pairs) / 2 - spread))]
    high = pairs[min(len(pairs) - 1, math.ceil(len(pairs) / 2 + spread))]
    clock, used = [one[0] for one in starts], [one[1] for one in starts]
    start = statistics.median(clock)
    page = Page("loop", "What the training loop costs", "python -m benchmarks.loop")
    page.text(
        f"Fine-tuning {MODEL} on {Path(name).name}, batches of {BATCH}. After every step of the loop (derived",
        "randomness, metric lines, heartbeat, checks for NaN) a twin of the same model makes the same step as barely",
        "as PyTorch allows, so that what else the machine does falls on both alike. A checkpoint is counted by itself,",
        f"once a minute, as by default. {len(pairs)} pairs of steps; load of the machine {os.getloadavg()[0]:.1f}.",
    )
    rows: list[dict[str, Any]] = [
        {"what": "a step of the loop, median (ms)", "value": 1000 * statistics.median(loop), "promised": ""},
        {"what": "a bare step, median (ms)", "value": 1000 * statistics.median(bare), "promised": ""},
        {"what": "more than the bare step, median of the pairs (%)", "value": 100 * step, "promised": ""},
        {"what": "  95 % bounds of that median (%)", "value": f"{100 * low:.2f} to {100 * high:.2f}", "promised": ""},
        {"what": "a checkpoint (ms)", "value": 1000 * save, "promised": ""},
        {"what": "all of it, as a share of the step time (%)", "value": 100 * share, "promised": "below 3"},
        {"what": "start of a run's process to its first step, median (s)", "value": start, "promised": "below 6"},
        {"what": "  fastest and slowest (s)", "value": f"{min(clock):.2f} to {max(clock):.2f}", "promised": ""},
        {"what": "  time of the processor in it, median (s)", "value": statistics.median(used), "promised": ""},
    ]
    page.table(rows)
    page.numbers = {
        "overhead": [share],
        "pairs": pairs,
        "checkpoint_seconds": times.saves,
        "starts": clock,
        "processor": used,
    }
    page.write()
    kept = share < 0.03 and start < 6
    sys.stdout.write(json.dumps({"overhead": share, "first_step": start, "kept": kept}) + "\n")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
