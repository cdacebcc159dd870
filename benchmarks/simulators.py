"""Small simulators: sixteen trained in one stack, against the same sixteen one after another.

python -m benchmarks.simulators [--esnli ../shared/data/esnli] [--cose ../shared/data/cose] [--examples 1000]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.report import ROOT, Page
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.load import load_dataset
from rationale_eval.simulators import stacked
from rationale_eval.simulators.learned import Learned
from rationale_eval.simulators.service import Answers
from rationale_eval.simulators.small import Stack
from rationale_eval.simulators.small_simulator import Order, SmallSimulator, train_small
from rationale_eval.simulators.stacked import TOGETHER, Pages, SmallSettings
from rationale_eval.verbs.training_data import hold_out

LEAST: Final = 1.5
CLOSE: Final = 1e-4
JUDGED: Final = 500
"""Examples that were not learned from and that every simulator is asked about."""

PAIRS: Final = 2
"""How often each way is run, in turns, so that a slow minute of the machine meets both."""

PROFILED: Final = 200
"""Steps of a profile."""

Made = list[tuple[SmallSimulator, Learned]]


@dataclass(frozen=True, slots=True)
class Work:
    """What simulators learn from, are held to and are asked about, all seen as input and rationale.

    Args:
        name: Of the data set.
        train: Learned from.
        dev: Held out, a tenth.
        judged: Of another split.
    """

    name: str
    train: RationaleDataset
    dev: RationaleDataset
    judged: RationaleDataset

    def orders(self, count: int) -> list[Order]:
        """Simulators that differ by seed."""
        return [Order(self.train, self.dev, seed) for seed in range(count)]


def load(path: Path, bundled: str, examples: int) -> Work:
    """Examples with a label and a rationale, drawn by seed; gold rationales and gold labels stand for a system's."""
    name = str(path) if path.is_dir() else bundled
    other = "validation" if path.is_dir() else "test"
    train, dev = hold_out(_usable(name, "train").sample(examples, 0))
    views = (_both(each) for each in (train, dev, _usable(name, other).sample(JUDGED, 0)))
    return Work(Path(name).name if path.is_dir() else name, *views)


def _usable(name: str, split: str) -> RationaleDataset:
    return load_dataset(name, split).where(lambda one: one.label is not None and bool(one.rationales))


def _both(data: RationaleDataset) -> RationaleDataset:
    targets = {one.id: one.label for one in data if one.label is not None}
    seen = Answers(data, targets, {one.id: one.rationales[0] for one in data}).seen("both")
    return RationaleDataset.from_examples(list(seen), seen.task)


def together(orders: Sequence[Order], settings: SmallSettings, device: str, count: Callable[[int], None]) -> Made:
    return train_small(orders, settings, device=device, step=count)


def one_by_one(orders: Sequence[Order], settings: SmallSettings, device: str, count: Callable[[int], None]) -> Made:
    return [made for order in orders for made in train_small([order], settings, device=device, step=count)]


WAYS: Final = {"one after another": one_by_one, "in one stack": together}


