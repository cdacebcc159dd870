"""The kinds of jobs, and the one way to read, submit and perform any of them."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from pydantic import ValidationError

from rationale_eval.errors import InputError, UsageError
from rationale_eval.registry import Registry
from rationale_eval.verbs.attempt import attempt
from rationale_eval.verbs.audit_job import AuditConfig
from rationale_eval.verbs.generate_job import GenerateConfig
from rationale_eval.verbs.job import EvaluateConfig, ExtractConfig, Job, TrainJob
from rationale_eval.verbs.job_file import parse_file
from rationale_eval.workspace.run import RunKind
from rationale_eval.workspace.runs import Run, Workspace

if TYPE_CHECKING:
    from rationale_eval.data.dataset import RationaleDataset


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job.

    Args:
        record: What it is told.
        module: Where `check(job, workspace)` and `work(run)` are; imported when needed, since that takes seconds.
    """

    record: type[Job]
    module: str

    def check(self, job: Job, workspace: Workspace) -> Any:
        """The job with every name resolved (`.job`) and the content hash of its data (`.fingerprint`)."""
        return _imported(self.module).check(job, workspace)

    def work(self, run: Run, **how: Any) -> None:
        """Does the work of a run that this process owns."""
        _imported(self.module).work(run, **how)


def _imported(module: str) -> Any:
    # The collector would walk the objects of torch and transformers over and over: a sixth of the time of importing.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module(module)
    finally:
        if collecting:
            gc.enable()


JOBS: Final[Registry[JobKind]] = Registry("kind of job")
JOBS.add("train", JobKind(TrainJob, "rationale_eval.verbs.train"))
JOBS.add("extract", JobKind(ExtractConfig, "rationale_eval.verbs.extract_run"))
JOBS.add("generate", JobKind(GenerateConfig, "rationale_eval.verbs.generate_run"))
JOBS.add("evaluate", JobKind(EvaluateConfig, "rationale_eval.verbs.evaluate_run"))
JOBS.add("audit", JobKind(AuditConfig, "rationale_eval.verbs.audit_run"))


