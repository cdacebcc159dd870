"""Several trainings as one command: every configuration of a grid with every seed, as one group.

The group's id follows from what was asked, so that the same command, given again, goes on with what is missing or was
interrupted; more seeds may be asked for later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, Final, Literal

from rationale_eval.errors import RationaleEvalError, UsageError
from rationale_eval.verbs.groups import Group
from rationale_eval.verbs.job import TrainJob
from rationale_eval.workspace.runs import Run, Workspace

FIELDS: Final = ("model", "limit")
"""Names of a grid that are not knobs of the recipe."""

LARGEST: Final = 1000
"""Most trainings in one command: more is a slip of the pen."""

Event = Literal["begins", "goes on", "is finished", "is queued", "works elsewhere", "failed", "stopped", "left alone"]
Told = Callable[[str, Event, Run | None], None]
"""Called with a member's title, what happens to it, and its run."""


def train_many(
    job: TrainJob,
    *,
    seeds: Sequence[int] = (0,),
    grid: Mapping[str, Sequence[Any]] | None = None,
    workspace: Workspace | None = None,
    group: str | None = None,
    queue: bool = False,
    told: Told | None = None,
    owner: str | None = None,
) -> Group:
    """Trains every configuration of a grid with every seed; what is finished already is not done again.

    Args:
        job: What they have in common; its own seed does not count.
        seeds: The seeds.
        grid: Knobs of the recipe (or `model`, `limit`) and the values to try; all combinations are made.
        workspace: Where the runs are kept.
        group: What to call the group; by default a name that follows from `job` and `grid`.
        queue: Put them into the queue rather than train them here, one after the other.
        told: Hears what happens to each.
        owner: Who asks; the user of this process when not given.

    Returns:
        The group as it stands at the end. After a stop its runs are interrupted, or missing, and the same call goes on.
        A training that fails does not keep the others from being done. One that failed is tried again by the next
        call, except for numbers that were not finite: they would be so again.

    Raises:
        UsageError: If nothing can be made of the grid or a knob does not exist; nothing is trained then.
    """
    place = workspace or Workspace()
    jobs = members(job, seeds=seeds, grid=grid)
    records = [_record(one, place) for one in jobs.values()]
    name = group or group_name(job, grid)
    tell = told or _silently
    for (title, one), record in zip(jobs.items(), records, strict=True):
        # Read anew: another process may have taken up some of them in the meantime.
        run = Group.read(name, place).member(record)
        about = {"group": name, "title": title} | ({} if owner is None else {"owner": owner})
        if queue:
            _enqueue(one, run, place, about, tell)
        elif not _train(one, run, place, about, tell):
            break
    return Group.read(name, place)


def members(
    job: TrainJob, *, seeds: Sequence[int], grid: Mapping[str, Sequence[Any]] | None = None
) -> dict[str, TrainJob]:
    """The trainings of a sweep by title, the seeds of one configuration one after the other.

    Raises:
        UsageError: If a value or seed comes twice, there are none, or there are too many.
    """
    axes = {name: list(values) for name, values in (grid or {}).items()}
    for name, values in {**axes, "seeds": list(seeds)}.items():
        if not values:
            raise UsageError(f"{name} has no value to try.")
        if len(set(map(str, values))) < len(values):
            raise UsageError(f"{name} names a value twice: {', '.join(map(str, values))}.")
    found: dict[str, TrainJob] = {}
    for point in product(*axes.values()):
        chosen = dict(zip(axes, point, strict=True))
        knobs = {name: value for name, value in chosen.items() if name not in FIELDS}
        fields = {name: value for name, value in chosen.items() if name in FIELDS}
        for seed in seeds:
            update = {**fields, "seed": seed, "config": {**job.config, **knobs}}
            one = TrainJob.model_validate({**job.model_dump(), **update})
            words = [f"{name}={value}" for name, value in chosen.items()] + [f"seed {seed}"]
            found[f"{job.title()}: {', '.join(words)}"] = one
    if len(found) > LARGEST:
        raise UsageError(f"this asks for {len(found)} trainings; at most {LARGEST} can be asked for at once.")
    return found


def group_name(job: TrainJob, grid: Mapping[str, Sequence[Any]] | None = None) -> str:
    """The name that follows from a job, its seed aside, and a grid."""
    asked = {
        "job": job.model_dump(mode="json", exclude={"seed"}),
        "grid": {k: list(v) for k, v in (grid or {}).items()},
    }
    return "g-" + hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:10]


def _record(job: TrainJob, workspace: Workspace) -> dict[str, Any]:
    """The record that the job's run will hold, as far as that is known without data and device."""
    from rationale_eval.recipes import RECIPES
    from rationale_eval.recipes.record import read_config

    settings = read_config(RECIPES[job.recipe], job.config)
    return job.resolved(workspace).record() | {"config": settings.model_dump(mode="json")}


def _enqueue(job: TrainJob, run: Run | None, workspace: Workspace, placing: Mapping[str, Any], tell: Told) -> None:
    from rationale_eval.verbs.jobs import submit
    from rationale_eval.workspace.control import resume

    title = str(placing["title"])
    if run is None:
        tell(title, "is queued", submit(job, workspace=workspace, placing=placing))
    elif (event := _settled(run)) is not None:
        tell(title, event, run)
    elif run.status.state == "queued" and run.place is not None:
        tell(title, "is queued", run)
    else:
        resume(run)
        tell(title, "is queued", run)


def _train(job: TrainJob, run: Run | None, workspace: Workspace, about: Mapping[str, Any], tell: Told) -> bool:
    """Trains one member here; returns False if it was stopped, and all that follow are to be left."""
    from rationale_eval.models.load import pick_device
    from rationale_eval.training.processes import join
    from rationale_eval.verbs.train import resume, train_job

    title = str(about["title"])
    together = join(pick_device(job.device))
    # Another process may look a moment later and see what the main one has just begun.
    id, event = together.share([run.id, _settled(run)] if run is not None else [None, None])
    if event is not None:
        tell(title, event, run)
        return True
    tell(title, "begins" if id is None else "goes on", run)
    try:
        run = train_job(job, workspace, about=about) if id is None else resume(id, workspace=workspace.path)
    except UsageError:
        raise  # what is wrong here is wrong with the others
    except RationaleEvalError as error:
        if not together.alone:
            raise  # the others may be in the middle of something
        tell(f"{title}: {error}", "failed", run)
        return True
    stopped = together.share(run.status.state != "finished")
    tell(title, "stopped" if stopped else "is finished", run)
    return not stopped


def _settled(run: Run) -> Event | None:
    status = run.status
    if status.state == "finished":
        return "is finished"
    if status.state in ("starting", "running"):
        return "works elsewhere"
    return "left alone" if status.state == "failed" and status.reason == "non-finite" else None


def _silently(title: str, event: Event, run: Run | None) -> None:
    """Tells nobody."""
