"""`train`: a recipe, data and a model become a run that can be stopped, resumed and watched."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.errors import UsageError
from rationale_eval.models.load import load_model, pick_device
from rationale_eval.models.network import quiet
from rationale_eval.recipes import RECIPES
from rationale_eval.recipes.record import Recipe, read_config
from rationale_eval.training.faults import told_plainly
from rationale_eval.training.fingerprint import digest
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import Outcome, fit, resolve_precision
from rationale_eval.training.progress import progress
from rationale_eval.verbs.training_data import TrainingData, hold_out
from rationale_eval.workspace.runs import Run, Workspace

Source = TrainingData | RationaleDataset | str
MODEL = "embedded/minilm"


def train(
    recipe: str,
    data: Source,
    *,
    model: str = MODEL,
    config: Mapping[str, Any] | None = None,
    dev: RationaleDataset | None = None,
    workspace: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
) -> Run:
    """Trains a model by a recipe, in a run of its own.

    Args:
        recipe: A name in `RECIPES`, for example "fine_tune".
        data: What to learn from: a data set, a name (its train split is used), or a `TrainingData` with splits and
            limits.
        model: What to start from; see `load_model`.
        config: Knobs of the recipe; what is not named keeps its default.
        dev: Development data; by default the validation split if `data` is a name and has one, else a part of the
            training data that is then not trained on. Never the test split.
        workspace: Where the run is kept.
        device: "auto", "cpu", "cuda" ...
        seed: All chance derives from it.

    Returns:
        The run: finished, with `model/` and `summary.json`, or interrupted and resumable.

    Raises:
        UsageError: For an unknown recipe or knob, or data and model that do not fit the recipe.
        TrainingFailed: If training cannot go on; the run is then failed, with the reason.
    """
    kind = RECIPES[recipe]
    settings = read_config(kind, config or {})
    source = TrainingData(data) if isinstance(data, str) else data
    train_data, dev_data = _open(source, dev)
    _refuse(kind.is_compatible(train_data.task))
    place = str(pick_device(device))
    settings = settings.model_copy(update={"precision": resolve_precision(settings.precision, pick_device(device))})
    task_model = load_model(model, task=train_data.task, device=place, seed=seed, workspace=Workspace(workspace).path)
    _refuse(kind.is_compatible(train_data.task, task_model))
    asked = {
        "recipe": recipe,
        "source": asdict(source) if isinstance(source, TrainingData) and dev is None else None,
        "model": model,
        "config": settings.model_dump(mode="json"),
        "seed": seed,
        "device": place,
    }
    run = Workspace(workspace).create_run(
        "train",
        asked,
        data=source.name,
        fingerprint=_content(train_data, dev_data),
        seed=seed,
        command=_command(asked),
    )
    return _work(run, kind(task_model, train_data, dev_data, settings), allow_inexact=False)


def resume(
    key: str,
    *,
    data: RationaleDataset | None = None,
    dev: RationaleDataset | None = None,
    workspace: str | Path | None = None,
    allow_inexact: bool = False,
) -> Run:
    """Goes on with a run that was interrupted, cancelled or failed, from its newest sound checkpoint.

    Args:
        key: The run's id or a part of it.
        data: The training data, for a run whose data were objects in memory; it must have the same content.
        dev: Its development data, likewise.
        workspace: Where the run is kept.
        allow_inexact: Go on even if another software version, thread count or processor makes the result not bit-exact.

    Raises:
        UsageError: If there is nothing to resume, the data changed, or it would not be exact and that is not allowed.
    """
    run = Workspace(workspace).find(key)
    if run.kind != "train":
        raise UsageError(f"run {run.id} is of kind '{run.kind}'; only training can be resumed.")
    if run.status.state == "finished":
        raise UsageError(f"run {run.id} is finished; its model is in {run.model}.")
    asked = run.config
    if data is None and asked["source"] is None:
        raise UsageError(f"the data of run {run.id} were objects in memory; give them again to resume.")
    train_data, dev_data = _open(data or TrainingData.from_json(asked["source"]), dev)
    if _content(train_data, dev_data) != run.provenance["data_fingerprint"]:
        raise UsageError(f"the data of run {run.id} changed since it began; start a new run.")
    kind = RECIPES[asked["recipe"]]
    task_model = load_model(
        asked["model"],
        task=train_data.task,
        device=asked["device"],
        seed=asked["seed"],
        workspace=Workspace(workspace).path,
    )
    settings = read_config(kind, asked["config"])
    return _work(run, kind(task_model, train_data, dev_data, settings), allow_inexact=allow_inexact)


def _open(
    source: TrainingData | RationaleDataset, dev: RationaleDataset | None
) -> tuple[RationaleDataset, RationaleDataset]:
    if isinstance(source, TrainingData):
        train_data, own_dev = source.open()
        return train_data, dev if dev is not None else own_dev
    return (source, dev) if dev is not None else hold_out(source)


def _content(train_data: RationaleDataset, dev_data: RationaleDataset) -> str:
    return digest([train_data.fingerprint(), dev_data.fingerprint()])


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise UsageError(f"{reason}.")


def _work(run: Run, recipe: Recipe, *, allow_inexact: bool) -> Run:
    seed, cut = run.config["seed"], 0
    with run.working():
        journal = Journal(run.metrics_file)
        try:
            for stage in recipe.stages():
                cut = max(cut, stage.data.truncated)
                run.say(
                    f"stage {stage.name}: {len(stage.data.items)} examples, {stage.data.truncated} of them cut short"
                )
                with progress(stage.name) as report:
                    outcome = fit(
                        stage.learner,
                        stage.data,
                        stage.settings,
                        folder=run.checkpoints / stage.name,
                        journal=journal,
                        seed=seed,
                        report=report,
                        allow_inexact=allow_inexact,
                    )
                _tell(run, outcome)
                if outcome.state == "interrupted":
                    message = f"stopped after step {outcome.step} of {outcome.total}; go on with: {resume_command(run)}"
                    run.move("interrupted", reason="stopped", message=message)
                    return run
        finally:
            journal.close()
        _finish(run, recipe, outcome, cut)
    return run


def _tell(run: Run, outcome: Outcome) -> None:
    for rejected in outcome.rejected:
        run.say(f"passed over a damaged checkpoint: {rejected}")
    for one in outcome.differences:
        run.say(f"not deterministic: {one.name} at step {one.step} was {one.stored!r}, done again {one.again!r}")


def _finish(run: Run, recipe: Recipe, outcome: Outcome, cut: int) -> None:
    model = recipe.model
    model.network.eval()
    if hasattr(model, "trained"):
        model.trained = True
    with told_plainly("the finished model", run.folder), quiet():
        if run.model.exists():  # written by an attempt that was killed before it could say so
            shutil.rmtree(run.model)
        durable.write_folder(run.model, lambda folder: model.save(str(folder)))
    run.write_summary(
        {
            "recipe": recipe.name,
            "metrics": outcome.metrics,
            "kept_step": outcome.kept_step,
            "steps": outcome.step,
            "stopped_early": outcome.stopped_early,
            "seconds": outcome.seconds,
            "tokens": outcome.tokens,
            "tokens_per_second": outcome.tokens / max(outcome.seconds, 1e-9),
            "train_examples": len(recipe.train),
            "dev_examples": len(recipe.dev) if recipe.dev is not None else 0,
            "truncated": cut,
            "exact": outcome.exact,
            "differences": len(outcome.differences),
            "model": str(run.model),
        }
    )
    # The finished model stands; what was only needed to resume would be six times its size.
    shutil.rmtree(run.checkpoints, ignore_errors=True)


def resume_command(run: Run) -> str:
    """The command that goes on with a stopped run."""
    workspace = run.folder.parent.parent
    return shlex.join(["rationale-eval", "train", "--resume", run.id, "--workspace", str(workspace)])


def _command(asked: Mapping[str, Any]) -> str | None:
    """The command that does the same again, every default written out; None where the data were objects in memory."""
    source = asked["source"]
    if source is None:
        return None
    words = ["rationale-eval", "train", asked["recipe"], *TrainingData.from_json(source).options()]
    words += ["--model", asked["model"], "--seed", str(asked["seed"]), "--device", asked["device"]]
    for name, value in asked["config"].items():
        words += ["--set", f"{name}={'none' if value is None else value}"]
    return shlex.join(words)


__all__ = ["TrainingData", "resume", "resume_command", "train"]
