"""What an evaluation is asked for from a page: what can be scored, the job, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rationale_eval.desk import roots
from rationale_eval.desk.choices import MOST_RUNS, Offer, run_offer, trained
from rationale_eval.desk.desk import Desk
from rationale_eval.desk.earlier import Estimate, of_earlier
from rationale_eval.desk.evaluations import evaluations
from rationale_eval.metrics.all import load_all
from rationale_eval.metrics.usual import DEFAULT_METRICS, TEXT_METRICS

METHODS: Final = ("integrated_gradients", "input_x_gradient", "attention")
LEARNED: Final = "learned"
CONTROLS: Final = ("random",)
EXTRACTOR: Final = "extractor"

ASKING: Final = "lm"
"""Metrics with this need ask the language model again; they take the command line, where it is named."""

BEGINS: Final = 6.0
"""Seconds an evaluation takes whatever its size, on two cores: a process with torch, the model, the data."""

MOST_EARLIER: Final = 20
SIMULATOR: Final[Mapping[str, Any]] = {"np_architecture": "small"}


@dataclass(frozen=True, slots=True)
class Subject:
    """Something whose rationales can be scored.

    Args:
        offer: How it is picked.
        data: Where it was trained or written, or None.
        split: The split that texts were written for, or None.
        learned: Whether it was trained with an extractor.
    """

    offer: Offer
    data: str | None = None
    split: str | None = None
    learned: bool = False


def models(desk: Desk) -> list[Subject]:
    """Models whose decisions can be explained by highlights: finished trainings, newest first, then the operator's."""
    runs = desk.workspace.path / "runs"
    found = [
        Subject(
            run_offer(each), each.row.config.get("data"), learned=(runs / each.row.id / "model" / EXTRACTOR).is_dir()
        )
        for each in trained(desk)
        if not writes(each.row.summary)
    ]
    under = [Offer(str(path), path.name, "under a folder of the operator") for path in roots.models(desk.access.roots)]
    return [*found, *map(Subject, under)]


def writes(summary: Mapping[str, Any] | None) -> bool:
    """Whether a trained model writes its rationales: those are generated first, and evaluated as texts."""
    return bool((summary or {}).get("writes"))


def written(desk: Desk) -> list[Subject]:
    """Free-text rationales: finished generations, newest first."""
    return [
        Subject(
            run_offer(each),
            each.row.config.get("data"), each.row.config.get("split"),
        )
        for each in desk.runs(kind="generate", states=("finished",), limit=MOST_RUNS)
    ]  # fmt: skip


def metrics(*, texts: bool) -> tuple[list[str], tuple[str, ...]]:
    """The metrics that a page offers for highlights or for texts, and the usual ones among them.

    Those with simulators are offered with non-pretrained ones, which are quick.
    """
    usual = TEXT_METRICS if texts else DEFAULT_METRICS
    found = [
        f"{name}:np" if "np" in each.variants else name
        for name, each in load_all().items()
        if ("text" in each.needs) == texts and ASKING not in each.needs
    ]
    return [*usual, *(name for name in found if name not in usual)], usual


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says.

    Args:
        data: Name or folder of a data set.
        model: The model whose decisions are explained; None for texts.
        texts: The run that wrote texts; None for highlights.
        split: The split that is evaluated; None for the usual one.
        methods: Methods that make highlights.
        controls: Controls beside them.
        metrics: With their variants where one is meant.
        limit: Examples, or None for all.
        seed: Where all chance starts from.
    """

    data: str
    model: str | None = None
    texts: str | None = None
    split: str | None = None
    methods: tuple[str, ...] = ()
    controls: tuple[str, ...] = CONTROLS
    metrics: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0

    def job(self) -> dict[str, Any]:
        """The record of the job; what is as ever is left out."""
        found: dict[str, Any] = {"kind": "evaluate", "data": self.data, "seed": self.seed}
        found |= {"controls": list(self.controls)}
        # Asked for by name, a metric that the data has nothing for is an error; among the usual ones it is left out.
        if self.metrics != metrics(texts=self.texts is not None)[1]:
            found["metrics"] = list(self.metrics)
        if self.split is not None:
            found["split"] = self.split
        if self.limit is not None:
            found["limit"] = self.limit
        if self.texts is not None:
            return found | {"texts": [self.texts], "simulator": dict(SIMULATOR)}
        return found | {"model": self.model, "methods": list(self.methods)}

    @property
    def missing(self) -> str | None:
        """What is still to be picked, in a sentence; None when it can start."""
        if not self.metrics:
            return "Pick at least one metric."
        return "Pick at least one method." if self.texts is None and not self.methods else None


def estimate(desk: Desk, asked: Asked) -> Estimate | None:
    """Seconds a job may take, by earlier ones of the same kind, scaled by examples and by methods.

    Args:
        desk: Whose evaluations.
        asked: As of the form; a job without a limit has no estimate, since nothing is read here.

    Returns:
        None where nothing alike has finished here, or the size is not known.
    """
    if asked.limit is None:
        return None
    scaled = []
    for each in evaluations(desk)[:MOST_EARLIER]:
        run = desk.run(each.id)
        config, seconds = run.config, run.status.seconds
        if bool(config.get("texts")) != (asked.texts is not None) or not seconds or not each.examples:
            continue
        size = each.examples * _systems(config.get("methods") or (), config.get("controls") or ())
        scaled.append(
            BEGINS + max(0.0, seconds - BEGINS) * asked.limit * _systems(asked.methods, asked.controls) / size
        )
    return of_earlier(scaled)


def _systems(methods: Sequence[str], controls: Sequence[str]) -> int:
    return max(1, len(methods) + len(controls))
