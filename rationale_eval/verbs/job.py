"""What a user can start, as checked records: the command line, YAML files and `config.json` all hold one of these.

Reading a record needs no model and no torch; what is heavy is imported where a record is acted upon.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from rationale_eval.errors import UsageError
from rationale_eval.workspace.run import RunKind
from rationale_eval.workspace.runs import Run, Workspace
from rationale_eval.workspace.status import PENDING

if TYPE_CHECKING:
    from rationale_eval.data.dataset import RationaleDataset
    from rationale_eval.data.example import Task
    from rationale_eval.models.base import TaskModel
    from rationale_eval.verbs.training_data import TrainingData

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Called with what is being done and how many steps it has; gives a function to call with the steps done since."""

MEMORY: Final = Path("memory") / "answers.sqlite"
"""Where a workspace remembers the answers of models."""

DTYPES: Final = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
DEV_LIMIT: Final = 2000
"""Development examples by default: an accuracy of 0.8 is then known to about 0.018 (95 %)."""

_NAMED_DATA: Final = ("bundled/", "generated/", "hub:", "own/")
_NAMED_MODELS: Final = ("embedded/", "run:", "endpoint:", "new/")

SomeJob = TypeVar("SomeJob", bound="Job")


class Job(BaseModel):
    """What every job is told."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: str = Field(description="What to do.")
    data: str | None = Field(description="Name of a data set, a file, or a folder of splits.")
    limit: int | None = Field(None, ge=1, description="Use only the first so many examples.")
    sample: int | None = Field(None, ge=1, description="Use only so many examples, drawn at random from all.")
    mapping: dict[str, str] = Field(default_factory=dict, description="Our names to the columns of an own file.")
    model: str | None = Field(None, description="The model.")
    device: str = Field("auto", description="cpu, cuda, cuda:N, or auto.")
    seed: int = Field(0, ge=0, description="Where all randomness starts from.")

    def resolved(self: SomeJob, workspace: Workspace) -> SomeJob:
        """The job with names that mean the same from every folder and at every time: whole paths, ids of runs.

        Raises:
            UsageError: If a run is named that does not exist.
        """
        found: dict[str, Any] = {"data": _whole_path(self.data, _NAMED_DATA)}
        found["model"] = _whole_path(self.model, _NAMED_MODELS)
        if self.model is not None and self.model.startswith("run:"):
            found["model"] = f"run:{_trained(self.model, workspace).id}"
        return self.model_copy(update=found)

    def named(self) -> tuple[str, ...]:
        """Names of models, texts and scores that it reads; some of them may be runs."""
        return () if self.model is None else (self.model,)

    def needs(self, workspace: Workspace) -> list[str]:
        """Ids of the runs it reads the results of that have none yet: it can begin when they are finished.

        Raises:
            UsageError: If a run is named that does not exist.
        """
        found = [workspace.find(name) for name in self.named() if name.startswith("run:") and name != "run:latest"]
        return list(dict.fromkeys(run.id for run in found if run.status.state in PENDING))

    def record(self) -> dict[str, Any]:
        """The job as JSON values, without its kind, which a run keeps beside it."""
        return self.model_dump(mode="json", exclude={"kind"})

    def title(self) -> str:
        """The job in a few words, for lists."""
        return f"{self.kind} on {_short(self.data)}"

    def words(self) -> Iterator[str]:
        """The words of the command line that ask for the same."""
        yield from ("--data", str(self.data))
        yield from _option("--limit", self.limit)
        yield from _option("--sample", self.sample)
        yield from _pairs("--map", self.mapping)
        yield from _option("--model", self.model)
        yield from ("--device", self.device, "--seed", str(self.seed))

    def command(self) -> str | None:
        """The command that does the same again, or None where the data were objects in memory."""
        return None if self.data is None else shlex.join(["rationale-eval", self.kind, *self.words()])


class TrainJob(Job):
    """A recipe, what it learns from and what it starts from."""

    kind: Literal["train"] = "train"
    recipe: str = Field(description="How to train: the name of a recipe.")
    split: str = Field("train", description="Split to train on, or several joined by +.")
    dev_split: str | None = Field(None, description="Split to develop on; validation, else a held-out part.")
    dev_fraction: float | None = Field(None, description="Hold out this share of the training data instead.")
    dev_limit: int | None = Field(DEV_LIMIT, ge=1, description="Develop on at most so many examples.")
    model: str = Field("embedded/minilm", description="What to start from.")
    config: dict[str, Any] = Field(default_factory=dict, description="Knobs of the recipe.")
    sinks: tuple[str, ...] = Field((), description="Where numbers go besides: NAME or NAME:TARGET; see training/sinks.")

    @classmethod
    def of(cls, source: TrainingData, **others: Any) -> TrainJob:
        """The job that learns from a source."""
        return cls(
            data=source.name,
            split=source.split,
            dev_split=source.dev_split,
            dev_fraction=source.dev_fraction,
            limit=source.limit,
            sample=source.sample,
            dev_limit=source.dev_limit,
            mapping=dict(source.mapping or {}),
            **others,
        )

    def source(self) -> TrainingData:
        """What it learns from.

        Raises:
            UsageError: If the data were objects in memory.
        """
        from rationale_eval.verbs.training_data import TrainingData

        if self.data is None:
            raise UsageError("the data of this training were objects in memory; give them again.")
        return TrainingData(
            self.data,
            self.split,
            self.dev_split,
            self.dev_fraction,
            self.limit,
            self.dev_limit,
            self.mapping or None,
            self.sample,
        )

    def task(self) -> Task | None:
        """The task that the model will have been trained for; None where the data are objects in memory.

        Raises:
            UsageError: If the data set or its split does not exist.
            InputError: If it cannot be read.
        """
        from rationale_eval.data.load import load_dataset

        if self.data is None:
            return None
        return load_dataset(self.data, self.split.split("+")[0], mapping=self.mapping or None).task

    def title(self) -> str:
        """The job in a few words, for lists."""
        return f"{self.recipe} on {_short(self.data)}"

    def words(self) -> Iterator[str]:
        """The words of the command line that ask for the same."""
        yield self.recipe
        yield from super().words()
        yield from ("--split", self.split)
        yield from _option("--dev-split", self.dev_split)
        yield from _option("--dev-fraction", self.dev_fraction)
        yield from _option("--dev-limit", self.dev_limit)
        yield from _pairs("--set", self.config)
        for sink in self.sinks:
            yield from ("--sink", sink)


class ScoringJob(Job):
    """What jobs that make or score rationales are told."""

    data: str = Field(description="Name of a data set, a file, or a folder of splits.")
    split: str | None = Field(None, description="Its split; test, else validation, else train when not given.")
    model: str | None = Field(None, description="The model that the rationales explain; controls need none.")
    precision: Literal["fp32", "bf16", "fp16"] = Field("fp32", description="Number type of the model's arithmetic.")
    methods: tuple[str, ...] = Field((), description="Methods that make the rationales.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Their parameters: steps=20, lime.samples=50.")
    target: str = Field("predicted", description="The choice to explain: predicted, gold, or a label.")
    labels: dict[str, str] = Field(
        default_factory=dict,
        description="For a model of another task, the data's labels to the model's choices: normal=positive.",
    )
    remember: bool = Field(True, description="Remember the model's answers in the workspace.")

    def words(self) -> Iterator[str]:
        """The words of the command line that ask for the same."""
        yield from super().words()
        yield from _option("--split", self.split)
        yield from ("--precision", self.precision, "--target", self.target)
        if self.methods:
            yield from ("--methods", ",".join(self.methods))
        yield from _pairs("--set", self.settings)
        yield from _pairs("--labels", self.labels)
        if not self.remember:
            yield "--forget"

    def open_data(self, workspace: Workspace) -> RationaleDataset:
        """The data set; for a model of another task, with the model's choices.

        Raises:
            UsageError: If labels are translated that need or have no translation.
        """
        from rationale_eval.data.load import load_dataset
        from rationale_eval.verbs.transfer import own_task, transferred

        data = load_dataset(self.data, self.split, self.limit, self.mapping or None, sample=self.sample)
        own = own_task(self.model, data, workspace)
        if own is not None:
            return transferred(data, own, self.labels)
        if self.labels:
            raise UsageError("labels are translated only for a model of another task; leave out --labels.")
        return data

    def open_model(self, data: RationaleDataset, workspace: Workspace) -> TaskModel | None:
        """The model for a data set, or None where none is named.

        Raises:
            UsageError: If the model was never trained for a task: its decisions mean nothing.
        """
        if self.model is None:
            return None
        from rationale_eval.models.load import load_model

        dtype = DTYPES[self.precision]
        model = load_model(self.model, task=data.task, device=self.device, dtype=dtype, workspace=workspace.path)
        if not model.trained:
            raise UsageError(
                f"{self.model} has never been trained to choose, so its decisions mean nothing; train it first: "
                f"rationale-eval train fine_tune --data {self.data} --model {self.model}"
            )
        return model


class ExtractConfig(ScoringJob):
    """What to explain and how."""

    kind: Literal["extract"] = "extract"
    methods: tuple[str, ...] = Field(("integrated_gradients",), description="Methods that make the rationales.")

    def title(self) -> str:
        """The job in a few words, for lists."""
        return f"{', '.join(self.methods)} on {_short(self.data)}"


class EvaluateConfig(ScoringJob):
    """What to evaluate."""

    kind: Literal["evaluate"] = "evaluate"
    controls: tuple[str, ...] = Field(("random",), description="Controls that stand beside the methods.")
    scores: tuple[str, ...] = Field((), description="Files of word scores made before, or runs that extracted some.")
    texts: tuple[str, ...] = Field((), description="Free-text rationales: files, or runs that generated some.")
    encoder: str = Field("embedded/minilm", description="The encoder of metrics that compare texts by their states.")
    simulator: dict[str, Any] = Field(default_factory=dict, description="Knobs of simulators: epochs=2.")
    simulator_split: str = Field("train", description="Split of the same data that simulators learn from.")
    simulator_limit: int = Field(2000, ge=1, description="Examples they learn from, drawn at random.")
    simulator_texts: str | None = Field(
        None,
        description="What the same system said of that split: a file, or a run that generated it. Simulators then "
        "learn its answers and rationales; gold ones if not given.",
    )
    helper: str | None = Field(
        None, description="The language model that rewrites texts; the explained one if not given."
    )
    shots: int = Field(4, ge=0, le=64, description="Solved examples that the model is shown when it is asked again.")
    shots_from: str = Field("train", description="Split of the same data that they are drawn from.")
    metrics: tuple[str, ...] | None = Field(
        None, description="Metrics, as name or name:variant; the usual ones if not given."
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Parameters of metrics: removal=mask.")

    def resolved(self, workspace: Workspace) -> EvaluateConfig:
        """See `Job.resolved`; word scores and texts are named by whole path or run id too."""

        def whole(names: tuple[str, ...], kind: RunKind) -> tuple[str, ...]:
            return tuple(
                str(Path(name).absolute()) if Path(name).exists() else f"run:{_made(name, kind, workspace).id}"
                for name in names
            )

        found: dict[str, Any] = {"scores": whole(self.scores, "extract"), "texts": whole(self.texts, "generate")}
        if self.simulator_texts is not None:
            (found["simulator_texts"],) = whole((self.simulator_texts,), "generate")
        found["encoder"] = _whole_path(self.encoder, _NAMED_MODELS)
        found["helper"] = _whole_path(self.helper, _NAMED_MODELS)
        return super().resolved(workspace).model_copy(update=found)

    def named(self) -> tuple[str, ...]:
        """See `Job.named`."""
        others = (name for name in (self.helper, self.encoder) if name is not None)
        return (*super().named(), *others, *self.scores, *self.texts)

    def title(self) -> str:
        """The job in a few words, for lists."""
        files = (*map(_made_by, self.scores), *map(_made_by, self.texts))
        what = ", ".join((*self.methods, *files)) or self.model or "gold"
        return f"{what} on {_short(self.data)}"

    def words(self) -> Iterator[str]:
        """The words of the command line that ask for the same."""
        yield from super().words()
        yield from ("--controls", ",".join(self.controls) or "none")
        for name in self.scores:
            yield from ("--scores", name)
        for name in self.texts:
            yield from ("--texts", name)
        if self.texts:
            yield from ("--encoder", self.encoder, "--simulator-split", self.simulator_split)
            yield from ("--simulator-limit", str(self.simulator_limit))
            yield from _option("--simulator-texts", self.simulator_texts)
            yield from _pairs("--simulator", self.simulator)
            yield from _option("--helper", self.helper)
            yield from ("--shots", str(self.shots), "--shots-from", self.shots_from)
        if self.metrics:
            yield from ("--metrics", ",".join(self.metrics))
        yield from _pairs("--option", self.options)


def placed(job: SomeJob, run: Run) -> SomeJob:
    """The job on the device that its run was given, where it left the choice open."""
    given = run.status.device
    return job if job.device != "auto" or given is None else job.model_copy(update={"device": given})


def workspace_of(run: Run) -> Workspace:
    """The workspace a run lies in."""
    return Workspace(run.workspace)


def require_model(name: str | None) -> None:
    """Refuses a model's name that leads nowhere, as far as that shows without loading or fetching it.

    Raises:
        UsageError: If there is no such model.
        InputError: If the name leads to a file.
    """
    from rationale_eval.models import embedded, source

    if name is None or name.startswith("run:") or name in (embedded.MINILM, embedded.SMOLLM2) or Path(name).is_dir():
        return
    if name.startswith(("embedded/", source.NEW)) or not source.is_hub_id(name):
        source.find(name)


def _short(data: str | None) -> str:
    if data is None:
        return "data in memory"
    return data if data.startswith(_NAMED_DATA) else Path(data).name


def _made_by(name: str) -> str:
    """What was scored, in a word: a file without its ending, or the last four signs of a run, which tell runs apart."""
    return f"run {name[-4:]}" if name.startswith("run:") else Path(name).stem


def _whole_path(name: str | None, named: tuple[str, ...]) -> str | None:
    if name is None or name.startswith(named) or "\0" in name or not Path(name).exists():
        return name
    return str(Path(name).absolute())


def _made(name: str, kind: RunKind, workspace: Workspace) -> Run:
    """The run that a name means; "latest" is the newest of its kind.

    Raises:
        UsageError: If there is none.
    """
    if name.removeprefix("run:") != "latest":
        return workspace.find(name)
    newest = workspace.latest(kind)
    if newest is None:
        raise UsageError(f"no run in {workspace.path} is of the kind {kind}; start one with `rationale-eval {kind}`")
    return newest


def _trained(name: str, workspace: Workspace) -> Run:
    """The training run that a model's name means: one that has a model or, by its id, one that may still get one.

    Raises:
        UsageError: If there is no such run, or it will never have a model.
    """
    key = name.removeprefix("run:")
    if key == "latest":
        made = [run for run in workspace.runs() if run.model.is_dir()]
        if not made:
            raise UsageError(
                f"no run in {workspace.path} has a model yet; train one with `rationale-eval train fine_tune`"
            )
        return made[-1]
    run = workspace.find(key)
    if run.model.is_dir() or (run.kind == "train" and run.status.state in PENDING):
        return run
    raise UsageError(f"the run '{key}' in {workspace.path} has no model; name a finished training run")


def _option(name: str, value: object) -> tuple[str, ...]:
    return () if value is None else (name, str(value))


def _pairs(option: str, values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield from (option, f"{name}={_spelled(value)}")


def _spelled(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ",".join(map(_spelled, value))
    return str(value)