def measure(work: Work, settings: SmallSettings, device: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Runs both ways in turns. Returns a row for each run, and how the results differ."""
    rows: list[dict[str, Any]] = []
    made: dict[str, Made] = {}
    for pair in range(1, PAIRS + 1):
        for way, train in WAYS.items():
            steps: list[int] = []
            began, busy = time.perf_counter(), time.process_time()
            made[way] = train(work.orders(TOGETHER), settings, device, steps.append)
            _wait(device)
            wall, used = time.perf_counter() - began, time.process_time() - busy
            rows.append(
                {
                    "data": work.name, "device": device, "pair": pair, "way": way, "steps": sum(steps),
                    "processor seconds": used, "wall seconds": wall,
                }
            )  # fmt: skip
            print(work.name, device, pair, way, f"{wall:.1f} s", flush=True)
    return rows, {"data": work.name, "device": device} | compare(work, *(made[way] for way in WAYS))


def compare(work: Work, alone: Made, stacked_: Made) -> dict[str, Any]:
    """How far sixteen simulators from a stack are from the same ones by themselves."""
    away, worst, answers = 0.0, 0.0, 0
    for (one, its), (other, mine) in zip(alone, stacked_, strict=True):
        first, second = _probabilities(one, work.judged), _probabilities(other, work.judged)
        away = max(away, float(np.abs(first - second).max()))
        worst = max(worst, abs(its.accuracy - mine.accuracy))
        answers += int((first.argmax(1) != second.argmax(1)).sum())
    accuracies = [told.accuracy for _, told in stacked_]
    return {
        "held-out accuracy, mean": float(np.mean(accuracies)),
        "by always saying the same": stacked_[0][1].majority,
        "difference in accuracy": worst,
        "in probability": away,
        "other answers": answers,
        "of": len(stacked_) * len(work.judged),
    }


def _probabilities(made: SmallSimulator, data: RationaleDataset) -> NDArray[np.float64]:
    found = list(made.guesses(data).values())
    most = max(map(len, found))
    return np.stack([np.pad(row, (0, most - len(row))) for row in found])


def ratios(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many times as quick the stack is: the median over pairs, for each data set and device."""
    first, second = WAYS
    found = []
    for data, device in dict.fromkeys((row["data"], row["device"]) for row in rows):
        mine = [row for row in rows if (row["data"], row["device"]) == (data, device)]
        of = {(row["pair"], row["way"]): row for row in mine}
        said = {
            unit: median(of[pair, first][unit] / of[pair, second][unit] for pair in range(1, PAIRS + 1))
            for unit in ("processor seconds", "wall seconds")
        }
        found.append({"data": data, "device": device} | {f"ratio of {unit}": ratio for unit, ratio in said.items()})
    return found


PIECES: Final[dict[str, tuple[Any, str]]] = {
    "taking and hiding n-grams": (Pages, "scores"),
    "forward": (Stack, "forward"),
    "backward": (torch.Tensor, "backward"),
    "clipping": (Stack, "clip"),
    "AdamW": (torch.optim.AdamW, "step"),
    "held-out examples": (stacked, "_look"),
}
"""What a step is made of, and the function that does it; `scores` calls `forward`, and `_look` both."""


class Clock:
    """Seconds by piece; what one piece spends within another counts for the inner one, but for held-out examples."""

    def __init__(self, device: str):
        self.seconds = dict.fromkeys(PIECES, 0.0)
        self._device, self._within = device, [0.0]
        self._looking = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Puts the pieces under the clock."""
        with ExitStack() as stack:
            for name, (owner, function) in PIECES.items():
                stack.enter_context(mock.patch.object(owner, function, self._timed(name, getattr(owner, function))))
            yield

    def _timed(self, name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            if self._looking:
                return inner(*given, **named)
            self._looking = name == "held-out examples"
            self._within.append(0.0)
            _wait(self._device)
            began = time.perf_counter()
            try:
                return inner(*given, **named)
            finally:
                _wait(self._device)
                took = time.perf_counter() - began
                self.seconds[name] += took - self._within.pop()
                self._within[-1] += took
                self._looking = False

        return run


def profile(work: Work, settings: SmallSettings, device: str) -> list[dict[str, Any]]:
    """Milliseconds of a step by piece, for a stack of one and of sixteen; and of what comes before the steps."""
    settings = settings.model_copy(update={"steps": PROFILED, "patience": PROFILED})
    found: dict[int, dict[str, float]] = {}
    for size in (1, TOGETHER):
        clock = Clock(device)
        marks: list[float] = []

        def began(*given: Any, marks: list[float] = marks, **named: Any) -> Any:
            marks.append(time.perf_counter())
            return stacked.train_stack(*given, **named)

        with clock.running(), mock.patch("rationale_eval.simulators.small_simulator.train_stack", began):
            start = time.perf_counter()
            train_small(work.orders(size), settings, device=device)
            _wait(device)
            ended = time.perf_counter()
        whole = 1000 * (ended - marks[0]) / PROFILED
        pieces = {name: 1000 * seconds / PROFILED for name, seconds in clock.seconds.items()}
        found[size] = pieces | {"loss, schedule and the rest": whole - sum(pieces.values()), "a step": whole}
        found[size]["reading and vocabulary, once"] = 1000 * (marks[0] - start)
    alone, stack = found[1], found[TOGETHER]
    return [
        {
            "data": work.name, "device": device, "piece": name, "S=1, ms": alone[name],
            f"S={TOGETHER}, ms": stack[name], "ratio": TOGETHER * alone[name] / stack[name],
        }
        for name in alone
    ]  # fmt: skip


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> int:
    """Measures and writes docs/results/simulators.md; returns 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = ROOT.parent / "shared" / "data"
    parser.add_argument("--esnli", type=Path, default=shared / "esnli")
    parser.add_argument("--cose", type=Path, default=shared / "cose")
    parser.add_argument("--examples", type=int, default=1000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    settings = SmallSettings()
    works = [load(given.esnli, "bundled/nli", given.examples), load(given.cose, "bundled/commonsense", given.examples)]
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    rows: list[dict[str, Any]] = []
    same: list[dict[str, Any]] = []
    pieces: list[dict[str, Any]] = []
    for device in devices:
        for work in works:
            together(work.orders(2), settings.model_copy(update={"steps": 5}), device, lambda _: None)  # warms up
            more, differences = measure(work, settings, device)
            rows += more
            same.append(differences)
            pieces += profile(work, settings, device)
    quicker = ratios(rows)
    page = Page("simulators", "Small simulators in one stack", "python -m benchmarks.simulators")
    page.text(
        f"{TOGETHER} non-pretrained small simulators that differ by seed learn the gold answer from input and",
        "rationale of the same examples, with the settings that evaluations have by default: one after another,",
        f"and in one stack. The ways take turns, {PAIRS} times, on one thread of the processor. Both include reading",
        "the data, which a stack does once where its members share them. A stack loses the members that get no",
        "better, as they would stop alone; its steps are those until the last one stopped. Wall seconds also tell",
        "what else the machine was doing.",
    )
    page.table([{"data": each.name, "learned from": len(each.train), "held out": len(each.dev)} for each in works])
    page.table(rows, "Time", key="runs")
    page.text(
        f"How many times as quick the stack is, the median of the pairs; required of processor seconds: {LEAST:g}."
    )
    page.table(quicker, key="ratios")
    page.table(same, "Results", key="results")
    page.text(
        f"Compared are the held-out accuracies, and the probabilities of {JUDGED} examples of another split. Neither",
        f"may differ by more than {CLOSE:g}. Answers differ only where two choices are equally probable up to that",
        "difference, as two choices of unknown words are; rounding then decides.",
    )
    page.table(pieces, "Where a step spends its time", key="pieces")
    page.text(
        f"Wall milliseconds of a step, over {PROFILED} steps before any member stops, under a clock that costs a",
        "little itself; they too tell what else the machine was doing, so that shares count for more than lengths.",
        f"The last column is how many times as quick {TOGETHER} are in a stack. Reading is told for the whole",
        "training, not for a step.",
    )
    if devices == ["cpu"]:
        page.text("No GPU was there; with one, this page measures it too.")
    print(page.write().relative_to(ROOT))
    kept = all(row["ratio of processor seconds"] >= LEAST for row in quicker if row["device"] == "cpu")
    alike = all(max(row["difference in accuracy"], row["in probability"]) <= CLOSE for row in same)
    return 0 if kept and alike else 1


if __name__ == "__main__":
    sys.exit(main())
