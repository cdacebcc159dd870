"""An evaluation as a run: rationales made or read, scored, and kept in a run folder with all that repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rationale_eval import durable
from rationale_eval.data.dataset import RationaleDataset
from rationale_eval.data.explanations import load_explanations
from rationale_eval.data.rationale import Explanations
from rationale_eval.errors import UsageError
from rationale_eval.models.base import TaskModel
from rationale_eval.rationales.extract import check as check_methods
from rationale_eval.simulators.service import Simulators
from rationale_eval.training.progress import progress as bar
from rationale_eval.verbs.attempt import attempt
from rationale_eval.verbs.beats import Shown, beating, counted, reported
from rationale_eval.verbs.checked import Checked, require_same
from rationale_eval.verbs.chosen_metrics import choose_metrics, choose_text_metrics, possible
from rationale_eval.verbs.evaluate import evaluate
from rationale_eval.verbs.evaluate_asking import Asking, make_asking, require_lm, usual_reading
from rationale_eval.verbs.evaluate_texts import check_controls, evaluate_texts, read_texts
from rationale_eval.verbs.extract import choose_methods, extract_to
from rationale_eval.verbs.extract_run import FOLDER
from rationale_eval.verbs.job import MEMORY, EvaluateConfig, Progress, placed, require_model, workspace_of
from rationale_eval.verbs.predictions import FILE as ANSWERS
from rationale_eval.verbs.result import EVALUATION, Result
from rationale_eval.verbs.simulating import asked_views, asked_weights, make_simulators, require_views
from rationale_eval.verbs.taught import what_is_taught
from rationale_eval.workspace.runs import Run, Workspace


def check(job: EvaluateConfig, workspace: Workspace) -> Checked[EvaluateConfig]:
    """Checks an evaluation without loading its model.

    Raises:
        UsageError: For names that do not exist and things that do not go together.
        InputError: For data and files that cannot be used.
    """
    if job.texts:
        return _check_texts(job, workspace)
    if job.simulator_texts is not None:
        raise UsageError("--simulator-texts are for the simulators of free text; give --texts too, or leave them out")
    wanted = choose_metrics(job.metrics, job.options)
    methods = (*job.methods, *job.controls)
    chosen = choose_methods(methods, job.settings) if methods else []
    job = job.resolved(workspace)
    require_model(job.model)
    if job.model is None:
        check_methods(chosen, None)
    data = job.open_data(workspace)
    named = job.metrics is not None
    possible(wanted, named, data, model=job.model is not None, rationales=bool(methods or job.scores))
    return Checked(job, data)


def _check_texts(job: EvaluateConfig, workspace: Workspace) -> Checked[EvaluateConfig]:
    if job.methods or job.scores:
        raise UsageError("free text and word scores are measured by different metrics; evaluate them one at a time.")
    wanted = choose_text_metrics(job.metrics, job.options)
    require_lm(wanted, job.model)
    require_views(job.simulator, wanted)
    check_controls(job.controls)
    job = job.resolved(workspace)
    require_model(job.encoder)
    require_model(job.model)
    require_model(job.helper)
    data = job.open_data(workspace)
    if job.model is not None:
        usual_reading(job, data)
    coming = set(job.needs(workspace))
    read_texts([name for name in job.texts if name.removeprefix("run:") not in coming], data, workspace)
    if asked_weights(wanted):
        what_is_taught(job, data, workspace)
    return Checked(job, data)


def evaluate_run(
    config: EvaluateConfig,
    *,
    workspace: Workspace | None = None,
    progress: Progress | None = None,
    about: Mapping[str, Any] | None = None,
) -> tuple[Run, Result]:
    """Makes the rationales, scores them and keeps everything in a run folder.

    The folder gets `explanations/METHOD.parquet`, `examples.parquet` (one row for each example, method, metric and
    variant), `predictions.parquet` (who answered what), `evaluation.json` (what was evaluated and how) and
    `summary.json` (corpus values with intervals).

    Args:
        config: What to do.
        workspace: Where runs are kept; the default workspace when None.
        progress: Shows progress.
        about: title, owner, group, parent of the run.

    Raises:
        UsageError: For names that do not exist and things that do not go together.
        InputError: For data and files that cannot be used.
    """
    place = workspace or Workspace()
    checked = check(config, place)
    model = checked.job.open_model(checked.data, place)
    run = checked.new_run(place, about)
    with attempt(run):
        result = _work(run, checked, model, progress)
    return run, result


def work(run: Run, *, shown: Shown = bar) -> None:
    """Does the work of an evaluation that this process owns; rationales that lie there whole are not made again.

    Args:
        run: The run.
        shown: Shows progress.

    Raises:
        RationaleEvalError: If it cannot be done.
    """
    place = workspace_of(run)
    checked = check(placed(EvaluateConfig(**run.config), run), place)
    require_same(run, checked.fingerprint)
    _work(run, checked, checked.job.open_model(checked.data, place), counted(shown))


def _work(run: Run, checked: Checked[EvaluateConfig], model: TaskModel | None, progress: Progress | None) -> Result:
    show = beating(run, progress)
    if checked.job.texts:
        result = _score_texts(run, checked, model, show)
    else:
        result = _score_words(run, checked, model, show)
    durable.write_json(run.folder / EVALUATION, result.provenance)
    run.write_summary({"results": result.records()})
    return result


def _score_texts(run: Run, checked: Checked[EvaluateConfig], model: TaskModel | None, show: Progress) -> Result:
    job, data, place = checked.job, checked.data, workspace_of(run)
    wanted = choose_text_metrics(job.metrics, job.options)
    taught = what_is_taught(job, data, place) if asked_weights(wanted) else None
    simulators: dict[str, Simulators] = {}
    if taught is not None:
        simulators = make_simulators(
            job, taught, wanted, workspace=place, work=run.folder / "simulators", shown=reported(show)
        )
    for weights, made in simulators.items():
        made.train_all(asked_views(wanted, weights), job.seed)
    found = read_texts(job.texts, data, place)
    systems, files = [each for each, _ in found], {each.system: file for each, file in found}
    with show("scoring", len(data) * (1 if model is None else 2)) as step:
        asking: Asking | None = None
        if model is not None:
            asking = make_asking(job, data, model, files, place, step)
        result = evaluate_texts(
            data,
            systems,
            wanted,
            controls=job.controls,
            encoder=job.encoder,
            simulators=simulators,
            asking=asking,
            device=job.device,
            seed=job.seed,
            out=run.examples,
            progress=step,
        )
    return Result(result.path, result.provenance | {"taught": None if taught is None else dict(taught.about)})


def _score_words(run: Run, checked: Checked[EvaluateConfig], model: TaskModel | None, show: Progress) -> Result:
    job, data, place = checked.job, checked.data, workspace_of(run)
    memory = place.path / MEMORY if job.remember else None
    explanations = [*_made(job, data, model, run, memory, show), *_read(job, place)]
    with show("scoring", len(data)) as step:
        return evaluate(
            data,
            explanations,
            model=model,
            metrics=job.metrics,
            options=job.options,
            memory=memory,
            seed=job.seed,
            out=run.examples,
            progress=step,
        )


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
            run.folder / FOLDER,
            model,
            data,
            wanted,
            settings=config.settings,
            target=config.target,
            seed=config.seed,
            memory=memory,
            progress=step,
            reuse=True,
        )


def _read(config: EvaluateConfig, workspace: Workspace) -> list[Explanations]:
    found: list[Explanations] = []
    for name in config.scores:
        path = Path(name)
        if not path.exists():
            path = workspace.find(name).folder
        files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        found += [load_explanations(file) for file in files if file.name not in ("examples.parquet", ANSWERS)]
    return found
