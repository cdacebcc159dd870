"""The page of the FRAME study: made from the reports of its cells, whatever cells there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.report import Page
from rationale_eval.metrics.seeds import spread

Report = Mapping[str, Any]
Check = Mapping[str, Any]

CHECKS: Final = ("reference", "perturbation", "robustness", "leakage", "people")
SIGNS: Final = {"holds": "✓", "fails": "✗", "open": "?", "not tried": "–"}
TITLES: Final = {"esnli": "e-SNLI", "comve": "ComVE", "cose": "CoS-E"}
PAPER: Final = (
    "The paper's abstract says that non-pretrained simulators improve Axiom 1 by 41.7 % and Axiom 3 by 42.9 % on "
    "average and are competitive on Axiom 2. Its tables and data sets are not confirmed, so only these two figures can "
    "be set beside ours."
)


def write_page(reports: Mapping[str, Report], missing: Sequence[str]) -> str:
    """Writes the page; returns its path."""
    page = Page("frame", "FRAME: do metrics of free-text rationales meet the axioms?", "python -m benchmarks.frame")
    plain = {name: each for name, each in reports.items() if not name.endswith("explained")}
    explained = {name: each for name, each in reports.items() if name.endswith("explained")}
    if not plain:
        page.text("No cell of the study has been made yet.")
        return str(page.write())
    _protocol(page, plain, missing)
    page.table(_verdicts(plain), "Verdicts", "verdicts")
    page.text(
        "A cell holds the verdicts of the seeds (✓ holds, ✗ fails, ? the interval does not tell, – not tried) and the",
        "mean of the number behind them: the margin of the reference over the best other source, the gap between",
        "contrastive and equivalent edits, the range over task models as a share of the range over sources, explaining",
        "minus restating, and the rank correlation with people.",
    )
    page.table(_ladder(plain), "Axiom 1: value by source of the rationale", "axiom_1")
    page.table(_edits(plain), "Axiom 2: how far edits lower the value", "axiom_2")
    page.table(_conditions(plain), "Axiom 3: value by how the task model was trained", "axiom_3")
    _claims(page, plain)
    if explained:
        page.table(_verdicts(explained), "With references that explain (NP only)", "explained")
        page.text(
            'References are here "The answer is LABEL because" with a gold rationale, so that Axiom 1 and the',
            "leakage check no longer exclude each other.",
        )
    page.table(_learned(plain), "What simulators learned", "learned")
    _closing(page, plain, explained)
    return str(page.write())


def _protocol(page: Page, reports: Mapping[str, Report], missing: Sequence[str]) -> None:
    knobs = next(iter(reports.values()))["protocol"]
    page.text(
        f"Task model: `{knobs['rationalizer']}`, trained on {knobs['train_limit']} examples; metrics on "
        f"{knobs['eval_limit']}; simulators from {knobs['simulator_limit']} of the training examples (a fifth of them",
        "held out). PT: MiniLM, fine-tuned. NP: a small network over n-grams from random weights; that is another",
        "architecture than PT's, chosen because MiniLM from random weights does not learn from so few examples.",
        "What FRAME leaves unconfirmed (references, retraining on them, edits, levels, architecture of NP) is a named",
        "option of the audit; see [audit.md](../audit.md).",
    )
    seconds = {name: report["seconds"] for name, report in reports.items()}
    page.text(
        "Wall seconds of each audit's last pass, two at a time on two cores beside other work; what an earlier pass "
        "had trained is not counted, and pauses are: "
        + ", ".join(f"{name} {value:.0f}" for name, value in seconds.items())
        + "."
    )
    if missing:
        page.text(f"Not made yet: {', '.join(missing)}. Numbers of a set with one seed have no interval over seeds.")


def _by_set(reports: Mapping[str, Report]) -> dict[str, list[Report]]:
    found: dict[str, list[Report]] = {}
    for name, report in reports.items():
        found.setdefault(name.split("-")[0], []).append(report)
    return found


def _cards(reports: Sequence[Report]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Scorecards of all seeds by metric and variant."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for report in reports:
        for card in report["scorecards"]:
            found.setdefault((card["metric"], card["variant"]), []).append(card)
    return found


def _check(card: Mapping[str, Any], name: str) -> Check:
    found: Check = next(each for each in card["checks"] if each["check"] == name)
    return found


def _number(check: Check) -> float:
    from rationale_eval.verbs.audit_summary import headline

    found = headline(check)
    return float("nan") if found is None else float(found["value"])


def _value(card: Mapping[str, Any], check: str, name: str) -> float:
    found = _check(card, check)["numbers"].get(name)
    return float("nan") if found is None or found["value"] is None else float(found["value"])


def _shown(values: Sequence[float]) -> str:
    found = spread(values)
    if not found.n:
        return "–"
    return f"{found.mean:.3f}" + (f" ± {found.high - found.mean:.3f}" if found.n > 1 else "")


def _verdicts(reports: Mapping[str, Report]) -> list[dict[str, Any]]:
    rows = []
    for name, of_set in _by_set(reports).items():
        for (metric, variant), cards in _cards(of_set).items():
            row = {"data": TITLES[name], "metric": metric, "simulators": variant.upper()}
            for check in CHECKS:
                marks = "".join(SIGNS[_check(card, check)["verdict"]] for card in cards)
                row[check] = f"{marks} {_shown([_number(_check(card, check)) for card in cards])}"
            rows.append(row)
    return rows


def _grid(
    reports: Mapping[str, Report], check: str, names: Callable[[Sequence[Report]], Sequence[str]]
) -> list[dict[str, Any]]:
    """One row a metric and variant, one column a number."""
    every = list(dict.fromkeys(name for of_set in _by_set(reports).values() for name in names(of_set)))
    return [
        {"data": TITLES[name], "metric": metric, "simulators": variant.upper()}
        | {each.split("/")[-1]: _shown([_value(card, check, each) for card in cards]) for each in every}
        for name, of_set in _by_set(reports).items()
        for (metric, variant), cards in _cards(of_set).items()
    ]


def _ladder(reports: Mapping[str, Report]) -> list[dict[str, Any]]:
    sources = ("empty", "random", "generated", "gold", "reference", "reference_retrained", "ceiling")
    return _grid(reports, "reference", lambda _: sources)


def _edits(reports: Mapping[str, Report]) -> list[dict[str, Any]]:
    def edits(of_set: Sequence[Report]) -> list[str]:
        return [f"{each['effect']}/{each['name']}" for each in of_set[0]["perturbations"]]

    return _grid(reports, "perturbation", edits)


def _conditions(reports: Mapping[str, Report]) -> list[dict[str, Any]]:
    rows = _grid(reports, "robustness", lambda of_set: [*_names(of_set), "std", "range", "rho", "relative"])
    for name, of_set in _by_set(reports).items():
        row = {"data": TITLES[name], "metric": "accuracy of the task model", "simulators": ""}
        for source in _names(of_set):
            reached = [each["accuracy"] for report in of_set for each in report["accuracy"] if each["source"] == source]
            row[source] = _shown(reached)
        rows.append(row | dict.fromkeys(("std", "range", "rho", "relative"), ""))
    return rows


def _names(of_set: Sequence[Report]) -> list[str]:
    return list(dict.fromkeys(each["source"] for report in of_set for each in report["accuracy"]))


def _claims(page: Page, reports: Mapping[str, Report]) -> None:
    """NP against PT: Axiom 1 by the share of the ceiling, Axiom 2 by the gap, Axiom 3 by the relative range."""
    rows: list[dict[str, Any]] = []
    for name, of_set in _by_set(reports).items():
        cards = _cards(of_set)
        for metric in dict.fromkeys(metric for metric, _ in cards):
            if (metric, "pt") not in cards or (metric, "np") not in cards:
                continue
            found = {}
            for axiom, check, key in (
                ("axiom 1: share of ceiling", "reference", "share_reference_retrained"),
                ("axiom 2: gap / range", "perturbation", "gap"),
                ("axiom 3: relative range", "robustness", "relative"),
            ):
                for variant in ("pt", "np"):
                    values = []
                    for card in cards[metric, variant]:
                        scale = card["scale"] if check == "perturbation" else 1.0
                        values.append(_value(card, check, key) / scale if scale else float("nan"))
                    found[f"{axiom} {variant.upper()}"] = spread(values).mean
            rows.append({"data": TITLES[name], "metric": metric, **found})
    told = [{key: "–" if value != value else value for key, value in row.items()} for row in rows]
    page.table(told, "PT against NP", "pt_np")
    page.text(PAPER)
    first = [(row["axiom 1: share of ceiling PT"], row["axiom 1: share of ceiling NP"]) for row in rows]
    third = [(row["axiom 3: relative range PT"], row["axiom 3: relative range NP"]) for row in rows]
    better = [np_ > pt for pt, np_ in first if np.isfinite(pt + np_)]
    steadier = [np_ < pt for pt, np_ in third if np.isfinite(pt + np_)]
    gains = [(np_ - pt) / abs(pt) for pt, np_ in first if np.isfinite(pt + np_) and pt > 0]
    falls = [(pt - np_) / pt for pt, np_ in third if np.isfinite(pt + np_) and pt > 0]
    page.text(
        f"Here NP comes nearer to the ceiling of Axiom 1 in {sum(better)} of {len(better)} comparisons (median",
        f"relative change {_percent(gains)}), and moves less over task models (Axiom 3) in {sum(steadier)} of",
        f"{len(steadier)} (median relative fall of the range {_percent(falls)}). How the paper averages is not",
        "known; these are medians of relative changes over metrics and sets, in which a PT value near 0 weighs",
        "as much as it likes.",
    )


def _percent(values: Sequence[float]) -> str:
    return f"{100 * float(np.median(values)):+.1f} %" if values else "not defined"


def _learned(reports: Mapping[str, Report]) -> list[dict[str, Any]]:
    """Accuracy of simulators on held-out answers, those of the undisturbed task model."""
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for name, of_set in _by_set(reports).items():
        for report in of_set:
            for each in report["simulators"]:
                if each["source"] == "generated":
                    found.setdefault((name, each["weights"], each["view"]), []).append(each)
    return [
        {
            "data": TITLES[name], "simulators": weights.upper(), "sees": view,
            "guessed": _shown([each["accuracy"] for each in those]),
            "by always saying the same": _shown([each["majority"] for each in those]),
            "learned": f"{sum(each['learned'] for each in those)} of {len(those)}",
        }
        for (name, weights, view), those in found.items()
    ]  # fmt: skip


def _closing(page: Page, plain: Mapping[str, Report], explained: Mapping[str, Report]) -> None:
    """Which metrics meet everything, in words that follow from the tables."""
    lines = []
    for kind, reports in (("references that restate", plain), ("references that explain", explained)):
        if not reports:
            continue
        meets: dict[str, list[str]] = {}
        for name, of_set in _by_set(reports).items():
            for (metric, variant), cards in _cards(of_set).items():
                verdicts = {check: {_check(card, check)["verdict"] for card in cards} for check in CHECKS[:4]}
                if all(found == {"holds"} for found in verdicts.values()):
                    meets.setdefault(f"{metric}:{variant}", []).append(TITLES[name])
        said = "; ".join(f"{name} on {', '.join(sets)}" for name, sets in meets.items()) or "none"
        lines.append(f"With {kind}, these meet all three axioms and the leakage check with every seed: {said}.")
    page.parts.append("## What meets all")
    page.text(*lines)
    page.text(
        "Weak in this study: the task model is a linear classifier that quotes the nearest training rationale, not a",
        "self-rationalizing T5, which without pretraining is at chance here; simulators learn from few examples; two",
        "disturbed conditions; tolerances of the verdicts are our own; the ratings are of FEB's explanations.",
    )
