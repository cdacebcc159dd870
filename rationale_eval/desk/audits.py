"""The audits of a workspace: scorecards read from their reports, and what they rest on by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rationale_eval.axioms.files import REPORT
from rationale_eval.desk.desk import Desk
from rationale_eval.errors import InputError
from rationale_eval.verbs.audit_summary import HEADLINE, headline_name

CHECKS: Final = tuple(HEADLINE)
"""The three axioms, then leakage and people."""

SOURCES: Final[Mapping[str, str]] = {
    "empty": "none at all",
    "random": "of another example",
    "generated": "the model's own",
    "gold": "a person's",
    "reference": "reference",
    "reference_retrained": "reference, own simulators",
    "ceiling": "ceiling",
}
"""Sources of the ladder from empty to the most that can be reached, and what they are called."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a report.

    Args:
        value: The number, or None where it is not defined.
        low: Lower end of its interval, or None.
        high: Upper end, or None.
        n: Examples it rests on.
        seeds: Seeds with a value.
        interval: How the interval was made.
    """

    value: float | None
    low: float | None
    high: float | None
    n: float
    seeds: int
    interval: str


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one card.

    Args:
        name: One of `CHECKS`.
        verdict: holds, fails, open or not tried.
        why: The reason, one clause.
        numbers: By name.
        about: Further facts: `rival` and `scored` of Axiom 1, `accuracy` by condition of Axiom 3.
    """

    name: str
    verdict: str
    why: str
    numbers: Mapping[str, Number]
    about: Mapping[str, Any]

    @property
    def headline(self) -> tuple[str, Number] | None:
        """The number that the verdict goes by, with its name; None where it was not tried."""
        name = headline_name({"check": self.name, **self.about})
        found = self.numbers.get(name)
        return None if found is None or found.value is None else (name, found)


@dataclass(frozen=True, slots=True)
class Card:
    """One metric under one variant, in one audit.

    Args:
        run: The audit.
        data: Name of its data set.
        metric: The metric.
        variant: The variant.
        scale: The metric's range over sources, or None.
        checks: By name, in the order of `CHECKS`.
    """

    run: str
    data: str
    metric: str
    variant: str
    scale: float | None
    checks: Mapping[str, Check]

    @property
    def key(self) -> str:
        """The card's name in an address."""
        return f"{self.metric}:{self.variant}"


@dataclass(frozen=True, slots=True)
class AuditView:
    """A finished audit.

    Args:
        run: Its id.
        folder: Its run folder.
        data: Name of its data set.
        examples: How many were evaluated.
        learned_from: How many the task model learned from.
        seeds: Trainings.
        protocol: All knobs.
        cards: One for each metric and variant.
        accuracy: Of the task model, by source, the mean over seeds.
        deaf: Simulators that see a rationale and learned nothing: source, weights, view.
        command: What asks for the same, or None.
    """

    run: str
    folder: Path
    data: str
    examples: int
    learned_from: int
    seeds: int
    protocol: Mapping[str, Any]
    cards: tuple[Card, ...]
    accuracy: Mapping[str, float]
    deaf: tuple[tuple[str, str, str], ...]
    command: str | None


def read(folder: Path, run: str, command: str | None = None) -> AuditView:
    """Reads the report in a run folder.

    Raises:
        InputError: If there is none, or it is damaged.
    """
    path = folder / REPORT
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        cards = tuple(_card(run, report["data"], card) for card in report["scorecards"])
        accuracy: dict[str, list[float]] = {}
        for each in report["accuracy"]:
            accuracy.setdefault(each["source"], []).append(each["accuracy"])
        return AuditView(
            run=run,
            folder=folder,
            data=report["data"],
            examples=report["test"]["examples"],
            learned_from=report["train"]["examples"],
            seeds=report["protocol"]["seeds"],
            protocol=report["protocol"],
            cards=cards,
            accuracy={source: sum(values) / len(values) for source, values in accuracy.items()},
            deaf=tuple(dict.fromkeys(_deaf(report["simulators"]))),
            command=command,
        )
    except FileNotFoundError as error:
        raise InputError(f"the audit {run} has left no scorecards yet; resume it on the page Train.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the report of the audit {run} cannot be read; audit again.") from error


def command_of(desk: Desk, id: str) -> str | None:
    """The command that asks for the same audit: that of the record, which names its data by whole path."""
    from rationale_eval.verbs.jobs import read_job

    run = desk.run(id)
    return read_job({"kind": run.kind, **run.config}).command()


def table(cards: Sequence[Card]) -> pd.DataFrame:
    """The scorecards as rows: of every check the verdict, the number it rests on and its interval."""
    return pd.DataFrame([_row(card) for card in cards])


def _row(card: Card) -> dict[str, Any]:
    row: dict[str, Any] = {"data": card.data, "metric": card.metric, "variant": card.variant}
    for name, check in card.checks.items():
        found = check.headline
        number = found[1] if found else None
        row[name] = check.verdict
        row[HEADLINE[name]] = number and number.value
        row[f"{HEADLINE[name]}_low"] = number and number.low
        row[f"{HEADLINE[name]}_high"] = number and number.high
        row[f"{name}_why"] = check.why
    return row | {"run": card.run}


def _card(run: str, data: str, record: Mapping[str, Any]) -> Card:
    checks = {each["check"]: _check(each) for each in record["checks"]}
    return Card(run, data, record["metric"], record["variant"], record["scale"], checks)


def _check(record: Mapping[str, Any]) -> Check:
    numbers = {name: Number(**each) for name, each in record["numbers"].items()}
    about = {key: value for key, value in record.items() if key not in ("check", "verdict", "why", "numbers")}
    return Check(record["check"], record["verdict"], record["why"], numbers, about)


def _deaf(simulators: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Those that see a rationale and did no better than naming the most frequent answer."""
    alone = ("input", "base", "neither", "vacuous")
    return [
        (each["source"], each["weights"], each["view"])
        for each in simulators
        if not each["learned"] and each["view"] not in alone
    ]
