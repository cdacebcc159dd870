"""An evaluation as a run: rationales made or read, scored, and kept in a run folder with all that repeats it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.explanations import load_explanations
from rationale_eval.data.load import load_dataset
from rationale_eval.data.rationale import Explanations
from rationale_eval.errors import UsageError
from rationale_eval.models.base import TaskModel
from rationale_eval.models.load import load_model
from rationale_eval.verbs.chosen_metrics import choose_metrics
from rationale_eval.verbs.evaluate import evaluate
from rationale_eval.verbs.extract import extract_to
from rationale_eval.verbs.result import EVALUATION, Result
from rationale_eval.workspace.runs import Run, Workspace

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Called with what is being done and how many steps it has; gives a function to call with the steps done since."""

MEMORY = Path("memory") / "answers.sqlite"
"""Where a workspace remembers the answers of models."""


class EvaluateConfig(BaseModel):
    """What to evaluate. The command line, the YAML and the run's `config.json` are this record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(description="Name of a data set, a file, or a folder of splits.")
    split: str | None = Field(None, description="Its split; test, else validation, else train when not given.")
    limit: int | None = Field(None, ge=1, description="Use only the first so many examples.")
    mapping: dict[str, str] = Field(default_factory=dict, description="Our names to the columns of an own file.")
    model: str | None = Field(None, description="The model that the rationales explain.")
    device: str = Field("auto", description="cpu, cuda, cuda:N, or auto.")
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="Number type of the model's arithmetic.")
    methods: tuple[str, ...] = Field((), description="Attribution methods to run.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Parameters of methods: steps=20.")
    controls: tuple[str, ...] = Field(("random",), description="Controls that stand beside the methods.")
    scores: tuple[str, ...] = Field((), description="Files of word scores made before, or runs that extracted some.")
    target: str = Field("predicted", description="The choice to explain: predicted, gold, or a label.")
    metrics: tuple[str, ...] | None = Field(
        None, description="Metrics, as name or name:variant; the usual ones if not given."
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Parameters of metrics: removal=mask.")
    remember: bool = Field(True, description="Remember the model's answers in the workspace.")
    seed: int = Field(0, ge=0, description="Where all randomness starts from.")


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
    data = load_dataset(config.data, config.split, config.limit, config.mapping or None)
    model = open_model(config.model, data, config, place)
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


def open_model(
    name: str | None, data: RationaleDataset, config: EvaluateConfig, workspace: Workspace
) -> TaskModel | None:
    """Loads the model for a data set; one with a head drawn at random is refused.

    Raises:
        UsageError: If the model was never trained for a task: its decisions mean nothing.
    """
    if name is None:
        return None
    dtype = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}[config.precision]
    model = load_model(name, task=data.task, device=config.device, dtype=dtype, workspace=workspace.path)
    if not model.trained:
        raise UsageError(
            f"{name} has never been trained to choose, so its decisions mean nothing; train it first: "
            f"rationale-eval train fine_tune --data {config.data} --model {name}"
        )
    return model


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
