"""What a sink is, and the few that a run was told to feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol

from rationale_eval.errors import UsageError


@dataclass(frozen=True, slots=True)
class Subject:
    """The run that a sink is told of.

    Args:
        id: The run's id.
        folder: Its folder.
        title: What it does, for people.
        config: What was asked, JSON values.
    """

    id: str
    folder: Path
    title: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


class Sink(Protocol):
    """Something that shows numbers. Any method may fail: training goes on without the sink."""

    def open(self, subject: Subject) -> None:
        """Called once before the first number, and again in every attempt at the same run."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Called with the numbers of a step by name, each once; values may be NaN or infinite."""

    def close(self, finished: bool) -> None:
        """Called once; `finished` is False where the run stopped before its end."""


@dataclass(frozen=True, slots=True)
class _Kind:
    package: str
    place: str


KINDS: Final[Mapping[str, _Kind]] = {
    "tensorboard": _Kind("tensorboard", "a folder"),
    "mlflow": _Kind("mlflow", "a tracking address"),
    "wandb": _Kind("wandb", "a project"),
}
"""The sinks; each is a file here with a function `make(target)`, and an extra of the same name installs its package."""


def check_sinks(specs: Sequence[str]) -> None:
    """Refuses sinks that do not exist or whose package is not installed.

    Args:
        specs: `NAME` or `NAME:TARGET`, for example "tensorboard:curves".

    Raises:
        UsageError: One sentence that says what to do.
    """
    for spec in specs:
        name = spec.partition(":")[0]
        if name not in KINDS:
            raise UsageError(f"there is no sink '{name}'; choose among {', '.join(KINDS)}.")
        if find_spec(KINDS[name].package) is None:
            raise UsageError(
                f"the sink '{name}' needs a package that is not installed; "
                f"install it with: pip install 'rationale_eval[{name}]'"
            )


def make_sink(spec: str) -> Sink:
    """The sink that `NAME` or `NAME:TARGET` means; its package is imported when it is opened."""
    name, _, target = spec.partition(":")
    sink: Sink = import_module(f"rationale_eval.training.sinks.{name}").make(target or None)
    return sink


class Sinks:
    """The sinks of one run, open for the length of a block. None of them can stop it.

    Args:
        specs: Which; see `check_sinks`.
        subject: The run.
        say: Called with one sentence when a sink fails; that sink is then left alone.
    """

    def __init__(self, specs: Sequence[str], subject: Subject, say: Callable[[str], None]):
        self.specs, self.subject, self.say = specs, subject, say
        self._open: dict[str, Sink] = {}

    def __enter__(self) -> Sinks:
        for spec in self.specs:

            def begin(spec: str = spec) -> None:
                sink = make_sink(spec)
                sink.open(self.subject)
                self._open[spec] = sink

            self._guarded(spec, begin)
        return self

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Tells all sinks the numbers of a step."""
        for spec, sink in list(self._open.items()):
            self._guarded(spec, lambda sink=sink: sink.log(step, values))  # type: ignore[misc]

    def close(self, *, finished: bool) -> None:
        """Closes all sinks; those of a run that goes on another time may be opened again."""
        for spec, sink in list(self._open.items()):
            self._guarded(spec, lambda sink=sink: sink.close(finished))  # type: ignore[misc]
        self._open.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(finished=False)

    def _guarded(self, spec: str, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever another's dashboard does, training goes on
            self._open.pop(spec, None)
            self.say(f"the sink {spec} failed and is told nothing more: {type(error).__name__}: {error}")
