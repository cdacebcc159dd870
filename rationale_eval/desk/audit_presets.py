"""What an audit is asked for from the page: presets of the protocol, the job, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rationale_eval.desk.desk import Desk
from rationale_eval.desk.earlier import Estimate, of_earlier

BEGINS: Final = 8.0
"""Seconds an audit takes whatever its size, on two cores: a process with torch, models, data."""

MOST_AUDITS: Final = 20
"""Earlier audits that an estimate looks at: the newest."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A size of an audit; what is not named stays as the protocol has it.

    Args:
        name: In the address.
        title: On the page.
        about: One sentence.
        protocol: Knobs.
    """

    name: str
    title: str
    about: str
    protocol: Mapping[str, Any] = field(default_factory=dict)


PRESETS: Final = (
    Preset(
        "quick",
        "Quick look",
        "Little of everything: does it run, and what do the cards look like? Many verdicts stay open.",
        {"train_limit": 400, "eval_limit": 80, "simulator_limit": 200, "noise": [50.0], "data": [25.0]},
    ),
    Preset("small", "Small", "The protocol's own sizes: one seed, intervals over examples."),
    Preset(
        "paper",
        "Paper",
        "All levels of noise and data, three seeds, intervals over trainings. Hours with pt simulators on a CPU.",
        {
            "train_limit": 5000,
            "eval_limit": 1000,
            "simulator_limit": 2000,
            "noise": [10.0, 20.0, 30.0, 40.0, 50.0],
            "data": [50.0, 25.0, 10.0, 5.0],
            "seeds": 3,
        },
    ),
)


def preset(name: str | None) -> Preset:
    """The preset of a name; the first where there is none of it."""
    return next((each for each in PRESETS if each.name == name), PRESETS[0])


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says.

    Args:
        data: Name or folder of a data set.
        metrics: With their variants, as `rq:np`.
        protocol: Knobs that differ from the protocol's own.
        ratings: Rated explanations, or None.
    """

    data: str
    metrics: tuple[str, ...]
    protocol: Mapping[str, Any] = field(default_factory=dict)
    ratings: str | None = None

    def job(self) -> dict[str, Any]:
        """The record of the job."""
        found = {"kind": "audit", "data": self.data, "metrics": list(self.metrics), "protocol": dict(self.protocol)}
        return found | ({"ratings": self.ratings} if self.ratings else {})


def differing(knobs: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Knobs whose value is not the protocol's own."""
    return {name: value for name, value in knobs.items() if name in defaults and value != defaults[name]}


def named(
    metrics: Sequence[str], weights: Sequence[str], known: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[str]:
    """Metrics with those of their variants whose simulators are wanted; a metric without simulators stays as it is.

    Args:
        metrics: Names.
        weights: "pt", "np" or both.
        known: The variants each is audited in, with their weights.
    """
    found: list[str] = []
    for name in metrics:
        simulated = [each for each in known.get(name, ()) if each["weights"]]
        found += [f"{name}:{each['variant']}" for each in simulated if each["weights"] in weights]
        found += [name] if not simulated else []
    return found


def estimate(
    desk: Desk, job: Mapping[str, Any], views: Mapping[str, Sequence[str]], defaults: Mapping[str, Any]
) -> Estimate | None:
    """Seconds a job may take: those of finished audits with the same kind of simulators, scaled by how many are trained
    and on how many examples.

    An audit whose simulators are kept already is quicker; nothing is known of that here.

    Args:
        desk: Whose audits.
        job: As of `Asked.job`.
        views: What the simulators of each metric see.
        defaults: The protocol's own knobs.

    Returns:
        None where no such audit has finished here.
    """
    kind, size = _size(job, views, defaults)
    if not size:
        return None
    scaled: list[float] = []
    for each in desk.runs(kind="audit", states=("finished",), limit=MOST_AUDITS):
        run = desk.run(each.row.id)
        seconds, (other, others) = run.status.seconds, _size(run.config, views, defaults)
        if seconds and others and other == kind:
            scaled.append(BEGINS + max(0.0, seconds - BEGINS) * size / others)
    return of_earlier(scaled)


def _size(
    job: Mapping[str, Any], views: Mapping[str, Sequence[str]], defaults: Mapping[str, Any]
) -> tuple[frozenset[str], float]:
    """The weights of an audit's simulators, and how much is learned: seeds x task models x views x examples."""
    knobs = {**defaults, **job.get("protocol", {})}
    weights: dict[str, set[str]] = {}
    for name in job["metrics"]:
        name, _, variant = str(name).partition(":")
        kinds = ("pt", "np") if variant in ("", "*") else (variant.partition("_")[0],)
        for kind in kinds if views.get(name) else ():
            weights.setdefault(kind, set()).update(views[name])
    disturbed = sum(len(knobs[name]) if isinstance(knobs[name], list | tuple) else 1 for name in ("noise", "data"))
    trained = sum(len(seen) for seen in weights.values())
    return frozenset(weights), knobs["seeds"] * (2 + disturbed) * trained * knobs["simulator_limit"]
