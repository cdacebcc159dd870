"""Writes docs/results/unirex.md from the finished parts of `benchmarks.unirex`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from benchmarks.report import ROOT, Page
from benchmarks.unirex import CONTROLS, CURVE, PARTS, ROWS, SHARES, TRANSFER, Part, Row, Study
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.nrg import nrg
from rationale_eval.metrics.seeds import spread
from rationale_eval.verbs.result import Result

COLUMNS: Final = {
    "accuracy": "task ↑",
    "comprehensiveness_aopc": "comp ↑",
    "sufficiency_aopc": "suff ↓",
    "csd": "CSD ↑",
    "auprc": "AUPRC ↑",
    "token_f1": "TF1 ↑",
}
DESIDERATA: Final = {
    "faithfulness": ("comprehensiveness_aopc", "sufficiency_aopc"),
    "plausibility": ("auprc", "token_f1"),
    "task": ("accuracy",),
}

PUBLISHED_CURVE: Final = {
    "DLM-FP": {0.005: 0.754, 0.1: 0.807, 1.0: 0.858},
    "SLM-FP": {0.005: 0.743, 0.1: 0.796, 1.0: 0.824},
}
"""AUPRC on SST in the authors' figure data, means of several runs."""

Values = dict[str, dict[int, dict[str, dict[str, Any]]]]
"""Row or control, seed, metric: its record."""


def read_part(study: Study, part: Part) -> Values:
    """The finished evaluations of a set, controls as rows of their own."""
    found: Values = {}
    for row in ROWS:
        finished = {seed: study.done(study.record(part.name, row.name, str(seed), "scores")) for seed in part.seeds}
        finished = {seed: done for seed, done in finished.items() if done}
        for seed, done in finished.items():
            # Where there is one seed only, the interval is over examples.
            records = done["results"] if len(finished) > 1 else _with_intervals(study, done["run"])
            for name, method in ((row.name, row.method), *((each, each) for each in CONTROLS)):
                mine = {each["metric"]: each for each in records if each["method"] in (method, "model")}
                if any(each["method"] == method for each in records):
                    found.setdefault(name, {})[seed] = mine
    return found


def _with_intervals(study: Study, run: str) -> list[dict[str, Any]]:
    return Result.load(study.workspace.find(run).folder).records()


def value(record: Mapping[str, Any] | None) -> float:
    """A record's value; NaN where there is none."""
    return math.nan if record is None or record["value"] is None else float(record["value"])


def gains(values: Values, seed: int) -> pd.DataFrame | None:
    """Composite NRG and its three parts over the trained rows of one seed; None for fewer than two."""
    rows = {
        name: {metric: value(by_seed[seed].get(metric)) for metric in COLUMNS}
        for name, by_seed in values.items()
        if name not in CONTROLS and seed in by_seed
    }
    if len(rows) < 2:
        return None
    found = nrg(pd.DataFrame.from_dict(rows, orient="index"), DESIDERATA)
    return found.desiderata.assign(composite=found.composite)


def cell(numbers: list[float], record: Mapping[str, Any] | None = None) -> str:
    """Mean over seeds with a t-interval; of one seed the value with the bootstrap interval over examples."""
    known = spread(numbers)
    if known.n == 0:
        return "not defined"
    if known.n > 1:
        return f"{known.mean:.3f} ± {(known.high - known.low) / 2:.3f}"
    if record is None or record.get("ci_low") is None:
        return f"{known.mean:.3f}"
    return f"{known.mean:.3f} ({record['ci_low']:.3f} to {record['ci_high']:.3f})"


def part_rows(part: Part, values: Values) -> list[dict[str, str]]:
    """The table of a set."""
    stretched = {seed: gains(values, seed) for seed in part.seeds}
    rows = []
    for name in [row.name for row in ROWS] + list(CONTROLS):
        if name not in values:
            continue
        by_seed = values[name]
        line = {"system": name, "seeds": str(len(by_seed))}
        for metric, title in COLUMNS.items():
            records = [found.get(metric) for found in by_seed.values()]
            line[title] = cell([value(record) for record in records], records[0] if len(records) == 1 else None)
        for desideratum in (*DESIDERATA, "composite"):
            shares = [
                float(table.loc[name, desideratum])
                for table in stretched.values()
                if table is not None and name in table.index
            ]
            line[f"NRG {desideratum}"] = cell(shares) if shares else ""
        published = next((row.paper for row in ROWS if row.name == name), "")
        line["composite in the paper"] = f"{part.paper[published]:.3f}" if published in part.paper else ""
        rows.append(line)
    return rows


def mean(values: Values, name: str, metric: str) -> float:
    """Mean of a metric over a row's seeds."""
    return spread([value(found.get(metric)) for found in values.get(name, {}).values()]).mean


