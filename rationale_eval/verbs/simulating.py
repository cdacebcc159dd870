"""The simulators that an evaluation of free text asks: what they learn from, where they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.load import load_dataset
from rationale_eval.errors import UsageError
from rationale_eval.simulators.service import Answers, Shown, Simulators, silently
from rationale_eval.simulators.simulator import SimulatorConfig
from rationale_eval.simulators.stacked import SmallSettings
from rationale_eval.simulators.view import SEEN, Seen
from rationale_eval.training.held_out import hold_out
from rationale_eval.verbs.chosen_metrics import Wanted
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.workspace.runs import Workspace

KEPT: Final = Path("memory") / "simulators"
"""Where a workspace keeps simulators."""

LEAST: Final = 20
"""Fewest examples that simulators are made from."""


def read_simulator(settings: Mapping[str, Any]) -> SimulatorConfig:
    """Checks the knobs of simulators; `small.steps` is the knob `steps` of small ones.

    Raises:
        UsageError: For a knob that does not exist or a value that it cannot have.
    """
    if "weights" in settings:
        raise UsageError("which weights simulators start from is a variant of the metric: simulatability:pt or :np")
    small = {name.removeprefix("small."): value for name, value in settings.items() if name.startswith("small.")}
    whole = {name: value for name, value in settings.items() if not name.startswith("small.")}
    if small and "small" in whole:
        raise UsageError("set either simulator small as a whole or knobs of it such as small.steps, not both")
    try:
        return SimulatorConfig(**whole, **({"small": small} if small else {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        inner = [f"small.{each}" for each in SmallSettings.model_fields]
        outer = [each for each in SimulatorConfig.model_fields if each not in ("weights", "small")]
        known = ", ".join(inner if name.startswith("small") else [*outer, *inner])
        raise UsageError(f"simulator {name}: {first['msg'].lower()} (there are: {known})") from error


def asked_weights(wanted: Sequence[Wanted]) -> list[str]:
    """The weights that the simulators of some metrics start from, each once."""
    found = [each.options["weights"] for each in wanted if "simulator" in each.metric.needs]
    return list(dict.fromkeys(found))


def asked_views(wanted: Sequence[Wanted], weights: str) -> list[Seen]:
    """What the simulators of such weights must see for some metrics, each once, in the order of `SEEN`."""
    asking = [each for each in wanted if each.options.get("weights") == weights]
    found = {seen for each in asking for seen in each.metric.views_of(each.variant)}
    return [seen for seen in SEEN if seen in found]


def training_answers(job: EvaluateConfig, data: RationaleDataset) -> tuple[Answers, Answers]:
    """What simulators learn from and are held to: gold labels and gold rationales of the training split.

    Raises:
        UsageError: If there is no such split, or too few of its examples have a label and a rationale.
    """
    source = load_dataset(job.data, job.simulator_split, mapping=job.mapping or None)
    if source.split == data.split:
        raise UsageError(
            f"simulators cannot learn from the split '{data.split}', which is evaluated; name another with "
            "--simulator-split"
        )
    known = source.where(lambda example: example.label is not None and bool(example.rationales))
    drawn = known.sample(job.simulator_limit, job.seed)
    if len(drawn) < LEAST:
        raise UsageError(
            f"simulators need {LEAST} examples with a label and a rationale, and {source.name} ({source.split}) has "
            f"{len(drawn)}"
        )
    train, dev = hold_out(drawn)
    return _answers(train), _answers(dev)


def _answers(data: RationaleDataset) -> Answers:
    targets = {example.id: example.label for example in data if example.label is not None}
    return Answers(data, targets, {example.id: example.rationales[0] for example in data})


def make_simulators(
    job: EvaluateConfig,
    data: RationaleDataset,
    wanted: Sequence[Wanted],
    *,
    workspace: Workspace,
    work: Path,
    shown: Shown = silently,
) -> dict[str, Simulators]:
    """Simulators for each kind of weights that the metrics ask for; empty where none does.

    Args:
        job: The evaluation.
        data: What is evaluated.
        wanted: Its metrics.
        workspace: Where simulators are kept.
        work: A folder of the evaluation's own.
        shown: Shows the progress of a training.
    """
    weights = asked_weights(wanted)
    if not weights:
        return {}
    train, dev = training_answers(job, data)
    config = read_simulator(job.simulator)
    return {
        each: Simulators(
            workspace.path / KEPT,
            work,
            train,
            dev,
            config.model_copy(update={"weights": each}),
            device=job.device,
            shown=shown,
        )
        for each in weights
    }
