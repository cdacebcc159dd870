"""FRAME on three data sets: which metrics of free text meet the axioms, pretrained (PT) beside non-pretrained (NP)?

python -m benchmarks.frame [--data ../shared/data] [--cells esnli-0,comve-1] [--page-only]

A cell is one audit of one data set with one seed, kept in `.bench/frame`; cells that are there are not done again, and
the page is written from those that are, judged anew from their scores. Two processes may share the work: give each its
own cells.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.frame_page import write_page
from benchmarks.report import ROOT
from rationale_eval.axioms.choosing import choose
from rationale_eval.axioms.estimate import Estimate
from rationale_eval.axioms.people import RATED
from rationale_eval.axioms.people import judged as people_judged
from rationale_eval.axioms.scorecard import scorecards
from rationale_eval.verbs.audit import AuditResult, write
from rationale_eval.verbs.audit_job import AuditConfig
from rationale_eval.verbs.audit_run import check
from rationale_eval.workspace.runs import Workspace

WORK: Final = ROOT / ".bench" / "frame"
SETS: Final = ("esnli", "comve", "cose")
SEEDS: Final = (0, 1, 2)
METRICS: Final = ("simulatability", "rq", "las", "rev", "rora", "masked_rq")
PROTOCOL: Final[dict[str, Any]] = {
    "train_limit": 1000,
    "eval_limit": 300,
    "simulator_limit": 400,
    "noise": [50.0],
    "data": [10.0],
}
EXPLAINED: Final = "explained"
"""Cells of this kind have references that explain, and non-pretrained simulators only."""


def cells() -> list[str]:
    """All cells, the first seed of every set first."""
    plain = [f"{name}-{seed}" for seed in SEEDS for name in SETS]
    return [*plain, *(f"{each}-{EXPLAINED}" for each in plain)]


def run(cell: str, data: Path) -> None:
    """Makes one cell, going on with what there is of it."""
    folder = WORK / cell
    if (folder / "audit.json").exists():
        return
    name, seed, *kind = cell.split("-")
    protocol = PROTOCOL | ({"reference": EXPLAINED} if kind else {})
    metrics = tuple(f"{each}:np" for each in METRICS) if kind else METRICS
    ratings = data / "feb_human_eval"
    job = AuditConfig(
        data=str(data / name), metrics=metrics, protocol=protocol, seed=int(seed), device="cpu", ratings=str(ratings)
    )
    workspace = Workspace(WORK / "workspace")
    workspace.path.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    auditor = check(job, workspace).auditor(folder, workspace, _show)
    found = auditor.run()
    seconds = round(time.perf_counter() - began, 1)
    write(found, auditor, folder, {"data": name, "seconds": seconds})
    print(f"{cell}: {seconds} s", flush=True)


def judged(folder: Path) -> dict[str, Any]:
    """The report of a cell, judged from its scores by the present rules, whatever they were when it was made.

    People's ratings are not kept with the scores, so that check is judged by its stored numbers.
    """
    found = AuditResult.load(folder)
    cards = found.cards()
    scores = found.examples()
    accuracy = {(each["source"], each["seed"]): each["accuracy"] for each in found.report["accuracy"]}
    audited = choose([f"{card['metric']}:{card['variant']}" for card in cards])
    again = scorecards(scores[~scores["source"].str.startswith(RATED)], audited, accuracy, {})
    records = []
    for old, card in zip(cards, again, strict=True):
        record = card.record()
        stored = next(check for check in old["checks"] if check["check"] == "people")
        record["checks"] = [*record["checks"][:-1], _people(stored)]
        records.append(record)
    return {**found.report, "scorecards": records}


def _people(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    if "rho" not in stored["numbers"]:
        return stored
    return people_judged({name: Estimate.read(each) for name, each in stored["numbers"].items()}).record()


@contextmanager
def _show(what: str, total: int) -> Iterator[Any]:
    began = time.perf_counter()
    yield lambda _: None
    print(f"  {what}: {total} in {time.perf_counter() - began:.0f} s", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes cells, then the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cells", default="")
    parser.add_argument("--page-only", action="store_true")
    chosen = parser.parse_args(arguments)
    if not chosen.page_only:
        for cell in [each for each in chosen.cells.split(",") if each] or cells():
            run(cell, chosen.data)
    reports = {cell: judged(WORK / cell) for cell in cells() if (WORK / cell / "audit.json").exists()}
    print(write_page(reports, sorted(set(cells()) - set(reports))))


if __name__ == "__main__":
    main()
