"""UNIREX on public sets: its variants and baselines, trained and scored alike, beside the paper's figures.

python -m benchmarks.unirex [sst2 ...] [--rows dlm-fp ...] [--seeds 0,1,2] [--minutes 60] --data ../shared/data

Every finished training and evaluation is kept in the workspace and not done again, so an interrupted run goes on where
it stopped; with --minutes no new one is begun after that time. The page is written from whatever is finished.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.report import ROOT
from rationale_eval import durable
from rationale_eval.verbs.evaluate_run import evaluate_run
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.verbs.train import train
from rationale_eval.verbs.training_data import TrainingData
from rationale_eval.workspace.runs import Workspace

METRICS: Final = (
    "accuracy",
    "comprehensiveness_aopc:unirex",
    "sufficiency_aopc:unirex",
    "csd:unirex",
    "auprc",
    "token_f1:two_class",
)


@dataclass(frozen=True)
class Row:
    """One system of the comparison.

    Args:
        name: As in the table.
        recipe: How it is trained.
        config: Its knobs.
        method: What explains its decisions.
        settings: Parameters of that method.
        paper: Its name in the paper's figures, or empty.
    """

    name: str
    recipe: str
    config: Mapping[str, Any] = field(default_factory=dict)
    method: str = "learned"
    settings: Mapping[str, Any] = field(default_factory=dict)
    paper: str = ""


IG: Final = {"attribution": "integrated_gradients", "steps": 3}

ROWS: Final = (
    Row("AA (IG)", "fine_tune", {}, "integrated_gradients", {"integrated_gradients.steps": 3}, "AA (IG)"),
    Row("SGT", "sgt", {}, paper="SGT"),
    Row("FRESH", "fresh", {}, paper="FRESH"),
    Row("A2R", "a2r", {}, paper="A2R"),
    Row("AA-F", "unirex", {"extractor": "aa", "objectives": "F", **IG}, paper="UNIREX AA-F"),
    Row("AA-FP", "unirex", {"extractor": "aa", "objectives": "FP", **IG}),
    Row("DLM-FP", "unirex", {"extractor": "dlm", "objectives": "FP"}, paper="UNIREX DLM-FP"),
    Row("SLM-FP", "unirex", {"extractor": "slm", "objectives": "FP"}, paper="UNIREX SLM-FP"),
    Row("DLM-FP, straight-through", "unirex", {"extractor": "dlm", "objectives": "FP", "choice": "straight_through"}),
    Row("DLM-FP, perturbed top-k", "unirex", {"extractor": "dlm", "objectives": "FP", "choice": "perturbed"}),
)

DEV: Final = 100
"""Development examples."""

CONTROLS: Final = ("random", "gold", "inverse_gold")
"""Explained of the plain model, AA (IG)."""


@dataclass(frozen=True)
class Part:
    """One data set, cut so that a training takes minutes on two cores.

    Args:
        name: Folder of the data.
        title: For people.
        start: Examples of the plain fine-tuning that all rows of a seed begin from, drawn at random.
        examples: Training examples of each row, drawn at random.
        test: Test examples, drawn at random.
        test_split: Where from.
        seeds: Trainings of every row.
        loop: Knobs of the loop.
        paper: Composite NRG in the paper by name of the row there.
    """

    name: str
    title: str
    start: int
    examples: int
    test: int
    test_split: str
    seeds: tuple[int, ...]
    loop: Mapping[str, Any]
    paper: Mapping[str, float]


SHORT: Final = {"epochs": 3, "lr": 1e-4, "batch_size": 32, "dropout": 0.0, "patience": None}
START: Final = {"epochs": 2, "lr": 1e-4, "batch_size": 32, "dropout": 0.0}
LONG: Final = {"epochs": 2, "lr": 5e-5, "batch_size": 4, "dropout": 0.0, "patience": None}
PAPER: Final = ("AA (IG)", "SGT", "FRESH", "A2R", "UNIREX AA-F", "UNIREX DLM-FP", "UNIREX SLM-FP")


def published(*values: float) -> dict[str, float]:
    """Composite NRG by row, in the order of `PAPER`."""
    return dict(zip(PAPER, values, strict=True))


PARTS: Final = (
    Part("sst2", "SST (sentences, two classes)", 3000, 320, 300, "test", (0, 1, 2), SHORT,
         published(0.526, 0.632, 0.330, 0.479, 0.639, 0.897, 0.891)),
    Part("esnli", "e-SNLI (pairs, three classes)", 7000, 320, 300, "test", (0, 1, 2), SHORT,
         published(0.596, 0.595, 0.518, 0.273, 0.622, 0.857, 0.864)),
    Part("hatexplain", "HateXplain (posts, three classes; not in the paper)", 2000, 160, 150, "test", (0,), SHORT, {}),
    Part("cose", "CoS-E (questions, five options)", 3000, 64, 80, "validation", (0,), SHORT | {"batch_size": 8},
         published(0.578, 0.618, 0.302, 0.277, 0.690, 0.814, 0.807)),
    Part("eraser_movies", "ERASER movies (documents)", 400, 24, 24, "test", (0,), LONG,
         published(0.439, 0.553, 0.645, 0.431, 0.601, 0.744, 0.754)),
)  # fmt: skip

SHARES: Final = (0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
CURVE: Final = (
    "sst2",
    (
        Row("DLM-P", "unirex", {"extractor": "dlm", "objectives": "P"}),
        Row("SLM-P", "unirex", {"extractor": "slm", "objectives": "P"}),
    ),
)
"""Plausibility alone: with hard choices faithfulness sends no gradient to an extractor of its own."""

TRANSFER: Final = ("sst2", ("AA (IG)", "DLM-FP", "SLM-FP"), ("eraser_movies", "hatexplain"))
"""Trained on one set, evaluated on others of the same and of another task without further training."""

TRANSLATED: Final = {
    ("sst2", "hatexplain"): {"normal": "positive", "offensive": "negative", "hatespeech": "negative"},
}
"""For a model of another task, what its choices mean there."""


class Budget:
    """Stops new work when its time is up."""

    def __init__(self, minutes: float | None):
        self._end = None if minutes is None else time.monotonic() + 60 * minutes

    def over(self) -> bool:
        """Whether nothing new may begin."""
        return self._end is not None and time.monotonic() >= self._end


@dataclass(frozen=True)
class Study:
    """What is done where."""

    workspace: Workspace
    data: Path
    budget: Budget

    def record(self, *parts: str) -> Path:
        """The file that says what is finished."""
        return self.workspace.path / "study" / f"{'-'.join(parts).replace(' ', '_').replace('/', '_')}.json"

    def done(self, path: Path) -> dict[str, Any]:
        """Its content, empty when there is none."""
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found


def start_one(study: Study, part: Part, seed: int) -> str | None:
    """The plain fine-tuning that the rows of a seed begin from; None where time is up."""
    source = TrainingData(str(study.data / part.name), sample=part.start, dev_limit=DEV)
    loop = START | {name: part.loop[name] for name in ("batch_size", "lr")}
    return _train(study, study.record(part.name, "start", str(seed), "train"), "fine_tune", source, loop, seed)


def train_one(study: Study, part: Part, row: Row, seed: int, **more: Any) -> str | None:
    """The run of one training; None where time is up."""
    start = start_one(study, part, seed)
    if start is None:
        return None
    path = study.record(part.name, row.name, str(seed), *(f"{k}={v}" for k, v in more.items()), "train")
    source = TrainingData(str(study.data / part.name), sample=part.examples, dev_limit=DEV)
    config = {**part.loop, **row.config, **more}
    return _train(study, path, row.recipe, source, config, seed, model=f"run:{start}")


def _train(
    study: Study, path: Path, recipe: str, source: TrainingData, config: dict[str, Any], seed: int, **more: Any
) -> str | None:
    """A training that is done once; `path` keeps its run."""
    done = study.done(path)
    if done:
        return str(done["run"])
    if study.budget.over():
        return None
    began = time.perf_counter()
    run = train(recipe, source, config=config, workspace=study.workspace.path, seed=seed, **more)
    if run.status.state != "finished":
        raise SystemExit(f"{path.stem}: training ended as {run.status.state}")
    durable.write_json(path, {"run": run.id, "seconds": time.perf_counter() - began, "summary": run.summary})
    print(f"{path.stem}: {time.perf_counter() - began:.0f} s", flush=True)
    return run.id


def evaluate_one(
    study: Study, part: Part, row: Row, run: str, data: str, key: Path, metrics: tuple[str, ...] = METRICS
) -> None:
    """Scores one training, unless that is done or time is up."""
    if key.exists() or study.budget.over():
        return
    began = time.perf_counter()
    target = next(other for other in PARTS if other.name == data)
    labels = TRANSLATED.get((part.name, data), {})
    controls = CONTROLS if row.name == "AA (IG)" and data == part.name else ()
    config = EvaluateConfig(
        data=str(study.data / data), split=target.test_split, sample=target.test, model=f"run:{run}",
        methods=(row.method,), controls=controls, metrics=metrics, settings=dict(row.settings),
        labels=labels,
    )  # fmt: skip
    done, result = evaluate_run(config, workspace=study.workspace)
    durable.write_json(
        key, {"run": done.id, "seconds": time.perf_counter() - began, "results": result.records(resamples=1)}
    )
    print(f"{key.stem}: {time.perf_counter() - began:.0f} s", flush=True)


def jobs(parts: list[Part], rows: list[Row], seeds: set[int]) -> Iterator[tuple[Part, Row, int]]:
    """All trainings; every row of a set with its first seed before any with its second."""
    for place in range(max(len(part.seeds) for part in parts)):
        for part in parts:
            if place < len(part.seeds) and part.seeds[place] in seeds:
                yield from ((part, row, part.seeds[place]) for row in rows)


def run_all(study: Study, parts: list[Part], rows: list[Row], seeds: set[int]) -> None:
    """Trains and scores everything that is missing."""
    for part, row, seed in jobs(parts, rows, seeds):
        run = train_one(study, part, row, seed)
        if run is not None:
            evaluate_one(study, part, row, run, part.name, study.record(part.name, row.name, str(seed), "scores"))
            if part.name == TRANSFER[0] and row.name in TRANSFER[1] and seed == part.seeds[0]:
                for other in TRANSFER[2]:
                    key = study.record(part.name, row.name, str(seed), "on", other)
                    evaluate_one(study, part, row, run, other, key)


def draw_curve(study: Study, seeds: set[int]) -> None:
    """AUPRC with a part of the gold highlights, of the first seed."""
    part = next(part for part in PARTS if part.name == CURVE[0])
    for seed in seeds & {part.seeds[0]}:
        for row in CURVE[1]:
            for share in SHARES:
                run = train_one(study, part, row, seed, gold_share=share)
                if run is not None:
                    key = study.record(part.name, row.name, str(seed), f"share={share}", "scores")
                    evaluate_one(study, part, row, run, part.name, key, metrics=("auprc",))


def main() -> None:
    """Does what is missing and writes docs/results/unirex.md."""
    from benchmarks.unirex_page import write_page

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *(part.name for part in PARTS)])
    parser.add_argument("--rows", nargs="*", default=[row.name for row in ROWS])
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--curve", action="store_true", help="only the curve over shares of gold highlights")
    parser.add_argument("--page-only", action="store_true")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--workspace", type=Path, default=ROOT / ".bench" / "unirex")
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"unirex: no data folder {given.data}; name one with --data", file=sys.stderr)
        return
    study = Study(Workspace(given.workspace), given.data, Budget(given.minutes))
    if not given.page_only:
        parts = [part for part in PARTS if not given.parts or part.name in given.parts]
        rows = [row for row in ROWS if row.name.casefold() in {name.casefold() for name in given.rows}]
        seeds = {int(seed) for seed in given.seeds.split(",")}
        if not given.curve:
            run_all(study, parts, rows, seeds)
        if given.curve or any(part.name == CURVE[0] for part in parts):
            draw_curve(study, seeds)
    write_page(study)


if __name__ == "__main__":
    main()
