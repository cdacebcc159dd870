"""`train`: a recipe, data and a model become a run that can be stopped, resumed and watched."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.durable import digest
from rationale_eval.errors import UsageError
from rationale_eval.models.load import load_model, pick_device
from rationale_eval.models.network import quiet
from rationale_eval.models.new_t5 import new_t5
from rationale_eval.models.source import NEW_T5
from rationale_eval.models.transformer import TransformerModel
from rationale_eval.points import reached
from rationale_eval.recipes import RECIPES
from rationale_eval.recipes.record import Recipe, Stage, read_config
from rationale_eval.training.faults import told_plainly
from rationale_eval.training.held_out import hold_out
from rationale_eval.training.journal import Journal
from rationale_eval.training.loop import Outcome, fit, resolve_precision
from rationale_eval.training.processes import join
from rationale_eval.training.progress import Report, progress, silent
from rationale_eval.training.settings import LoopSettings
from rationale_eval.training.sinks.record import Sinks, Subject, check_sinks
from rationale_eval.verbs.attempt import attempt
from rationale_eval.verbs.beats import Shown, beating_report
from rationale_eval.verbs.job import TrainJob, placed, require_model, workspace_of
from rationale_eval.verbs.peak import peak_memory
from rationale_eval.verbs.training_data import TrainingData
from rationale_eval.workspace.runs import Run, Workspace

Source = TrainingData | RationaleDataset
MODEL = "embedded/minilm"


@dataclass(frozen=True, slots=True)
class Checked:
    """A training that was checked as far as that goes without loading its model.

    Args:
        job: With every name and knob resolved.
        train: What it learns from.
        dev: What it develops on.
        settings: The knobs of the recipe.
    """

    job: TrainJob
    train: RationaleDataset
    dev: RationaleDataset
    settings: LoopSettings

    @property
    def fingerprint(self) -> str:
        """Content hash of all data."""
        return digest([self.train.fingerprint(), self.dev.fingerprint()])

    def recipe(self, workspace: Workspace) -> Recipe:
        """The recipe with its model loaded.

        Raises:
            UsageError: If the model does not fit the recipe or the task.
        """
        job, kind = self.job, RECIPES[self.job.recipe]
        task = self.train.task
        if job.model == NEW_T5:
            texts = kind.texts(self.train, self.settings)
            model: TransformerModel = new_t5(texts, task=task, device=pick_device(job.device), seed=job.seed)
        else:
            model = load_model(job.model, task=task, device=job.device, seed=job.seed, workspace=workspace.path)
        _refuse(kind.is_compatible(task, model))
        return kind(model, self.train, self.dev, self.settings, seed=job.seed)


def check(
    job: TrainJob,
    workspace: Workspace,
    *,
    data: Source | None = None,
    dev: RationaleDataset | None = None,
    here: bool = False,
) -> Checked:
    """Checks a training without loading its model.

    Args:
        job: What was asked for.
        workspace: Where runs that it names are kept.
        data: The training data, where they are objects in memory.
        dev: The development data, likewise.
        here: Whether the work is done by this process: "auto" then becomes a device and a number format.

    Raises:
        UsageError: For an unknown recipe, knob, model or split, or data that do not fit the recipe.
        InputError: For data that cannot be read.
    """
    kind = RECIPES[job.recipe]
    settings = read_config(kind, job.config)
    job = job.resolved(workspace)
    if job.model != NEW_T5:
        require_model(job.model)
    train_data, dev_data = _open(job.source() if data is None else data, dev)
    _refuse(kind.is_compatible(train_data.task))
    _refuse(kind.misses(train_data, settings))
    if here or job.device != "auto":
        place = pick_device(job.device)
        settings = settings.model_copy(update={"precision": resolve_precision(settings.precision, place)})
        job = job.model_copy(update={"device": str(place)})
    job = job.model_copy(update={"config": settings.model_dump(mode="json")})
    return Checked(job, train_data, dev_data, settings)


def train(
    recipe: str,
    data: Source | str,
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
    given = {"recipe": recipe, "model": model, "config": dict(config or {}), "device": device, "seed": seed}
    source = TrainingData(data) if isinstance(data, str) else data
    named = isinstance(source, TrainingData) and dev is None
    job = TrainJob.of(source, **given) if named else TrainJob(data=None, **given)  # type: ignore[arg-type]
    return train_job(job, Workspace(workspace), data=None if named else source, dev=dev, name=source.name)


def train_job(
    job: TrainJob,
    workspace: Workspace,
    *,
    data: Source | None = None,
    dev: RationaleDataset | None = None,
    name: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Run:
    """Creates the run of a training and does the work in this process.

    Args:
        job: What to do.
        workspace: Where the run is kept.
        data: The training data, where the job does not name all of them.
        dev: The development data, likewise.
        name: What the data are called; by default as the job calls them.
        about: title, owner, group, parent of the run.

    Raises:
        UsageError: See `train`; no run is made then.
    """
    check_sinks(job.sinks)
    together = join(pick_device(job.device))
    checked = check(job, workspace, data=data, dev=dev, here=True)
    recipe = checked.recipe(workspace)  # before the run is made: what cannot run should leave nothing behind
    if not together.main:
        run = workspace.get(together.share(None))
        _accompany(run, recipe)
        return run
    run = workspace.create_run(
        "train",
        checked.job.record(),
        data=name or job.data,
        fingerprint=checked.fingerprint,
        seed=job.seed,
        command=checked.job.command(),
        about={"title": job.title(), **(about or {})},
    )
    together.share(run.id)
    with attempt(run):
        _work(run, recipe, progress)
    return run


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
    place = Workspace(workspace)
    run = place.find(key)
    if run.kind != "train":
        raise UsageError(f"run {run.id} is of kind '{run.kind}'; only training can be resumed.")
    if run.status.state == "finished":
        raise UsageError(f"run {run.id} is finished; its model is in {run.model}.")
    if data is None and run.config["data"] is None:
        raise UsageError(f"the data of run {run.id} were objects in memory; give them again to resume.")
    together = join(pick_device(run.config["device"]))
    # Before the run is entered: a wish that cannot be met leaves its state as it was.
    recipe = _same(run, place, data, dev).recipe(place)
    if not together.main:
        _accompany(run, recipe, allow_inexact=allow_inexact)
        return run
    with attempt(run):
        _work(run, recipe, progress, allow_inexact=allow_inexact)
    return run


def work(run: Run, *, shown: Shown = progress, allow_inexact: bool = False) -> None:
    """Does the work of a training that this process owns, from its newest sound checkpoint if there is one.

    Args:
        run: The run.
        shown: Shows progress.
        allow_inexact: See `resume`.

    Raises:
        RationaleEvalError: If it cannot be done.
    """
    workspace = workspace_of(run)
    _work(run, _same(run, workspace).recipe(workspace), shown, allow_inexact=allow_inexact)


def _same(
    run: Run, workspace: Workspace, data: RationaleDataset | None = None, dev: RationaleDataset | None = None
) -> Checked:
    """The training that a run was made for; refused if its data are not what they were."""
    checked = check(placed(TrainJob(**run.config), run), workspace, data=data, dev=dev, here=True)
    if checked.fingerprint != run.provenance["data_fingerprint"]:
        raise UsageError(f"the data of run {run.id} changed since it began; start a new run.")
    return checked


def _open(source: Source, dev: RationaleDataset | None) -> tuple[RationaleDataset, RationaleDataset]:
    if isinstance(source, TrainingData):
        train_data, own_dev = source.open()
        return train_data, dev if dev is not None else own_dev
    return (source, dev) if dev is not None else hold_out(source)


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise UsageError(f"{reason}.")


def _work(run: Run, recipe: Recipe, shown: Shown, *, allow_inexact: bool = False) -> None:
    if _done(run):
        _clean_up(run)
        return
    subject = Subject(run.id, run.folder, str(run.asked.get("title") or ""), run.config)
    cut = 0
    with Sinks(run.config.get("sinks", ()), subject, run.say) as sinks:
        journal = Journal(run.metrics_file, told=sinks.log, guard=run.require_mine)
        try:
            for stage in recipe.stages():
                cut = max(cut, stage.data.truncated)
                size = len(stage.data.items)
                run.say(f"stage {stage.name}: {size} examples, {stage.data.truncated} of them cut short")
                with shown(stage.name) as report:
                    told = beating_report(run, stage.name, report)
                    outcome = _fit(run, recipe, stage, journal, told, allow_inexact)
                _tell(run, outcome)
                if outcome.state == "interrupted":
                    message = f"stopped after step {outcome.step} of {outcome.total}; go on with: {resume_command(run)}"
                    run.move("interrupted", reason="stopped", message=message)
                    return
        finally:
            journal.close()
        sinks.close(finished=True)
    _finish(run, recipe, outcome, cut)


def _done(run: Run) -> bool:
    """Whether an attempt did all the work and was killed before it could say so."""
    return run.summary is not None and durable.damage(run.model) is None


def _accompany(run: Run, recipe: Recipe, *, allow_inexact: bool = False) -> None:
    """The part of a process beside the main one: the same stages, and nothing is written."""
    if _done(run):
        return
    for stage in recipe.stages():
        if _fit(run, recipe, stage, Journal(None), silent, allow_inexact).state == "interrupted":
            return


def _fit(run: Run, recipe: Recipe, stage: Stage, journal: Journal, told: Report, allow_inexact: bool) -> Outcome:
    # The steps of each stage begin anew; only the main stage, called like its recipe, keeps its names short.
    prefix = "" if stage.name == recipe.name else f"{stage.name}/"
    return fit(
        stage.learner,
        stage.data,
        stage.settings,
        folder=run.checkpoints / stage.name,
        journal=journal.under(prefix),
        seed=run.config["seed"],
        report=told,
        allow_inexact=allow_inexact,
    )


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
    run.require_mine()
    with told_plainly("the finished model", run.folder), quiet():
        if run.model.exists():  # written by an attempt that was killed before it could say so
            shutil.rmtree(run.model)
        durable.write_folder(run.model, recipe.save)
    reached("train.model_written")
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
            "memory": peak_memory(),
            "device": str(model.device),
            "precision": recipe.config.precision,
            "model": str(run.model),
            "writes": getattr(model, "template", None) is not None,
        }
    )
    reached("train.summary_written")
    _clean_up(run)


def _clean_up(run: Run) -> None:
    """The finished model stands; what was only needed to resume would be six times its size."""
    shutil.rmtree(run.checkpoints, ignore_errors=True)
    reached("train.checkpoints_removed")


def resume_command(run: Run) -> str:
    """The command that goes on with a stopped run."""
    workspace = run.folder.parent.parent
    return shlex.join(["rationale-eval", "train", "--resume", run.id, "--workspace", str(workspace)])


__all__ = ["TrainingData", "check", "resume", "resume_command", "train", "train_job", "work"]