def orderings(parts: Mapping[str, Values]) -> list[dict[str, str]]:
    """The paper's findings, and on which sets they are found here."""
    composites: dict[str, dict[str, float]] = {}
    for part in PARTS:
        tables = [table for seed in part.seeds if (table := gains(parts[part.name], seed)) is not None]
        if tables:
            composites[part.name] = pd.concat(tables).groupby(level=0)["composite"].mean().to_dict()
    first = [row.name for row in ROWS if row.paper]

    def best(name: str) -> bool | None:
        there = {row: composites.get(name, {}).get(row, math.nan) for row in first}
        known = {row: number for row, number in there.items() if math.isfinite(number)}
        if len(known) < len(first):
            return None
        return max(known, key=lambda row: known[row]) in ("DLM-FP", "SLM-FP")

    def above(one: str, other: str, metric: str) -> Any:
        def holds(name: str) -> bool | None:
            left, right = (mean(parts[name], row, metric) for row in (one, other))
            return None if math.isnan(left) or math.isnan(right) else left > right

        return holds

    claims = {
        "DLM-FP or SLM-FP has the best composite of the paper's rows": best,
        "DLM-FP is above AA (IG) in AUPRC": above("DLM-FP", "AA (IG)", "auprc"),
        "SLM-FP is above AA (IG) in AUPRC": above("SLM-FP", "AA (IG)", "auprc"),
        "AA-F is more faithful than AA (IG) (CSD)": above("AA-F", "AA (IG)", "csd"),
        "AA-FP is above AA-F in AUPRC": above("AA-FP", "AA-F", "auprc"),
        "Straight-through DLM-FP is more faithful than DLM-FP (CSD; later work, not UNIREX)": above(
            "DLM-FP, straight-through", "DLM-FP", "csd"
        ),
        "Perturbed DLM-FP is more faithful than DLM-FP (CSD; later work, not UNIREX)": above(
            "DLM-FP, perturbed top-k", "DLM-FP", "csd"
        ),
    }
    rows = []
    for claim, holds in claims.items():
        verdicts = {name: holds(name) for name in parts}
        rows.append(
            {
                "finding": claim,
                "holds on": ", ".join(name for name, verdict in verdicts.items() if verdict) or "none",
                "does not hold on": ", ".join(name for name, verdict in verdicts.items() if verdict is False) or "none",
                "not measured on": ", ".join(name for name, verdict in verdicts.items() if verdict is None) or "none",
            }
        )
    return rows


def curve_rows(study: Study) -> list[dict[str, str]]:
    """AUPRC against the share of gold highlights."""
    part = next(part for part in PARTS if part.name == CURVE[0])
    rows = []
    for share in SHARES:
        line = {"share of gold": f"{100 * share:g} %"}
        for row in CURVE[1]:
            done = [
                study.done(study.record(part.name, row.name, str(seed), f"share={share}", "scores"))
                for seed in part.seeds
            ]
            found = [
                record
                for each in done
                if each
                for record in _with_intervals(study, each["run"])
                if record["metric"] == "auprc" and record["method"] == row.method
            ]
            line[f"{row.name} AUPRC"] = cell([value(one) for one in found], found[0] if len(found) == 1 else None)
            line[f"{row.name} seeds"] = str(len(found))
        for name, by_share in PUBLISHED_CURVE.items():
            line[f"{name} in the paper"] = f"{by_share[share]:.3f}" if share in by_share else ""
        rows.append(line)
    return rows if any(line[f"{row.name} seeds"] != "0" for line in rows for row in CURVE[1]) else []


def transfer_rows(study: Study) -> list[dict[str, str]]:
    """What was trained on one set, on others, without further training."""
    part = next(part for part in PARTS if part.name == TRANSFER[0])
    rows = []
    for other in TRANSFER[2]:
        for name in TRANSFER[1]:
            row: Row = next(row for row in ROWS if row.name == name)
            by_seed = {}
            for seed in part.seeds:
                done = study.done(study.record(part.name, name, str(seed), "on", other))
                if done:
                    records = _with_intervals(study, done["run"])
                    by_seed[seed] = {one["metric"]: one for one in records if one["method"] in (row.method, "model")}
            if by_seed:
                line = {"evaluated on": other, "system": name, "seeds": str(len(by_seed))}
                for metric, title in COLUMNS.items():
                    found = [each.get(metric) for each in by_seed.values()]
                    line[title] = cell([value(one) for one in found], found[0] if len(found) == 1 else None)
                rows.append(line)
    return rows


def write_page(study: Study) -> None:
    """Writes the page from whatever is finished."""
    load_all()
    parts = {part.name: read_part(study, part) for part in PARTS}
    page = Page("unirex", "UNIREX, its variants and baselines", "python -m benchmarks.unirex")
    page.text(
        "The embedded 22M-parameter encoder stands in for the paper's BigBird, and each set is a random part of the",
        "public one, so that a training takes minutes on two cores: absolute numbers are not the paper's, orderings",
        "may be compared. All rows of a seed begin from one plain fine-tuning, so that the task is known before its",
        "rationales are trained; the paper starts every row from the pretrained encoder. Words are removed by",
        "deletion; comp and suff are sums over the bins 1, 5, 10, 20 and 50 % divided by 6; TF1 is the two-class F1 of",
        "words with a score above 0. AUPRC and TF1 count examples with gold.",
        "Several seeds: mean ± half a 95 % t-interval over seeds. One seed: a 95 % bootstrap interval over examples.",
        "NRG is relative to the systems of its table and says nothing across tables.",
    )
    for part in PARTS:
        if parts[part.name]:
            page.table(part_rows(part, parts[part.name]), heading=part.title, key=part.name)
            loop = ", ".join(f"{name} {knob}" for name, knob in part.loop.items())
            page.text(
                f"Begins from {part.start:,} examples; {part.examples:,} training and {part.test} test examples, drawn",
                f"at random; {loop}.",
            )
    page.table(orderings(parts), heading="What of the paper is found here", key="orderings")
    if rows := curve_rows(study):
        page.table(rows, heading=f"Plausibility against the share of gold highlights ({CURVE[0]})", key="curve")
        page.text(
            "Trained for plausibility beside the task alone (P), half of every batch with gold: with hard choices the",
            "faithfulness losses send nothing to an extractor of its own (DLM), and to SLM through the encoder only.",
            "The paper's numbers are of FP, of a larger encoder and of the whole training set.",
        )
    if rows := transfer_rows(study):
        page.table(rows, heading=f"Trained on {TRANSFER[0]}, evaluated elsewhere without training", key="transfer")
    print(page.write().relative_to(ROOT))
