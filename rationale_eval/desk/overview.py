"""What is in a workspace, and what came of its newest runs, in a few numbers each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.systems import is_control
from rationale_eval.verbs.run_list import Listed
from rationale_eval.workspace.rows import RunRow
from rationale_eval.workspace.status import PENDING

STOPPED: Final = ("failed", "interrupted")
NEWEST: Final = 6
RANDOM: Final = "random"

LEADING: Final = (
    "comprehensiveness_aopc",
    "sufficiency_aopc",
    "auprc",
    "simulatability",
    "rq",
    "rouge_l",
    "bertscore",
)
"""Of many metrics the one that stands for an evaluation, the first that it has."""

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "train": ("training", "trainings"),
    "evaluate": ("evaluation", "evaluations"),
    "extract": ("extraction", "extractions"),
    "generate": ("generation", "generations"),
    "audit": ("audit", "audits"),
    "import": ("import", "imports"),
}
"""How a kind of run is called, one and several."""


@dataclass(frozen=True, slots=True)
class Headline:
    """One number of a result.

    Args:
        label: What it is.
        value: The number; None where it is not defined, a word where it is a verdict.
        low: Lower end of its interval, or None.
        high: Upper end.
        note: A few words beside it.
    """

    label: str
    value: float | str | None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """A workspace at a glance.

    Args:
        kinds: Finished runs by kind.
        live: Runs that work or wait, in the order in which they will be done.
        stopped: The newest that failed or were interrupted.
        latest: The newest finished runs.
        data: Names of the data sets that runs were made of, most used first.
    """

    kinds: dict[str, int]
    live: list[Listed]
    stopped: list[Listed]
    latest: list[Listed]
    data: list[str]

    @property
    def empty(self) -> bool:
        """Whether nothing was ever done here, or is being done."""
        return not (self.kinds or self.live or self.stopped)


def overview(desk: Desk) -> Overview:
    """Looks at all runs once."""
    found = desk.runs()
    finished = [each for each in found if each.row.state == "finished"]
    return Overview(
        dict(Counter(each.row.kind or "?" for each in finished)),
        in_turn([each for each in found if each.row.state in PENDING]),
        [each for each in found if each.row.state in STOPPED][:NEWEST],
        finished[:NEWEST],
        [name for name, _ in Counter(each.row.data for each in found if each.row.data).most_common()],
    )


def in_turn(found: list[Listed]) -> list[Listed]:
    """Live runs: those that work first, then the queue in its order."""
    return sorted(
        found,
        key=lambda each: (each.row.state == "queued", -(each.row.priority or 0), each.row.position or 0.0, each.row.id),
    )


def headlines(row: RunRow) -> list[Headline]:
    """What came of a finished run, the most telling number first; empty where nothing is known."""
    tell = _TELL.get(row.kind or "")
    try:
        return [] if tell is None or row.summary is None else tell(row.summary)
    except (KeyError, TypeError, ValueError):
        return []  # a summary of an older form


def _of_training(summary: Mapping[str, Any]) -> list[Headline]:
    return [Headline(f"dev {name}", _finite(value)) for name, value in summary["metrics"].items()]


def _of_evaluation(summary: Mapping[str, Any]) -> list[Headline]:
    rows: list[Mapping[str, Any]] = summary["results"]
    names = list(dict.fromkeys(row["metric"] for row in rows if not is_control(row["method"])))
    leading = next((name for name in LEADING if name in names), names[0] if names else None)
    found: list[Headline] = []
    if leading is not None:
        variant = next(row["variant"] for row in rows if row["metric"] == leading and not is_control(row["method"]))
        same = [row for row in rows if (row["metric"], row["variant"]) == (leading, variant)]
        defined = [row for row in same if _finite(row["value"]) is not None]
        systems = [row for row in defined if not is_control(row["method"])]
        best = min(
            systems, key=lambda row: -row["value"] if row["direction"] == "higher" else row["value"], default=None
        )
        chance = next((row["value"] for row in defined if row["method"] == RANDOM), None)
        if best is not None:
            note = str(best["method"])
            found.append(Headline(leading, best["value"], best["ci_low"], best["ci_high"], note))
            found += [] if chance is None else [Headline("of the random control", chance)]
        else:
            found.append(Headline(leading, None))
    for row in rows:
        if row["method"] == "model" and row["metric"] == "accuracy":
            found.append(Headline("accuracy of the model", _finite(row["value"]), row["ci_low"], row["ci_high"]))
    return found


def _of_generation(summary: Mapping[str, Any]) -> list[Headline]:
    found = [Headline("texts", f"{summary['made']:,}")]
    first: Mapping[str, Any] = next(iter(summary.get("texts") or ()), {})
    if first.get("in the form") is not None:
        found.append(Headline("in the asked form", float(first["in the form"])))
    return found


def _of_audit(summary: Mapping[str, Any]) -> list[Headline]:
    found = []
    for line in summary["audit"]:
        verdicts = (
            f"reference {line['reference']}, perturbation {line['perturbation']}, robustness {line['robustness']}"
        )
        found.append(Headline(f"{line['metric']} {line['variant']}", verdicts))
    return found


_TELL: Final[Mapping[str, Callable[[Mapping[str, Any]], list[Headline]]]] = {
    "train": _of_training,
    "evaluate": _of_evaluation,
    "generate": _of_generation,
    "audit": _of_audit,
}


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
