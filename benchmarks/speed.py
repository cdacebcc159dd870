"""Faithfulness of explanations: ours against ferret, and against what this machine could do at best.

python -m benchmarks.speed [--pairs N] [--repeats N] [--data NAME]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import gemm
from benchmarks.ferret import environment
from benchmarks.ferret.ours import MEASURES, Pair, brute_force, differences, score
from benchmarks.ferret.pairs import CONTROLS, METHODS, data_name, fine_tuned, make_pairs
from benchmarks.flops import total
from benchmarks.report import ROOT, Page
from rationale_eval.data.load import load_dataset
from rationale_eval.engine.run import Engine
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel

BINS: Final = (0.01, 0.05, 0.1, 0.2, 0.5)
NAMES: Final = (*METHODS, *CONTROLS)
COUNTS: Final = (1, 3, len(NAMES))
WORK: Final = ROOT / ".bench" / "speed"
CHECKED: Final = 10
"""Pairs whose values are also computed one text at a time."""

Values = list[dict]


@dataclass(frozen=True, slots=True)
class Timed:
    """One way of computing all values.

    Args:
        seconds: Median over the repeats for each number of explanations.
        engine: The engine of the last and largest computation.
        values: Its values.
    """

    seconds: Mapping[int, float]
    engine: Engine
    values: Values


def timed(model: TransformerModel, pairs: Sequence[Pair], variant: str, repeats: int) -> Timed:
    """Times a fresh engine, so that nothing is remembered from one computation to the next."""
    score(Engine(model), pairs[:2], NAMES[:1], BINS, variant)  # the first call pays for start-up
    seconds: dict[int, list[float]] = defaultdict(list)
    for count in COUNTS:
        for _ in range(repeats):
            engine, start = Engine(model), time.perf_counter()
            values = score(engine, pairs, NAMES[:count], BINS, variant)
            seconds[count].append(time.perf_counter() - start)
    return Timed({count: statistics.median(each) for count, each in seconds.items()}, engine, values)


def ferret_values(result: Mapping[str, Any], pairs: Sequence[Pair]) -> Values:
    """Ferret's values in the order of the pairs."""
    found: dict[str, dict] = defaultdict(dict)
    for row in result["values"]:
        for measure in MEASURES:
            value = np.nan if row[measure] is None else row[measure]
            found[row["id"]][row["explanation"], measure] = value
    return [found[pair.id] for pair in pairs]


def largest(found: Iterable[tuple[str, float]]) -> dict[str, str]:
    """Largest difference of each measure, as cells of a table."""
    worst: dict[str, float] = defaultdict(float)
    for measure, difference in found:
        worst[measure] = max(worst[measure], difference)
    return {MEASURES[measure]: f"{worst[measure]:.1e}" for measure in MEASURES}


def limit_row(mode: str, ours: Timed, peak: float) -> dict[str, Any]:
    """How near a mode comes to the time its operations take at the peak rate."""
    operations = total(ours.engine.tally.lengths)
    limit = operations / (peak * 1e9)
    seconds = ours.seconds[COUNTS[-1]]
    return {
        "mode": mode,
        "distinct sequences": ours.engine.tally.passes,
        "GFLOP": operations / 1e9,
        "peak, GFLOP/s": peak,
        "limit, s": limit,
        "ours, s": seconds,
        "share of the limit": f"{limit / seconds:.0%}",
    }


@dataclass(frozen=True, slots=True)
class Found:
    """Everything the page tells.

    Args:
        theirs: What ferret's side answered.
        theirs_values: Its values.
        ours: Our usual way in fp32.
        like: Our way of ferret's variant: decode, tokenise again.
        half: Our usual way in bf16.
        peaks: Peak rate of each mode, in 10^9 operations a second.
        again: Forward passes of a second evaluation.
        alone: Values of the first pairs, computed one text at a time.
    """

    theirs: Mapping[str, Any]
    theirs_values: Values
    ours: Timed
    like: Timed
    half: Timed
    peaks: Mapping[str, float]
    again: int
    alone: Values