def submit(
    job: Job | Mapping[str, Any] | str | Path | None = None,
    *,
    workspace: Workspace | str | Path | None = None,
    placing: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Run:
    """Checks a job as far as that goes without loading a model, and puts it into the queue.

    Args:
        job: A record, a mapping, or a YAML or JSON file; or nothing, and the fields as keywords.
        workspace: Where the run is kept.
        placing: Where in the queue and under whose name: `priority`, `owner`, `group`, `title`, `parent`.
        fields: The fields of the record, `kind` among them.

    Returns:
        The queued run.

    Raises:
        UsageError: For names that do not exist and things that do not go together; no run is made then.
        InputError: For files that cannot be used.

    Example:
        >>> run = submit(kind="train", recipe="fine_tune", data="bundled/nli", config={"epochs": 3})
    """
    place = workspace if isinstance(workspace, Workspace) else Workspace(workspace)
    if isinstance(job, str | Path):
        file, job = str(job), load_job(job)
        try:
            checked = JOBS[job.kind].check(job, place)
        except UsageError as error:
            raise InputError(str(error), file=file) from error
    else:
        job = job if isinstance(job, Job) else read_job({**(job or {}), **fields})
        checked = JOBS[job.kind].check(job, place)
    found: Job = checked.job
    return place.submit(
        cast(RunKind, found.kind),
        found.record(),
        data=job.data,
        fingerprint=checked.fingerprint,
        seed=found.seed,
        device=found.device,
        command=found.command(),
        after=found.needs(place),
        **{"title": found.title(), **(placing or {})},
    )


def perform(run: Run, *, launched: bool = False, **how: Any) -> None:
    """Does the work of a run in its folder, whatever kind it is; a stopped one goes on or begins again.

    Args:
        run: A run that was submitted, or stopped before its end.
        launched: Whether this process was started for the run; see `Run.working`.
        how: `shown`, which shows progress; for a training `allow_inexact`, see `resume`.

    Raises:
        RationaleEvalError: If it cannot be done; the run is then failed, with the reason.
    """
    with attempt(run, launched=launched):
        run.beat(0, 0, "loading")
        JOBS[run.kind].work(run, **how)


def resume(
    key: str,
    *,
    data: RationaleDataset | None = None,
    dev: RationaleDataset | None = None,
    workspace: str | Path | None = None,
    allow_inexact: bool = False,
) -> Run:
    """Goes on, in this process, with a run that was interrupted, cancelled or failed.

    A training goes on from its newest sound checkpoint. An evaluation keeps the rationales that it has, and an
    extraction begins again; both remember the answers of the model.

    Args:
        key: The run's id or a part of it.
        data: The training data, for a training whose data were objects in memory; they must have the same content.
        dev: Its development data, likewise.
        workspace: Where the run is kept.
        allow_inexact: Go on with a training even if another software version, thread count or processor makes the
            result not bit-exact.

    Raises:
        UsageError: If there is nothing to resume, the data changed, or it would not be exact and that is not allowed.
    """
    run = Workspace(workspace).find(key)
    if run.kind == "train":
        from rationale_eval.verbs.train import resume as resume_training

        return resume_training(run.id, data=data, dev=dev, workspace=workspace, allow_inexact=allow_inexact)
    require_unfinished(run)
    if data is not None or dev is not None or allow_inexact:
        raise UsageError(f"run {run.id} is of kind '{run.kind}'; data and allow_inexact are for a training.")
    perform(run)
    return run


def require_unfinished(run: Run) -> None:
    """Refuses to go on with a run that is finished.

    Raises:
        UsageError: With what can be done in place of that.
    """
    if run.status.state == "finished":
        raise UsageError(f"run {run.id} is finished; the same again is rationale-eval runs retry {run.id}")


def retry(run: Run, changes: Mapping[str, str] | None = None, *, placing: Mapping[str, Any] | None = None) -> Run:
    """Submits what a run was asked once more, as a run of its own; the first one is its parent.

    Args:
        run: A run, in whatever state.
        changes: What is to be different: fields of its record, or knobs of its recipe or methods, as text.
        placing: See `submit`; the group stays that of the run unless another is named.

    Raises:
        UsageError: If something of that name cannot be set, or the changed job cannot be done.
    """
    job = changed(job_of(run), changes or {})
    same = {"parent": run.id, "group": run.asked.get("group")}
    given = {name: value for name, value in (placing or {}).items() if value is not None}
    return submit(job, workspace=Workspace(run.workspace), placing={**same, **given})


def changed(job: Job, changes: Mapping[str, str]) -> Job:
    """A job with some values replaced.

    Args:
        job: The job.
        changes: By name: a field of the record ("seed"), an entry of one ("config.lr"), or a knob ("lr"), as text;
            "none" stands for no value, and commas part the values of a list.

    Raises:
        UsageError: If the job has nothing of that name, or a value cannot be used.
    """
    values: dict[str, Any] = job.model_dump(mode="json")
    knobs = "config" if "config" in values else "settings"
    for name, text in changes.items():
        field, dot, entry = name.partition(".")
        value = None if text.lower() == "none" else text
        if dot and isinstance(values.get(field), dict):
            values[field][entry] = value
        elif name == "kind":
            raise UsageError(f"a job of kind {job.kind} stays one; submit another in its place.")
        elif name in values:
            listed = isinstance(getattr(job, name), tuple) or name == "metrics"
            values[name] = text.split(",") if listed and value is not None else value
        else:
            values[knobs][name] = value
    return read_job(values)


def job_of(run: Run) -> Job:
    """The record that a run was made from."""
    return read_job({"kind": run.kind, **run.config}, f"run {run.id}")


def load_job(path: str | Path) -> Job:
    """Reads a job from a YAML or JSON file.

    Args:
        path: A `.yaml`, `.yml` or `.json` file; its names are read from the present folder.

    Raises:
        InputError: One sentence that names the file and every key at fault.
    """
    return read_job(parse_file(Path(path)), str(path))


def read_job(values: Any, file: str | None = None) -> Job:
    """Checks the fields of a job.

    Args:
        values: A mapping from field names, `kind` among them.
        file: Where they come from, for messages.

    Raises:
        InputError: If they come from a file; it names the file and every key at fault.
        UsageError: If they do not.
    """
    if not isinstance(values, Mapping):
        _refuse("holds no job; a job is a list of `key: value`, with the key `kind` among them", file, None)
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in JOBS:
        close = get_close_matches(str(kind), JOBS, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; choose one of {', '.join(JOBS)}"
        said = "is missing" if kind is None else f"there is no kind of job '{kind}'"
        _refuse(said + hint, file, "kind")
    record = JOBS[kind].record
    try:
        return record.model_validate(dict(values))
    except ValidationError as error:
        first, *others = [(_place(one["loc"]), _problem(record, one)) for one in error.errors()]
        more = "".join(f"; {place}: {problem}" for place, problem in others)
        _refuse(first[1] + more, file, first[0])


def _refuse(problem: str, file: str | None, field: str | None) -> NoReturn:
    if file is not None:
        raise InputError(problem, file=file, field=field)
    raise UsageError(f"{field}: {problem}" if field else f"this {problem}")


def _place(loc: tuple[Any, ...]) -> str:
    return ".".join(map(str, loc))


def _problem(record: type[Job], detail: Any) -> str:
    message = str(detail["msg"])
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] == "tuple_type":
        return "a list is expected"
    if detail["type"] != "extra_forbidden":
        return message[:1].lower() + message[1:]
    close = get_close_matches(_place(detail["loc"]), record.model_fields, n=1)
    return "there is no such key" + (f"; did you mean {close[0]}?" if close else "")
