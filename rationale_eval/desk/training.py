"""Trainings: asking for them, following them, and what may be done with a run in the state it is in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rationale_eval.desk.choices import data_sets, models
from rationale_eval.desk.desk import Desk
from rationale_eval.errors import UsageError
from rationale_eval.verbs.run_table import flattened
from rationale_eval.workspace.rows import FLAGS
from rationale_eval.workspace.run import Run
from rationale_eval.workspace.status import RESUMABLE, State

POINTS: Final = 400
"""Steps of a curve that are drawn; more are averaged in equal stretches."""

TAIL: Final = 16_384
"""Bytes at the end of a log that a page shows."""

Action = Literal["cancel", "resume", "retry", "delete"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page Train asks for.

    Args:
        recipe: Its name.
        data: The value of an offer of `choices.data_sets`.
        model: Likewise of `choices.models`.
        config: Knobs that differ from the recipe's defaults.
        limit: Training examples, or None for all.
        drawn: Draw them at random rather than take the first.
        dev_limit: Development examples at most.
        seed: Where all chance starts from.
    """

    recipe: str
    data: str
    model: str
    config: Mapping[str, Any]
    limit: int | None = None
    drawn: bool = False
    dev_limit: int | None = None
    seed: int = 0

    def job(self) -> dict[str, Any]:
        """The job record; what is as ever is left out."""
        found: dict[str, Any] = {"kind": "train", "recipe": self.recipe, "data": self.data, "model": self.model}
        found |= {"config": dict(self.config), "seed": self.seed}
        if self.limit is not None:
            found["sample" if self.drawn else "limit"] = self.limit
        if self.dev_limit is not None:
            found["dev_limit"] = self.dev_limit
        return found


def launch(desk: Desk, asked: Asked) -> Run:
    """Queues one training.

    Raises:
        UsageError: For data or a model that is not offered, or a job that cannot be done.
        InputError: For data that cannot be used.
        NotAllowed: In a read-only dashboard.
    """
    _require_offered(desk, asked)
    return desk.launch(asked.job())


def launch_many(
    desk: Desk, asked: Asked, seeds: Sequence[int], grid: Mapping[str, Sequence[Any]]
) -> tuple[str, list[tuple[str, str]]]:
    """Queues every configuration of a grid with every seed, as one group; what is there already is not done again.

    Returns:
        The group's name; and of every member its title and what happens to it.

    Raises:
        UsageError: See `verbs.sweep.train_many`; or if the queue has no room for all of them.
        NotAllowed: In a read-only dashboard.
    """
    _require_offered(desk, asked)
    return desk.launch_many(asked.job(), seeds, grid)


def _require_offered(desk: Desk, asked: Asked) -> None:
    for value, offers, what in ((asked.data, data_sets, "data set"), (asked.model, models, "model")):
        if value not in {each.value for each in offers(desk)}:
            raise UsageError(f"that {what} is not offered here; the person who runs the dashboard can add its folder.")


def allowed(run: Run) -> dict[Action, str | None]:
    """What may be done with a run now: no reason against it, or why not."""
    state: State = run.status.state
    live = state in ("queued", "starting", "running")
    return {
        "cancel": None if live else f"it is {state}",
        "resume": None if state in RESUMABLE else "it goes on by itself" if live else "it is finished",
        "retry": None,
        "delete": None if state not in ("starting", "running") and run.worker is None else "cancel it first",
    }


@dataclass(frozen=True, slots=True)
class Curve:
    """Numbers of one name over the steps of a run.

    Args:
        name: As in the run's metric lines: "loss", "loss/comp", "dev/accuracy".
        steps: Steps, rising.
        values: One number each; NaN and infinities as they came.
        averaged: How many steps one point is the mean of; 1 for the numbers themselves.
    """

    name: str
    steps: list[int]
    values: list[float]
    averaged: int = 1

    @property
    def not_finite(self) -> int:
        """How many of the values are NaN or infinite."""
        return sum(not math.isfinite(value) for value in self.values)


def curves(desk: Desk, id: str) -> dict[str, Curve]:
    """Every curve of a run, by name, in the order of their first step."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    for measure in desk.workspace.index.metrics(id):
        steps, values = found.setdefault(measure.name, ([], []))
        steps.append(measure.step)
        values.append(measure.value if measure.value is not None else FLAGS[measure.flag or "nan"])
    return {name: _thinned(Curve(name, steps, values)) for name, (steps, values) in found.items()}


def _thinned(curve: Curve) -> Curve:
    """At most `POINTS` points; a stretch with a value that is not finite is not finite."""
    size = math.ceil(len(curve.steps) / POINTS)
    if size <= 1:
        return curve
    parts = [slice(start, start + size) for start in range(0, len(curve.steps), size)]
    means = [sum(curve.values[part]) / len(curve.values[part]) for part in parts]
    return Curve(curve.name, [curve.steps[part][-1] for part in parts], means, size)


def log_tail(run: Run) -> str:
    """The end of a run's log."""
    try:
        with open(run.log_file, "rb") as file:
            file.seek(0, 2)
            size = file.tell()
            file.seek(max(0, size - TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return text if size <= TAIL else "...\n" + text.partition("\n")[2]


def differing(config: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves of a record that are not those of another, under dotted names; what the other lacks counts as None."""
    known = dict(flattened(base))
    return {name: value for name, value in flattened(config) if value != known.get(name) and value not in ({}, [])}