def compute(folder: Path, data: str, pairs: int, repeats: int) -> Found:
    """Runs both sides, one after the other."""
    model = load_model(str(folder), device="cpu")
    made = make_pairs(model, load_dataset(data, split="test", limit=pairs))
    jobs = [pair.job() for pair in made]
    theirs = environment.score(folder, jobs, BINS, WORK, counts=COUNTS, repeats=repeats)
    ours = timed(model, made, "eraser", repeats)
    like = timed(model, made, "ferret", repeats)
    half = timed(load_model(str(folder), device="cpu", dtype="bfloat16"), made, "eraser", repeats)
    peaks = gemm.peaks(gemm.measure())
    before = ours.engine.tally.passes
    score(ours.engine, made, NAMES, BINS, "eraser")
    again = ours.engine.tally.passes - before
    alone = brute_force(model, made[:CHECKED], NAMES, BINS, "eraser")
    return Found(theirs, ferret_values(theirs, made), ours, like, half, peaks, again, alone)


def time_rows(found: Found) -> list[dict[str, Any]]:
    """Seconds of both sides and their ratio, for each number of explanations."""
    ours = {"ours fp32": found.ours, "ours, ferret's way": found.like, "ours bf16": found.half}
    rows = []
    for count in COUNTS:
        theirs = statistics.median(found.theirs["seconds"][str(count)])
        row: dict[str, Any] = {"explanations": count, "ferret, s": theirs}
        for name, mine in ours.items():
            row |= {f"{name}, s": mine.seconds[count], f"{name}, times faster": theirs / mine.seconds[count]}
        rows.append(row)
    return rows


def write(found: Found, data: str, repeats: int, command: str) -> None:
    """Writes docs/results/speed.md."""
    versions = found.theirs["versions"]
    page = Page("speed", "Speed against ferret", command)
    page.text(
        "Comprehensiveness and sufficiency at 1, 5, 10, 20 and 50 % and the correlation with leave-one-out, on",
        f"{len(found.ours.values)} pairs of {data} (test), read by MiniLM fine-tuned on the same set.",
        "One run of each;" if repeats == 1 else f"Medians of {repeats};",
        f"both sides on the same processor, ferret with {found.theirs['threads']} threads.",
        f"ferret {versions['ferret-xai']} runs in its own environment (torch {versions['torch']}, transformers",
        f"{versions['transformers']}); what exactly is compared stands in `benchmarks/ferret/README.md`.",
        "*ours, ferret's way* decodes and tokenises again, as ferret does.",
    )
    page.table(time_rows(found), "Time", key="time")
    page.text(f"A second evaluation of the same thing ran {found.again} forward passes.")
    fp32 = max(found.peaks["fp32"], found.peaks["fp32 medium"])
    limits = [limit_row("fp32", found.ours, fp32), limit_row("bf16", found.half, found.peaks["bf16"])]
    page.table(limits, f"The limit, {COUNTS[-1]} explanations", key="limit")
    checks = {
        f"fp32 against one text at a time ({CHECKED} pairs)": differences(found.alone, found.ours.values[:CHECKED]),
        "ferret's way against ferret": differences(found.like.values, found.theirs_values),
        "bf16 against fp32": differences(found.half.values, found.ours.values),
    }
    rows = [{"largest difference": name, **largest(each)} for name, each in checks.items()]
    page.table(rows, "Values", key="values")
    page.write()


def main() -> None:
    """Reads the command line and runs the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", default="esnli")
    asked = parser.parse_args()
    changed = {name: value for name, value in vars(asked).items() if value != parser.get_default(name)}
    command = "python -m benchmarks.speed" + "".join(f" --{name} {value}" for name, value in changed.items())
    data = data_name(asked.data)
    folder = fine_tuned(data, WORK / "workspace")
    write(compute(folder, data, asked.pairs, asked.repeats), data, asked.repeats, command)


if __name__ == "__main__":
    main()
