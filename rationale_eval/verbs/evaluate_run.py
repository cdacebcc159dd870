"""An evaluation as a run: rationales made or read, scored, and kept in a run folder with all that repeats it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pydantic import Field

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.explanations import load_explanations
from rationale_eval.data.rationale import Explanations
from rationale_eval.models.base import TaskModel
from rationale_eval.verbs.chosen_metrics import choose_metrics
from rationale_eval.verbs.evaluate import evaluate
from rationale_eval.verbs.extract import extract_to
from rationale_eval.verbs.job import MEMORY, Job, Progress
from rationale_eval.verbs.result import EVALUATION, Result
from rationale_eval.workspace.runs import Run, Workspace


class EvaluateConfig(Job):
    """What to evaluate."""

    controls: tuple[str, ...] = Field(("random",), description="Controls that stand beside the methods.")
    scores: tuple[str, ...] = Field((), description="Files of word scores made before, or runs that extracted some.")
    metrics: tuple[str, ...] | None = Field(
        None, description="Metrics, as name or name:variant; the usual ones if not given."
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Parameters of metrics: removal=mask.")


def evaluate_run(
    config: EvaluateConfig, *, workspace: Workspace | None = None, progress: Progress | None = None
) -> tuple[Run, Result]:
    """Makes the rationales, scores them and keeps everything in a run folder.

    The folder gets `explanations/METHOD.parquet`, `examples.parquet` (one row for each example, method, metric and
    variant),
    `evaluation.json` (what was evaluated and how) and `summary.json` (corpus values with intervals).

    Args:
        config: What to do.
        workspace: Where runs are kept; the default workspace when None.
        progress: Shows progress.

    Raises:
        UsageError: For names that do not exist and things that do not go together.
        InputError: For data and files that cannot be used.
    """
    place = workspace or Workspace()
    show: Progress = progress or (lambda what, total: nullcontext(lambda done: None))
    choose_metrics(config.metrics, config.options)
    data = config.open_data()
    model = config.open_model(data, place)
    run = place.create_run(
        "evaluate", config.model_dump(mode="json"), data=config.data, fingerprint=data.fingerprint(), seed=config.seed
    )
    with run.working():
        memory = place.path / MEMORY if config.remember else None
        explanations = [*_made(config, data, model, run, memory, show), *_read(config, place)]
        with show("scoring", len(data)) as step:
            result = evaluate(
                data,
                explanations,
                model=model,
                metrics=config.metrics,
                options=config.options,
                memory=memory,
                seed=config.seed,
                out=run.examples,
                progress=step,
            )
        durable.write_json(run.folder / EVALUATION, result.provenance)
        run.write_summary({"results": result.records()})
    return run, Result(run.examples, result.provenance)


def _made(
    config: EvaluateConfig,
    data: RationaleDataset,
    model: TaskModel | None,
    run: Run,
    memory: Path | None,
    show: Progress,
) -> list[Explanations]:
    wanted = [*config.methods, *config.controls]
    if not wanted:
        return []
    with show("explaining", len(data)) as step:
        return extract_to(
            run.folder / "explanations",
            model,
            data,
            wanted,
            settings=config.settings,
            target=config.target,
            seed=config.seed,
            memory=memory,
            progress=step,
        )


def _read(config: EvaluateConfig, workspace: Workspace) -> list[Explanations]:
    found: list[Explanations] = []
    for name in config.scores:
        path = Path(name)
        if not path.exists():
            path = workspace.find(name).folder
        files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        found += [load_explanations(file) for file in files if file.name != "examples.parquet"]
    return found
