"""Metrics that ask the explained language model again: how it is asked about each system's texts, and what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.load import load_dataset
from rationale_eval.engine.ask_text import TextAsks
from rationale_eval.engine.text_engine import TextEngine
from rationale_eval.errors import InputError, UsageError
from rationale_eval.metrics.record import Score
from rationale_eval.metrics.text_case import TextCase
from rationale_eval.models.load import load_model
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.rationales.extract import example_seed
from rationale_eval.rationales.reading import Reading
from rationale_eval.rationales.shots import draw_shots
from rationale_eval.rationales.template import TEMPLATES, template_of
from rationale_eval.training.fingerprint import digest
from rationale_eval.verbs.chosen_metrics import Wanted
from rationale_eval.verbs.evaluate import together
from rationale_eval.verbs.generate_run import ABOUT
from rationale_eval.verbs.job import DTYPES, MEMORY, EvaluateConfig
from rationale_eval.workspace.runs import Workspace

USUAL: Final = "reason_first"
"""The prompt under which texts are read that were not written by a prompt with the reason first."""

Vectors = Callable[[Sequence[str]], list[NDArray[np.float64]]]


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom to ask and how.

    Args:
        lm: The explained language model.
        helper: The one that rewrites texts.
        usual: How the model is asked about controls and texts from elsewhere.
        readings: How it is asked about the texts of a system that wrote them with the reason first.
        memory: Folder of what is remembered between processes; None remembers nothing.
        progress: Called with the number of examples done since the last call.
    """

    lm: TransformerModel
    helper: TransformerModel
    usual: Reading
    readings: Mapping[str, Reading]
    memory: Path | None = None
    progress: Callable[[int], None] = lambda done: None

    def record(self) -> dict[str, Any]:
        """What identifies it, for the provenance."""
        shown = {"controls and other texts": self.usual, **self.readings}
        return {
            "helper": {"name": self.helper.name, "fingerprint": self.helper.fingerprint},
            "asked": {
                name: {
                    "prompt": one.template.name,
                    "version": one.template.version,
                    "beginning": digest(one.beginning),
                    "own texts": one.own,
                }
                for name, one in shown.items()
            },
        }


Place = tuple[str, str, str, str]
"""System, example id, metric and variant."""


def ask(
    asking: Asking,
    cases: Iterable[tuple[str, TextCase]],
    wanted: Sequence[Wanted],
    seed: int,
    vectors: Vectors | None = None,
) -> tuple[dict[Place, Score], dict[str, Any]]:
    """Scores by the metrics that ask a language model.

    Args:
        asking: Whom and how.
        cases: Systems and their cases.
        wanted: All metrics of the evaluation.
        seed: With the example's id it fixes every draw.
        vectors: Gives the vector of each text, where an encoder takes part.

    Returns:
        The scores, and what was asked.
    """
    chosen = [each for each in wanted if "lm" in each.metric.needs]
    places: list[tuple[str, str]] = []

    def questioners() -> Iterable[TextAsks[list[Score]]]:
        for system, case in cases:
            places.append((system, case.example.id))
            reading = asking.readings.get(system, asking.usual)
            full = replace(case, asked=reading, seed=example_seed(case.example.id, seed))
            yield together([each.metric.ask(full, **each.options) for each in chosen])

    found: dict[Place, Score] = {}
    before = None
    # A round may take many minutes before the first example is done.
    with TextEngine(
        asking.lm,
        helper=asking.helper,
        embed=vectors,
        memory=asking.memory,
        tick=lambda: asking.progress(0),
    ) as engine:
        for number, scores in enumerate(engine.run(questioners())):
            for each, score in zip(chosen, scores, strict=True):
                found[*places[number], each.metric.name, each.variant] = score
            if before not in (None, places[number][1]):
                asking.progress(1)
            before = places[number][1]
        asking.progress(int(before is not None))
        return found, asking.record() | {"requests": vars(engine.asked)}


def require_lm(wanted: Sequence[Wanted], model: str | None) -> None:
    """Holds metrics and model to each other.

    Raises:
        UsageError: If a metric asks a language model and none is named, or one is named that none asks.
    """
    asks = [each.metric.name for each in wanted if "lm" in each.metric.needs]
    if asks and model is None:
        raise UsageError(f"{asks[0]} asks the explained language model again; name it with --model")
    if model is not None and not asks:
        raise UsageError(
            "free text comes with answers of its own, which are what it is judged by, and no metric asked for asks a "
            "model again; leave out --model."
        )


def usual_reading(job: EvaluateConfig, data: RationaleDataset) -> Reading:
    """How the model is asked about texts that it did not write itself by a prompt with the reason first.

    Raises:
        UsageError: If the solved examples cannot be drawn, or the task has open answers.
    """
    if data.task.kind == "open":
        raise UsageError(f"the task '{data.task.name}' has open answers; asking again needs choices.")
    template = TEMPLATES[USUAL]
    if not job.shots:
        return Reading(template, template.beginning([]))
    try:
        source = load_dataset(job.data, job.shots_from, mapping=job.mapping or None)
    except (UsageError, InputError) as error:
        raise UsageError(
            f"the {job.shots} solved examples of the prompt cannot be drawn from the split '{job.shots_from}' "
            f"({error}); name another with --shots-from, or give --shots 0."
        ) from error
    shots = draw_shots(source, job.shots, job.seed, apart=frozenset(example.id for example in data))
    return Reading(template, template.beginning(shots))


def make_asking(
    job: EvaluateConfig,
    data: RationaleDataset,
    lm: object,
    files: Mapping[str, Path | None],
    workspace: Workspace,
    progress: Callable[[int], None],
) -> Asking:
    """Loads what is asked.

    Args:
        job: The evaluation.
        data: What is evaluated.
        lm: The explained model.
        files: For each system the file of completions it was read from; None for texts of other tools.
        workspace: Where answers are remembered.
        progress: See `Asking`.

    Raises:
        UsageError: If a model is no language model.
    """
    models = [lm]
    if job.helper is not None and job.helper != job.model:
        dtype = DTYPES[job.precision]
        models.append(load_model(job.helper, task=data.task, device=job.device, dtype=dtype, workspace=workspace.path))
    for model in models:
        if not isinstance(model, TransformerModel) or model.kind not in ("causal", "seq2seq"):
            name = getattr(model, "name", job.model)
            raise UsageError(f"{name} is an encoder and writes no text; name a language model")
    explained, helper = models[0], models[-1]
    assert isinstance(explained, TransformerModel) and isinstance(helper, TransformerModel)
    readings = {system: _reading(file, explained) for system, file in files.items() if file is not None}
    return Asking(
        explained,
        helper,
        usual_reading(job, data),
        {system: reading for system, reading in readings.items() if reading is not None},
        memory=(workspace.path / MEMORY).parent / "texts" if job.remember else None,
        progress=progress,
    )


def _reading(file: Path, lm: TransformerModel) -> Reading | None:
    """The prompt that a system's texts were written by, where it has the reason first."""
    about = json.loads((file.parent / ABOUT).read_text(encoding="utf-8"))
    template = template_of(about)
    if template.order != "rationale_first" or template.version != about["version"]:
        return None
    return Reading(template, about["beginning"], own=about["fingerprint"] == lm.fingerprint)
