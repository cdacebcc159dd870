"""The simulators that an evaluation of free text asks: what they learn from, where they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rationale_eval.simulators.config import read_simulator
from rationale_eval.simulators.service import Answers, Shown, Simulators, silently
from rationale_eval.simulators.view import SEEN, Seen
from rationale_eval.verbs.chosen_metrics import Wanted
from rationale_eval.verbs.job import EvaluateConfig
from rationale_eval.workspace.runs import Workspace

KEPT: Final = Path("memory") / "simulators"
"""Where a workspace keeps simulators."""


@dataclass(frozen=True, slots=True)
class Taught:
    """What simulators learn from.

    Args:
        train: What they learn.
        dev: What they are held to.
        about: Where it comes from, as JSON values, for the provenance.
    """

    train: Answers
    dev: Answers
    about: Mapping[str, Any]


def asked_weights(wanted: Sequence[Wanted]) -> list[str]:
    """The weights that the simulators of some metrics start from, each once."""
    found = [each.options["weights"] for each in wanted if "simulator" in each.metric.needs]
    return list(dict.fromkeys(found))


def asked_views(wanted: Sequence[Wanted], weights: str) -> list[Seen]:
    """What the simulators of such weights must see for some metrics, each once, in the order of `SEEN`."""
    asking = [each for each in wanted if each.options.get("weights") == weights]
    found = {seen for each in asking for seen in each.metric.views_of(each.variant)}
    return [seen for seen in SEEN if seen in found]


def require_views(settings: Mapping[str, Any], wanted: Sequence[Wanted]) -> None:
    """Refuses knobs of simulators with which some metrics cannot be computed.

    Raises:
        UsageError: Naming the view that their simulators cannot serve.
    """
    config = read_simulator(settings)
    for weights in asked_weights(wanted):
        config.model_copy(update={"weights": weights}).require(asked_views(wanted, weights))


def make_simulators(
    job: EvaluateConfig,
    taught: Taught,
    wanted: Sequence[Wanted],
    *,
    workspace: Workspace,
    work: Path,
    shown: Shown = silently,
) -> dict[str, Simulators]:
    """Simulators for each kind of weights that the metrics ask for.

    Args:
        job: The evaluation.
        taught: What simulators learn from.
        wanted: Its metrics.
        workspace: Where simulators are kept.
        work: A folder of the evaluation's own.
        shown: Shows the progress of a training.
    """
    config = read_simulator(job.simulator)
    return {
        each: Simulators(
            workspace.path / KEPT,
            work,
            taught.train,
            taught.dev,
            config.model_copy(update={"weights": each}),
            device=job.device,
            shown=shown,
        )
        for each in asked_weights(wanted)
    }
